import { itemSize, Slab, SlabClasses, type SlabCounters } from './slab-classes.js'

/** Bytes of an item; a short one is text, a character a byte, since a Buffer takes more than it holds. */
export type Value = string | Buffer

/** One item, and its place in the order of use. */
export class Item {
  /** A character a byte. */
  readonly key: string
  readonly flags: number
  /** Seconds of the server's time from which on it is gone; 0: never. */
  exptime: number
  value: Value
  cas = 0
  /** When it was stored or, from its second reading on, read. */
  time = 0
  /** It was read. */
  fetched = false
  stale = false
  /** One client was told to compute it anew. */
  tokenSent = false
  /** It was stored by a key in base64, and is shown so. */
  binaryKey = false
  linked = false
  newer: Item | undefined
  older: Item | undefined

  constructor(key: string, flags: number, exptime: number, value: Value) {
    this.key = key
    this.flags = flags
    this.exptime = exptime
    this.value = value
  }

  /** Bytes as memcached counts them. */
  get size(): number {
    return itemSize(this.key.length, this.flags, this.value.length)
  }
}

/** Why an item of some size cannot be stored. */
export type NoRoom = 'too large' | 'no memory'

/** What the server counts, by the names that `stats` has for it. */
export class Counters {
  cmd_get = 0
  cmd_set = 0
  cmd_flush = 0
  cmd_touch = 0
  cmd_meta = 0
  get_hits = 0
  get_misses = 0
  get_expired = 0
  get_flushed = 0
  delete_misses = 0
  delete_hits = 0
  incr_misses = 0
  incr_hits = 0
  decr_misses = 0
  decr_hits = 0
  cas_misses = 0
  cas_hits = 0
  cas_badval = 0
  touch_hits = 0
  touch_misses = 0
  store_too_large = 0
  store_no_memory = 0
  auth_cmds = 0
  auth_errors = 0
  total_items = 0
  evictions = 0
  evicted_unfetched = 0
  total_connections = 0
  bytes_read = 0
  bytes_written = 0
}

/** Hears what happens to items. */
export interface StoreLog {
  /** A command looked for a key. */
  looked(key: string, outcome: 'found' | 'not_found' | 'flushed' | 'expired', item?: Item): void
  evicted(item: Item): void
  /** A command wanted to store an item. */
  stored(item: Item, command: string, outcome: string): void
  /** A command wanted to store an item, for which there is no place. */
  refused(key: string, command: string, outcome: string): void
}

export interface Limits {
  /** Bytes of all items. */
  readonly maxBytes: number
  /** Bytes of the largest item, with its head and its key. */
  readonly itemSize: number
}

/** memcached's own time begins with this many seconds, so that a time in the past can be told from none. */
const FIRST_SECOND = 62
/** A longer time to live means a moment since 1970. */
const LONGEST_TTL = 60 * 60 * 24 * 30
/** A time that is over. */
const PAST = 1

/** The items of one server. */
export class Store {
  readonly classes: SlabClasses
  readonly items: Map<string, Item> = new Map()
  /** The slab classes that were used, by their number. */
  readonly slabs: Map<number, Slab> = new Map()
  counters: Counters = new Counters()
  /** Only there while somebody wants to know. */
  log: StoreLog | undefined
  /** Seconds of the server's time, which change only between reads. */
  now: number = FIRST_SECOND
  maxBytes: number
  /** Bytes that the items take. */
  bytes = 0
  readonly largestItem: number
  readonly #clock: () => number
  readonly #started: number
  #lastCas = 0
  #oldestLive = 0
  #oldestCas = 0
  #newest: Item | undefined
  #oldest: Item | undefined

  /** @param clock - milliseconds since 1970. */
  constructor({ maxBytes, itemSize: largest }: Limits, clock: () => number) {
    this.maxBytes = maxBytes
    this.largestItem = largest
    this.classes = new SlabClasses(largest)
    this.#clock = clock
    this.#started = Math.floor(clock() / 1_000)
  }

  /** The moment since 1970, in seconds, in which the server's time was 0. */
  get epoch(): number {
    return this.#started - FIRST_SECOND
  }

  /** Items of this second of the server's time and before it are flushed; 0: none. */
  get oldestLive(): number {
    return this.#oldestLive
  }

  /** The item that was not used for the longest time; the next one is its `newer`. */
  get oldest(): Item | undefined {
    return this.#oldest
  }

  /** The item that was used last; the one before it is its `older`. */
  get newest(): Item | undefined {
    return this.#newest
  }

  /** Seconds since the start. */
  get uptime(): number {
    return this.now - FIRST_SECOND
  }

