import { kept, wholeNumber } from '@glammp/wire'
import { DecodeError, EncodeError } from '../errors.js'
import { CHUNKED } from './chunk-index.js'
import { builtInCompressors, type CompressionAlgorithm, compressorOf } from './compressor.js'
import type { Compressor } from './foreign-compressor.js'
import type { Encoded } from './serializer.js'

/** The option `compression`. */
export interface CompressionOptions {
  /**
   * Values of more bytes than this are compressed if that makes them smaller. Nothing of 32 bytes
   * or less ever is, so that counters stay numbers.
   * @defaultValue 2000, which is php-memcached's
   */
  readonly threshold?: number | undefined
  /**
   * `'zlib'` is read by every php-memcached; `'zstd'`, which needs Node 22.15, by version 3.3 of
   * it; the others only by this client. Or a Compressor. Client flags of a compressed value, to
   * which those of its type are added: zlib 0x30, zstd 0x90, deflate 0x110, gzip 0x210, brotli
   * 0x410; fastlz, php-memcached's default, is 0x50, and is read but not written. The value is 4
   * bytes with its uncompressed length, little-endian, then the compressed stream.
   * @defaultValue `'zlib'`
   */
  readonly algorithm?: CompressionAlgorithm | Compressor | undefined
  /**
   * Bytes that a compressed value may have when it is expanded: one that has more is a
   * DecodeError when it is read, and is not compressed when it is written.
   * @defaultValue 16 times `maxValueSize`, at least the largest value that chunks hold
   */
  readonly maxSize?: number | undefined
}

/**
 * php-memcached's bits above the type except bit 15, which it leaves free; all are about
 * compression.
 */
const COMPRESSION_BITS = 0x7ff0
/** Set in every compressed value, whatever the algorithm. */
const COMPRESSED = 0x10

/** The longest counter has 20 digits. */
export const SMALLEST = 32
const LENGTH_SIZE = 4
export const DEFAULT_THRESHOLD = 2_000

/** Compresses values and expands them again, within limits. */
export class Compression {
  /** Set in the flags of a value that is compressed. */
  readonly mark: number = COMPRESSED
  /** The flags that say how. */
  readonly bits: number = COMPRESSION_BITS
  readonly #threshold: number
  readonly #maxSize: number
  readonly #compressor: Compressor | undefined
  readonly #known = builtInCompressors()

  /**
   * @param options - `undefined`: reads what is compressed, compresses nothing.
   * @param maxSize - the most bytes of an expanded value, unless the options give it.
   * @throws TypeError or RangeError for invalid options.
   */
  constructor(options: CompressionOptions | undefined, maxSize: number) {
    this.#threshold = wholeNumber(
      'compression.threshold',
      options?.threshold ?? DEFAULT_THRESHOLD,
      0,
    )
    this.#maxSize = wholeNumber('compression.maxSize', options?.maxSize ?? maxSize, 1)
    if (options === undefined) return
    this.#compressor = compressorOf(options.algorithm ?? 'zlib')
    this.#known.set(this.#compressor.flag, this.#compressor)
  }

  /** True if values are compressed when they are written. */
  get active(): boolean {
    return this.#compressor !== undefined
  }

  /** @throws EncodeError for flags that could not be told from those of a compressed value. */
  shrink(encoded: Encoded): Encoded {
    const { data, flags } = encoded
    const compressor = this.#compressor
    if (compressor === undefined) return encoded
    if ((flags & COMPRESSION_BITS) !== 0) {
      throw new EncodeError(`flags 0x${flags.toString(16)}: bits 4 to 14 belong to compression`)
    }
    const { length } = data
    if (length <= this.#threshold || length <= SMALLEST || length > this.#maxSize) return encoded
    const plain = typeof data === 'string' ? Buffer.from(data, 'latin1') : data
    const small = compressor.compress(plain)
    if (!isPromise(small)) return smaller(encoded, small, compressor.flag)
    const later = small.then((result) => smaller(encoded, result, compressor.flag))
    // A caller that does not wait for it stores the value uncompressed.
    later.catch(() => {})
    return { data, flags, later }
  }

  /**
   * The original bytes of a value whose flags have the bit {@link COMPRESSED}; a promise if it is
   * large.
   *
   * @throws DecodeError for bytes that were changed, or that expand to too many.
   */
  expand(flags: number, value: Buffer, start: number, end: number): Buffer | Promise<Buffer> {
    const mark = flags & COMPRESSION_BITS
    const compressor = this.#known.get(mark)
    if (compressor === undefined) throw unknown(mark)
    if (end - start < LENGTH_SIZE) throw new DecodeError('a compressed value without its length')
    const length = value.readUInt32LE(start)
    if (length > this.#maxSize) {
      const text = `a compressed value of ${length} bytes, compression.maxSize is ${this.#maxSize}`
      throw new DecodeError(text)
    }
    try {
      const result = compressor.decompress(kept(value, start + LENGTH_SIZE, end), length)
      if (!isPromise(result)) return ofLength(result, length)
      return result.then(
        (expanded) => ofLength(expanded, length),
        (cause: unknown) => {
          throw cause instanceof DecodeError ? cause : broken(cause)
        },
      )
    } catch (cause) {
      throw cause instanceof DecodeError ? cause : broken(cause)
    }
  }
}

function smaller(encoded: Encoded, result: Uint8Array, flag: number): Encoded {
  const { data, flags } = encoded
  if (result.length + LENGTH_SIZE >= data.length) return { data, flags }
  const whole = Buffer.allocUnsafe(LENGTH_SIZE + result.length)
  whole.writeUInt32LE(data.length, 0)
  whole.set(result, LENGTH_SIZE)
  return { data: whole, flags: (flags | flag) >>> 0 }
}

function ofLength(expanded: Uint8Array, length: number): Buffer {
  if (expanded.length !== length) {
    throw new DecodeError(`a compressed value of ${expanded.length} bytes instead of ${length}`)
  }
  return Buffer.isBuffer(expanded)
    ? expanded
    : Buffer.from(expanded.buffer, expanded.byteOffset, expanded.byteLength)
}

export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return value instanceof Promise
}

export function broken(cause: unknown): DecodeError {
  return new DecodeError('a compressed value is damaged, or something was appended to it', {
    cause,
  })
}

function unknown(mark: number): DecodeError {
  if (mark === CHUNKED) {
    return new DecodeError("a value in chunks, which a client with largeValues: 'chunk' reads")
  }
  const what = `flags 0x${mark.toString(16)}`
  return new DecodeError(`a value compressed by ${what}, which this client cannot expand`)
}
