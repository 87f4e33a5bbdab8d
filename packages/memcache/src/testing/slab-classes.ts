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
