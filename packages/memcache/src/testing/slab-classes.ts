/** The head of an item in memcached, and its cas number behind it. */
const HEAD = 48 + 8
const LARGEST_CHUNK = 512 << 10

/** Bytes of an item as memcached counts them. */
export function itemSize(keyLength: number, flags: number, length: number): number {
  return HEAD + keyLength + 1 + (flags === 0 ? 0 : 4) + length + 2
}

/** The sizes for which memcached has room: an item takes the next larger one. */
export class SlabClasses {
  /** The size of each class, from class 1 on. */
  readonly sizes: readonly number[]
  /** Above this an item lies in more than one chunk. */
  readonly largestChunk: number

  /** @param largest - bytes of the largest item. */
  constructor(largest: number) {
    this.largestChunk = Math.min(LARGEST_CHUNK, Math.floor(largest / 2))
    const sizes: number[] = []
    for (let size = 96; size < this.largestChunk / 1.25; size = Math.trunc(size * 1.25)) {
      size = Math.ceil(size / 8) * 8
      sizes.push(size)
    }
    this.sizes = [...sizes, this.largestChunk]
  }

  /** The number of the class for an item of so many bytes. */
  classOf(size: number): number {
    const index = this.sizes.findIndex((room) => size <= room)
    return index < 0 ? this.sizes.length : index + 1
  }

  /** The bytes that such an item takes. */
  roomFor(size: number): number {
    return size > this.largestChunk ? size : (this.sizes[this.classOf(size) - 1] as number)
  }
}

const PAGE = 1 << 20

/** What is counted of the items of one class. */
export class SlabCounters {
  get_hits = 0
  cmd_set = 0
  delete_hits = 0
  incr_hits = 0
  decr_hits = 0
  cas_hits = 0
  cas_badval = 0
  touch_hits = 0
}

/** What one class holds. */
export class Slab {
  readonly id: number
  readonly chunkSize: number
  readonly perPage: number
  counters: SlabCounters = new SlabCounters()
  pages = 1
  items = 0
  /** Bytes of the items, without what their chunks have left. */
  bytes = 0
  evicted = 0
  evictedUnfetched = 0

  constructor(id: number, chunkSize: number) {
    this.id = id
    this.chunkSize = chunkSize
    this.perPage = Math.floor(PAGE / chunkSize)
  }

  get malloced(): number {
    return this.pages * PAGE
  }

  add(size: number): void {
    this.items += 1
    this.bytes += size
    if (this.items > this.pages * this.perPage) this.pages += 1
  }

  remove(size: number): void {
    this.items -= 1
    this.bytes -= size
  }

  /** What `stats reset` does. */
  reset(): void {
    this.counters = new SlabCounters()
    this.evicted = 0
    this.evictedUnfetched = 0
  }
}
