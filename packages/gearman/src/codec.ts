import { isUint8Array } from 'node:util/types'
import {
  checkText,
  encodeUtf8,
  HOLDS_MAP,
  isThenable,
  jsonText,
  messageOf,
  PROTO_KEY,
  shown,
  storable,
  survey,
  wrong,
} from '@glammp/wire'
import { Packr } from 'msgpackr'
import { InvalidArgumentError, ProtocolError } from './errors.js'
import { MAX_BODY } from './protocol/packet.js'

/** Turns workloads and results into bytes and back. */
export interface Codec<T = unknown> {
  /** Bytes of a value; a string is sent as UTF-8. */
  encode(value: T): string | Uint8Array
  /** The value of received bytes. */
  decode(data: Buffer): T
}

/**
 * `'string'` (the default): text as UTF-8 both ways, as in PHP; `'buffer'`: bytes unchanged;
 * `'json'`; `'msgpack'`; or one of your own. The first two send a Buffer unchanged.
 */
export type CodecOption = 'string' | 'buffer' | 'json' | 'msgpack' | Codec

const packr = new Packr({ moreTypes: true, useBigIntExtension: true, useRecords: false })

const CODECS: Readonly<Record<string, Codec>> = {
  string: { encode: encodeText, decode: (data) => data.toString() },
  buffer: { encode: encodeText, decode: (data) => data },
  json: {
    encode: (value) => (value === undefined ? '' : jsonText(value)),
    decode: (data) => (data.length === 0 ? undefined : JSON.parse(data.toString())),
  },
  msgpack: {
    encode: (value) => (value === undefined ? '' : packed(value)),
    decode: (data) => (data.length === 0 ? undefined : packr.unpack(data)),
  },
}

function packed(value: unknown): Buffer {
  const known = storable(value)
  if ((survey(known) & (HOLDS_MAP | PROTO_KEY)) === 0) return packr.pack(known)
  throw new TypeError(
    "with msgpack a Map would come back as an object, a key '__proto__' as another key",
  )
}

function encodeText(value: unknown): string | Uint8Array {
  if (typeof value === 'string' || isUint8Array(value)) return value
  if (value === undefined || value === null) return ''
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return String(value)
  }
  throw new TypeError(`a value of type ${typeof value} needs a codec such as 'json'`)
}

/** Text of more characters is sent as bytes in any case. */
const SHORT_TEXT = 1_024

/** What a packet's length can announce, less the arguments in front. */
const MAX_DATA = MAX_BODY - 1_024

/** @throws {@link InvalidArgumentError} for an unknown codec. */
export function codecOf(option: CodecOption): Codec {
  if (typeof option === 'string' && Object.hasOwn(CODECS, option)) {
    return CODECS[option] as Codec
  }
  if (
    typeof option !== 'object' ||
    option === null ||
    typeof option.encode !== 'function' ||
    typeof option.decode !== 'function'
  ) {
    throw new InvalidArgumentError(
      wrong('codec', "'string', 'buffer', 'json', 'msgpack' or { encode, decode }", option),
    )
  }
  return option
}

/** The name of a codec of ours, by which another thread finds it; `undefined` for a caller's own. */
export function codecName(codec: Codec): string | undefined {
  return Object.keys(CODECS).find((name) => CODECS[name] === codec)
}

/**
 * An encoded value, in memory that nobody else writes to: what is sent at the end of the tick, or
 * once there is a connection, is what was given.
 *
 * @throws {@link InvalidArgumentError} for a stream, or with what the codec threw as its cause.
 */
export function encodeWith(codec: Codec, value: unknown, name: string): string | Uint8Array {
  let data: unknown
  try {
    // JSON would encode its internal state.
    if (isStream(value)) throw new TypeError('a stream is not a value: send its chunks')
    data = codec.encode(value)
    if (typeof data === 'string') {
      if (data.length > SHORT_TEXT) return encodeUtf8(data)
      checkText(data)
      return data
    }
  } catch (cause) {
    throw new InvalidArgumentError(`cannot encode a value for ${name}: ${messageOf(cause)}`, {
      function: name,
      cause,
    })
  }
  if (isUint8Array(data)) {
    checkSize(data.length, name)
    // msgpackr's is new memory; the caller or another codec may use its own again.
    return codec === CODECS['msgpack'] ? data : Buffer.from(data)
  }
  let given = shown(data)
  if (isThenable(data)) {
    given = 'a promise'
    Promise.resolve(data).catch(() => {
      // Nobody waits for it.
    })
  }
  throw new InvalidArgumentError(`the codec for ${name} returned ${given}, not text or bytes`, {
    function: name,
  })
}

/** @throws {@link InvalidArgumentError} for more bytes than a packet holds. */
export function checkSize(size: number, name: string): void {
  if (size <= MAX_DATA) return
  throw new InvalidArgumentError(`${size} bytes for ${name} are over 4 GiB`, { function: name })
}

/** Whether a value comes in pieces: a Readable, a web stream, any async iterable. */
export function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

/**
 * The value of bytes; a promise if the codec returns one.
 *
 * @throws {@link ProtocolError} with what the codec threw as its cause.
 */
export function decodeWith(codec: Codec, data: Buffer, name: string): unknown {
  try {
    const value = codec.decode(data)
    if (!isThenable(value)) return value
    const decoded = Promise.resolve(value).catch((cause: unknown) => {
      throw undecodable(data, name, cause)
    })
    // A handler need not look at its workload.
    decoded.catch(() => {})
    return decoded
  } catch (cause) {
    throw undecodable(data, name, cause)
  }
}

function undecodable({ length }: Buffer, name: string, cause: unknown): ProtocolError {
  const text = `cannot decode ${length} bytes of ${name}: ${messageOf(cause)}`
  return new ProtocolError(text, { function: name, cause })
}

/** What a codec makes of received bytes: text, a Buffer, or what only its other side knows. */
export type Decoded<Chosen extends CodecOption> = Chosen extends 'string'
  ? string
  : Chosen extends 'buffer'
    ? Buffer
    : Chosen extends Codec<infer Value>
      ? Value
      : unknown

/** A codec for one call, instead of the client's. */
export interface WithCodec<Chosen extends CodecOption> {
  readonly codec: Chosen
}
