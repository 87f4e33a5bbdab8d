import { kept, wholeNumber } from '@glammp/wire'
import { DecodeError } from '../errors.js'
import {
  broken,
  type CompressionOptions,
  DEFAULT_THRESHOLD,
  isPromise,
  SMALLEST,
} from './compression.js'
import { compressorOf } from './compressor.js'
import type { Compressor } from './foreign-compressor.js'
import type { Encoded } from './serializer.js'

/**
 * Compression as in PHP's Memcache, Python's clients and Dalli: a zlib stream with nothing before
 * it, and one flag.
 */
export class StreamCompression {
  /** Set in the flags of a value that is compressed. */
  readonly mark: number
  /** The flags that say how. */
  readonly bits: number
  /** True if values are compressed when they are written. */
  readonly active: boolean
  readonly #threshold: number
  readonly #maxSize: number
  readonly #zlib: Compressor = compressorOf('zlib')

  /**
   * @param options - `undefined`: reads what is compressed, compresses nothing.
   * @param maxSize - the most bytes of an expanded value, unless the options give it.
   * @throws TypeError or RangeError for invalid options.
   */
  constructor(flag: number, options: CompressionOptions | undefined, maxSize: number) {
    this.mark = flag
    this.bits = flag
    this.active = options !== undefined
    this.#threshold = wholeNumber(
      'compression.threshold',
      options?.threshold ?? DEFAULT_THRESHOLD,
      0,
    )
    this.#maxSize = wholeNumber('compression.maxSize', options?.maxSize ?? maxSize, 1)
  }

  shrink(encoded: Encoded): Encoded {
    const { data, flags } = encoded
    const { length } = data
    if (length <= this.#threshold || length <= SMALLEST || length > this.#maxSize) return encoded
    const small = this.#zlib.compress(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
    const smaller = (result: Uint8Array): Encoded =>
      result.length < length ? { data: result, flags: (flags | this.bits) >>> 0 } : { data, flags }
    if (!isPromise(small)) return smaller(small)
    const later = small.then(smaller)
    // A caller that does not wait for it stores the value uncompressed.
    later.catch(() => {})
    return { data, flags, later }
  }

  /**
   * The original bytes.
   *
   * @throws DecodeError for bytes that were changed, or that expand to more than `maxSize`.
   */
  async expand(_flags: number, value: Buffer, start: number, end: number): Promise<Buffer> {
    try {
      return Buffer.from(await this.#zlib.decompress(kept(value, start, end), this.#maxSize))
    } catch (cause) {
      if ((cause as { code?: unknown }).code !== 'ERR_BUFFER_TOO_LARGE') throw broken(cause)
      const text = `a compressed value of over ${this.#maxSize} bytes, compression.maxSize`
      throw new DecodeError(text, { cause })
    }
  }
}
