import { isUint8Array } from 'node:util/types'
import { Compression, type CompressionOptions } from './compression.js'
import { deserialize, type Encoded, encodeText, serialize } from './serializer.js'
import {
  type Serializer,
  type SerializerName,
  serializerOf,
  type ValueSerializer,
} from './serializers.js'
import { StreamCompression } from './stream-compression.js'
import type { ValueDecoder } from './value-decoder.js'

/** Values <-> what is stored. */
export interface Transcoder extends ValueDecoder {
  /** @throws TypeError for a value that cannot be stored. */
  encode(value: unknown): Encoded
  /**
   * For `append` and `prepend`, which add bytes and leave the flags as they are.
   *
   * @throws TypeError if the item may be one to which bytes cannot be added.
   */
  encodePiece(value: unknown): string | Uint8Array
}

/** How another client stores values. */
export interface ForeignFormat {
  readonly values: ValueSerializer
  /** Flag of values that are a bare zlib stream; `undefined`: compression is php-memcached's. */
  readonly streamFlag?: number
}

/** The parts of a transcoder. */
export interface TranscoderOptions {
  readonly serializer: SerializerName | Serializer | ForeignFormat
  /** `undefined`: nothing is compressed. */
  readonly compression: CompressionOptions | undefined
  /** The most bytes of an expanded value, unless `compression` gives it. */
  readonly maxExpanded: number
}

/** The transcoder that only serializes: see {@link serialize}. */
export const defaultTranscoder: Transcoder = {
  encode: serialize,
  decode: deserialize,
  encodePiece: toPiece,
}

/**
 * A serializer and a compression as one.
 *
 * @throws TypeError or RangeError for invalid options.
 */
export function createTranscoder(options: TranscoderOptions): Transcoder {
  const foreign = isForeign(options.serializer) ? options.serializer : undefined
  const serializer = isForeign(options.serializer)
    ? options.serializer.values
    : serializerOf(options.serializer)
  const compression =
    foreign?.streamFlag === undefined
      ? new Compression(options.compression, options.maxExpanded)
      : new StreamCompression(foreign.streamFlag, options.compression, options.maxExpanded)
  const { serialize: encode, deserialize: decode } = serializer
  const sees = compression.active || foreign !== undefined || serializer.deserialize === deserialize
  return {
    encode: compression.active ? (value) => compression.shrink(encode(value)) : encode,
    // Without compression, 'raw' and users' serializers get all bytes and flags unchanged.
    decode: sees ? expanding(serializer, compression) : decode,
    encodePiece: compression.active ? refusePiece : toPiece,
  }
}

function isForeign(serializer: TranscoderOptions['serializer']): serializer is ForeignFormat {
  // A user's serializer may have a member of that name too.
  if (typeof serializer !== 'object' || serializer === null || !('values' in serializer))
    return false
  return typeof serializer.values?.deserialize === 'function'
}

function expanding(
  { deserialize: decode }: ValueSerializer,
  compression: Compression | StreamCompression,
): Transcoder['decode'] {
  const { mark, bits } = compression
  return (flags, bytes, start, end) => {
    if ((flags & mark) === 0) return decode(flags, bytes, start, end)
    const plainFlags = (flags & ~bits) >>> 0
    const expanded = compression.expand(flags, bytes, start, end)
    if (!(expanded instanceof Promise)) return decode(plainFlags, expanded, 0, expanded.length)
    return expanded.then((value) => decode(plainFlags, value, 0, value.length))
  }
}

function toPiece(value: unknown): string | Uint8Array {
  if (typeof value === 'string') return encodeText(value)
  if (isUint8Array(value)) return new Uint8Array(value)
  throw new TypeError('append and prepend take a string or bytes')
}

// php-memcached refuses it too: what is added to a compressed item destroys it.
function refusePiece(): never {
  throw new TypeError(
    'append and prepend are refused while compression is on: the item may be compressed. ' +
      'Use a client without compression for keys that grow',
  )
}
