import { latin1 } from '@glammp/wire'
import { unsigned64 } from './command-line.js'
import { Item, type Store, type Value } from './store.js'

/** How an item is stored. */
export type Mode = 'set' | 'add' | 'replace' | 'append' | 'prepend' | 'cas'

/** What came of it. */
export type Stored = 'STORED' | 'NOT_STORED' | 'EXISTS' | 'NOT_FOUND'

/** From this length on a value is kept as bytes. */
const LONG = 2_048

/** Bytes of a chunk to keep. */
export function keep(bytes: Buffer, start: number, end: number): Value {
  return end - start < LONG ? latin1(bytes, start, end) : Buffer.from(bytes.subarray(start, end))
}

/** The bytes of a value. */
export function bytesOf(value: Value): Buffer {
  return typeof value === 'string' ? Buffer.from(value, 'latin1') : value
}

function joined(first: Value, second: Value): Value {
  if (typeof first === 'string' && typeof second === 'string') {
    if (first.length + second.length < LONG) return first + second
  }
  return Buffer.concat([bytesOf(first), bytesOf(second)])
}

/**
 * Stores an item whose value has come.
 *
 * @param expected - the cas number that the old item has to have; 0: any.
 * @param takesStale - an older cas number is taken as well, and the item is then stale.
 */
export function storeItem(
  store: Store,
  item: Item,
  mode: Mode,
  expected = 0n,
  takesStale = false,
): Stored {
  const outcome = put(store, item, mode, expected, takesStale)
  const isJoined = outcome === 'STORED' && (mode === 'append' || mode === 'prepend')
  const logged = isJoined ? store.items.get(item.key) : item
  store.log?.stored(logged ?? item, mode, outcome.toLowerCase())
  return outcome
}

function put(store: Store, item: Item, mode: Mode, expected: bigint, takesStale: boolean): Stored {
  const old = store.find(item.key)
  if (old === undefined) {
    if (mode === 'cas') {
      store.counters.cas_misses += 1
      return 'NOT_FOUND'
    }
    if (mode !== 'set' && mode !== 'add') return 'NOT_STORED'
    store.link(item)
    return 'STORED'
  }
  const matches = expected === BigInt(old.cas)
  switch (mode) {
    case 'add':
      store.promote(old)
      return 'NOT_STORED'
    case 'cas':
      if (matches) {
        store.count('cas_hits', old)
      } else if (takesStale && expected !== 0n && expected < BigInt(old.cas)) {
        store.count('cas_hits', old)
        item.exptime = old.exptime
        item.stale = true
        item.tokenSent = old.tokenSent
      } else {
        store.count('cas_badval', old)
        return 'EXISTS'
      }
      store.link(item)
      return 'STORED'
    case 'append':
    case 'prepend': {
      if (expected !== 0n && !matches) return 'EXISTS'
      const length = old.value.length + item.value.length
      if (store.refusal(old.key.length, old.flags, length) !== undefined) return 'NOT_STORED'
      const value =
        mode === 'append' ? joined(old.value, item.value) : joined(item.value, old.value)
      const whole = new Item(old.key, old.flags, old.exptime, value)
      store.link(whole)
      item.cas = whole.cas
      return 'STORED'
    }
    default:
      store.link(item)
      return 'STORED'
  }
}

/** What adding to a number did: the number as text, and the item; or why it did nothing. */
export type Added =
  | { readonly text: string; readonly item: Item }
  | 'missing'
  | 'not a number'
  | 'exists'
  | 'no memory'

const MASK = (1n << 64n) - 1n

/**
 * Adds to a number of 64 bits, which wraps, or takes away from it, which ends at 0.
 *
 * @param expected - the cas number that the item has to have; 0: any.
 */
export function addDelta(
  store: Store,
  key: string,
  up: boolean,
  delta: bigint,
  expected = 0n,
): Added {
  const item = store.find(key)
  if (item === undefined) {
    return 'missing'
  }
  const { length } = item.value
  if (length === 0 || item.size > store.classes.largestChunk) return 'not a number'
  if (expected !== 0n && expected !== BigInt(item.cas)) return 'exists'
  const before = item.value
  const value = unsigned64(typeof before === 'string' ? before : latin1(before, 0, length))
  if (value === undefined) return 'not a number'
  store.count(up ? 'incr_hits' : 'decr_hits', item)
  const sum = up ? (value + delta) & MASK : delta > value ? 0n : value - delta
  const text = sum.toString()
  if (text.length <= length) {
    // It keeps its place, and so its length.
    const padded = text.padEnd(length)
    item.value = length < LONG ? padded : Buffer.from(padded, 'latin1')
    item.cas = store.takeCas()
    store.promote(item)
    return { text, item }
  }
  if (store.refusal(key.length, item.flags, text.length) !== undefined) return 'no memory'
  const longer = new Item(key, item.flags, item.exptime, text)
  store.link(longer)
  // What asked sees the item that was there: a new time to live goes to that one, and is lost.
  item.cas = longer.cas
  return { text, item }
}
