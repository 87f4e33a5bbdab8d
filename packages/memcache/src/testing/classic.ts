import { addDelta, type Mode, storeItem } from './changes.js'
import { BAD_LINE, signed32, unsigned32, unsigned64 } from './command-line.js'
import type { Run, Session } from './session.js'
import { Item, type Value } from './store.js'

/** Longest key, in bytes. */
export const LONGEST_KEY = 250
/** Longest value that a line can announce. */
export const LONGEST_VALUE: number = 2 ** 31 - 3

/** What a retrieval does beside it. */
interface Retrieval {
  readonly cas?: boolean
  readonly touches?: boolean
}

/** `get` and its kin: any number of keys. */
export function get({ cas = false, touches = false }: Retrieval): Run {
  return (session, words) => {
    const { store } = session
    let first = 1
    let exptime = 0
    if (touches) {
      const seconds = signed32(words[1] as string)
      if (seconds === undefined) {
        session.reply('CLIENT_ERROR invalid exptime argument')
        return
      }
      exptime = store.momentOf(seconds)
      first = 2
    }
    const answers: Value[] = []
    for (let index = first; index < words.length; index += 1) {
      const key = words[index] as string
      if (key.length > LONGEST_KEY) {
        // What was found before it is not told, though it counts as read.
        session.reply(BAD_LINE)
        return
      }
      const item = store.read(key)
      count(session, touches, item)
      session.owner.settings.prefixes.count('get', key, item !== undefined)
      if (item === undefined) continue
      if (touches) item.exptime = exptime
      const { value } = item
      const end = cas ? ` ${item.cas}\r\n` : '\r\n'
      answers.push(`VALUE ${item.key} ${item.flags} ${value.length}${end}`, value, '\r\n')
    }
    for (const answer of answers) session.write(answer)
    session.write('END\r\n')
  }
}

function count({ store }: Session, touches: boolean, item: Item | undefined): void {
  const { counters } = store
  counters[touches ? 'cmd_touch' : 'cmd_get'] += 1
  if (item === undefined) {
    counters[touches ? 'touch_misses' : 'get_misses'] += 1
  } else {
    store.count(touches ? 'touch_hits' : 'get_hits', item)
  }
}

/** `set` and its kin: key, flags, exptime, length, and the number of `cas`. */
export function store(mode: Mode): Run {
  return (session, words) => {
    session.noreply = words.at(-1) === 'noreply'
    const [, key, ...numbers] = words as [string, string, string, string, string, string]
    const flags = unsigned32(numbers[0])
    const exptime = signed32(numbers[1])
    const length = signed32(numbers[2])
    const expected = mode === 'cas' ? unsigned64(numbers[3]) : 0n
    if (
      key.length > LONGEST_KEY ||
      flags === undefined ||
      exptime === undefined ||
      length === undefined ||
      expected === undefined ||
      length < 0 ||
      length > LONGEST_VALUE
    ) {
      // The value will be taken for commands.
      session.reply(BAD_LINE)
      return
    }
    session.owner.settings.prefixes.count('set', key)
    const item = new Item(key, flags, session.store.momentOf(exptime), '')
    if (!hasRoom(session, item, length, mode, mode === 'set')) return
    session.expect(length, (value, isWhole) => {
      item.value = value
      session.store.count('cmd_set', item)
      session.reply(
        isWhole ? storeItem(session.store, item, mode, expected) : 'CLIENT_ERROR bad data chunk',
      )
    })
  }
}

/** Whether an item can be stored; if not, that was said, and the value will be passed over. */
export function hasRoom(
  session: Session,
  item: Item,
  length: number,
  mode: Mode,
  replaces: boolean,
): boolean {
  const { store } = session
  const refusal = store.refusal(item.key.length, item.flags, length)
  if (refusal === undefined) return true
  if (refusal === 'too large') {
    store.counters.store_too_large += 1
    session.reply('SERVER_ERROR object too large for cache')
  } else {
    store.counters.store_no_memory += 1
    session.insist('SERVER_ERROR out of memory storing object')
  }
  store.log?.refused(item.key, mode, refusal === 'too large' ? 'too_large' : 'no_memory')
  session.swallow(length)
  // Better none than the old value.
  const old = replaces ? store.find(item.key) : undefined
  if (old !== undefined) store.unlink(old)
  return false
}

export function touch(session: Session, words: readonly string[]): void {
  session.noreply = words.at(-1) === 'noreply'
  const [, key, seconds] = words as [string, string, string]
  const exptime = signed32(seconds)
  if (key.length > LONGEST_KEY) {
    session.reply(BAD_LINE)
  } else if (exptime === undefined) {
    session.reply('CLIENT_ERROR invalid exptime argument')
  } else {
    const { store } = session
    const item = store.read(key)
    store.counters.cmd_touch += 1
    if (item === undefined) store.counters.touch_misses += 1
    else store.count('touch_hits', item)
    if (item !== undefined) item.exptime = store.momentOf(exptime)
    session.reply(item === undefined ? 'NOT_FOUND' : 'TOUCHED')
  }
}

export function remove(session: Session, words: readonly string[]): void {
  const [, key, hold] = words as [string, string, string | undefined]
  if (hold !== undefined) {
    session.noreply = words.at(-1) === 'noreply'
    const isZero = hold === '0'
    if (words.length === 3 ? !isZero && !session.noreply : !isZero || !session.noreply) {
      session.reply(`${BAD_LINE}.  Usage: delete <key> [noreply]`)
      return
    }
  }
  if (key.length > LONGEST_KEY) {
    session.reply(BAD_LINE)
    return
  }
  const { store } = session
  const item = store.find(key)
  session.owner.settings.prefixes.count('del', key)
  if (item === undefined) {
    store.counters.delete_misses += 1
  } else {
    store.count('delete_hits', item)
    store.unlink(item)
  }
  session.reply(item === undefined ? 'NOT_FOUND' : 'DELETED')
}

/** `incr` and `decr`. */
export function arithmetic(up: boolean): Run {
  return (session, words) => {
    session.noreply = words.at(-1) === 'noreply'
    const [, key, by] = words as [string, string, string]
    const delta = unsigned64(by)
    if (key.length > LONGEST_KEY) {
      session.reply(BAD_LINE)
    } else if (delta === undefined) {
      session.reply('CLIENT_ERROR invalid numeric delta argument')
    } else {
      const added = addDelta(session.store, key, up, delta)
      if (typeof added === 'object') session.reply(added.text)
      else if (added === 'missing') {
        session.store.counters[up ? 'incr_misses' : 'decr_misses'] += 1
        session.reply('NOT_FOUND')
      } else if (added === 'no memory') session.insist('SERVER_ERROR out of memory')
      else session.reply('CLIENT_ERROR cannot increment or decrement non-numeric value')
    }
  }
}
