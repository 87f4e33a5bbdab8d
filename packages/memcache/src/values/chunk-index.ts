import { DecodeError } from '../errors.js'

/**
 * Flags of an item that is the index of chunks. To php-memcached they say compressed in a way
 * that it does not know, so that it refuses the item.
 */
export const CHUNKED = 0x1010

/** Most chunks of a value; an item that announces more is not a valid index. */
const MOST_CHUNKS = 65_536

const FORM = /^glammp1 ([\w-]{16}) (\d{1,10}) (\d{1,10}) (\d{1,10}) ([\da-f]{8})$/

interface ChunkIndexFields {
  /** Part of the keys of the chunks; a new one for every value that is stored. */
  readonly id: string
  readonly count: number
  /** Bytes of all chunks together. */
  readonly length: number
  /** Flags of the whole value. */
  readonly flags: number
  /** Of all chunks together. */
  readonly checksum: number
}

/** What is stored as the item of a value in chunks: where they are, and how to know them. */
export class ChunkIndex implements ChunkIndexFields {
  readonly id: string
  readonly count: number
  readonly length: number
  readonly flags: number
  readonly checksum: number

  constructor({ id, count, length, flags, checksum }: ChunkIndexFields) {
    this.id = id
    this.count = count
    this.length = length
    this.flags = flags
    this.checksum = checksum
  }

  /**
   * @param maxSize - bytes that the value may have.
   * @throws DecodeError for an invalid index, or that of a value that is too large.
   */
  static read(text: string, maxSize: number): ChunkIndex {
    const [, id, ...numbers] = FORM.exec(text) ?? []
    const [count, length, flags] = numbers.map(Number)
    const checksum = Number.parseInt(numbers[3] ?? '', 16)
    if (id === undefined || count === undefined || length === undefined || flags === undefined) {
      throw new DecodeError('an invalid index of chunks')
    }
    if (length > maxSize) {
      throw new DecodeError(`a value of ${length} bytes in chunks, the limit is ${maxSize}`)
    }
    if (count < 1 || count > MOST_CHUNKS || count > length || flags >= 2 ** 32) {
      throw new DecodeError('an inconsistent index of chunks')
    }
    return new ChunkIndex({ id, count, length, flags, checksum })
  }

  toString(): string {
    const { id, count, length, flags, checksum } = this
    return `glammp1 ${id} ${count} ${length} ${flags} ${checksum.toString(16).padStart(8, '0')}`
  }
}