  /** To be called before commands are run: what they see of time is one moment. */
  tick(): void {
    this.now = Math.floor(this.#clock() / 1_000) - this.epoch
  }

  /** The moment that an expiration time of a client means; 0 is never. */
  momentOf(exptime: number): number {
    if (exptime === 0) return 0
    if (exptime < 0) return PAST
    if (exptime <= LONGEST_TTL) return this.now + exptime
    return Math.max(PAST, exptime - this.epoch)
  }

  /** The last cas number that an item got. */
  get lastCas(): number {
    return this.#lastCas
  }

  takeCas(): number {
    this.#lastCas += 1
    return this.#lastCas
  }

  /** The live item of a key. One that is dead is removed by that. */
  find(key: string): Item | undefined {
    const item = this.items.get(key)
    if (item === undefined) {
      this.log?.looked(key, 'not_found')
      return undefined
    }
    if (this.isFlushed(item)) {
      this.counters.get_flushed += 1
      this.log?.looked(key, 'flushed')
    } else if (item.exptime !== 0 && item.exptime <= this.now) {
      this.counters.get_expired += 1
      this.log?.looked(key, 'expired')
    } else {
      this.log?.looked(key, 'found', item)
      return item
    }
    this.unlink(item)
    return undefined
  }

  /** Counts what a command did with an item. */
  count(name: keyof SlabCounters, item: Item): void {
    this.counters[name] += 1
    this.slabOf(item).counters[name] += 1
  }

  /** The slab class of an item. */
  slabOf({ size }: Item): Slab {
    const id = this.classes.classOf(size)
    let slab = this.slabs.get(id)
    if (slab === undefined) {
      slab = new Slab(id, this.classes.sizes[id - 1] as number)
      this.slabs.set(id, slab)
    }
    return slab
  }

  /** The live item of a key, which counts as read. */
  read(key: string): Item | undefined {
    const item = this.find(key)
    if (item !== undefined) this.bump(item)
    return item
  }

  /** Notes that an item was read. */
  bump(item: Item): void {
    if (item.fetched) item.time = this.now
    else item.fetched = true
    this.promote(item)
  }

  /** Makes it the last one to be evicted. */
  promote(item: Item): void {
    if (item === this.#newest || !item.linked) return
    this.#takeOut(item)
    this.#putIn(item)
  }

  /** Why an item cannot be stored; `undefined` if it can. */
  refusal(keyLength: number, flags: number, length: number): NoRoom | undefined {
    const size = itemSize(keyLength, flags, length)
    if (size > this.largestItem) return 'too large'
    return this.classes.roomFor(size) > this.maxBytes ? 'no memory' : undefined
  }

  /** Puts in a new item, in place of that of its key; it gets its cas number. */
  link(item: Item): void {
    const before = this.items.get(item.key)
    if (before !== undefined) this.unlink(before)
    item.cas = this.takeCas()
    item.time = this.now
    item.linked = true
    this.items.set(item.key, item)
    this.bytes += this.classes.roomFor(item.size)
    this.slabOf(item).add(item.size)
    this.counters.total_items += 1
    this.#putIn(item)
    this.evict()
  }

  unlink(item: Item): void {
    if (!item.linked) return
    item.linked = false
    this.items.delete(item.key)
    this.bytes -= this.classes.roomFor(item.size)
    this.slabOf(item).remove(item.size)
    this.#takeOut(item)
  }

  /** Makes room until the items keep to the limit. */
  evict(): void {
    while (this.bytes > this.maxBytes && this.#oldest !== undefined) {
      const item = this.#oldest
      this.unlink(item)
      if (this.isDead(item)) continue
      this.counters.evictions += 1
      const slab = this.slabOf(item)
      slab.evicted += 1
      if (!item.fetched) {
        slab.evictedUnfetched += 1
        this.counters.evicted_unfetched += 1
      }
      this.log?.evicted(item)
    }
  }

  /** Counts from 0 again. */
  reset(): void {
    this.counters = new Counters()
    for (const slab of this.slabs.values()) slab.reset()
  }

  /** Whether a read would not find it any more. */
  isDead(item: Item): boolean {
    return this.isFlushed(item) || (item.exptime !== 0 && item.exptime <= this.now)
  }

  /** Whether `flush_all` came after it. */
  isFlushed(item: Item): boolean {
    if (this.#oldestLive === 0 || this.#oldestLive > this.now) return false
    return item.time <= this.#oldestLive || item.cas < this.#oldestCas
  }

  /** Removes all items, at once or in the second in which `exptime` is over. */
  flush(exptime: number): void {
    const moment = exptime > 0 ? this.momentOf(exptime) : this.now
    this.#oldestLive = moment - 1
    if (this.#oldestLive <= this.now) this.#oldestCas = this.takeCas()
  }

  #putIn(item: Item): void {
    item.older = this.#newest
    item.newer = undefined
    if (this.#newest === undefined) this.#oldest = item
    else this.#newest.newer = item
    this.#newest = item
  }

  #takeOut(item: Item): void {
    if (item.newer === undefined) this.#newest = item.older
    else item.newer.older = item.older
    if (item.older === undefined) this.#oldest = item.newer
    else item.older.newer = item.newer
    item.newer = undefined
    item.older = undefined
  }
}
