import { isUint8Array } from 'node:util/types'
import { isThenable, jsonText, kept, shown, wrong } from '@glammp/wire'
import { DecodeError, EncodeError } from '../errors.js'
import { deserialize, type Encoded, encodeText, serialize, Type } from './serializer.js'

/**
 * The half of a transcoder that knows values. Bring your own as the option `transcoder`; the
 * other half, compression, goes on top of it.
 */
export interface Serializer {
  /**
   * A value as bytes, or as text that is stored as UTF-8, with the 32 flags that the server keeps
   * beside it. Bits 4 to 14 (0x7ff0) belong to compression while that is on.
   *
   * What it throws becomes the cause of an EncodeError.
   */
  serialize(value: unknown): { readonly data: string | Uint8Array; readonly flags: number }
  /**
   * The value of bytes, which the callee may keep. What it throws becomes the cause of a
   * DecodeError. Flags of items that others wrote are passed unchanged.
   */
  deserialize(bytes: Buffer, flags: number): unknown
}

/** `'msgpack'` (the default), `'json'` or `'raw'`. */
export type SerializerName = 'msgpack' | 'json' | 'raw'

/** A serializer as the transcoder calls it: it reads from the middle of a socket's chunk. */
export interface ValueSerializer {
  readonly serialize: (value: unknown) => Encoded
  readonly deserialize: (flags: number, bytes: Buffer, start: number, end: number) => unknown
}

const BY_NAME: Readonly<Record<SerializerName, ValueSerializer>> = {
  msgpack: { serialize, deserialize },
  // Reads msgpack too, so that a cache can move from one to the other.
  json: { serialize: serializeJson, deserialize },
  raw: { serialize: serializeRaw, deserialize: deserializeRaw },
}

/** @throws TypeError if it is not a serializer. */
export function serializerOf(serializer: SerializerName | Serializer): ValueSerializer {
  if (typeof serializer === 'string' && Object.hasOwn(BY_NAME, serializer)) {
    return BY_NAME[serializer]
  }
  if (typeof serializer !== 'object' || serializer === null) {
    const names = Object.keys(BY_NAME).join(', ')
    throw new TypeError(wrong('transcoder', `one of ${names}, or a Serializer`, serializer))
  }
  if (typeof serializer.serialize !== 'function' || typeof serializer.deserialize !== 'function') {
    throw new TypeError(
      'transcoder is a Serializer, which has the methods serialize and deserialize',
    )
  }
  return foreign(serializer)
}

/** As {@link serialize}, with objects as JSON. */
export function serializeJson(value: unknown): Encoded {
  if (typeof value !== 'object' || isUint8Array(value)) return serialize(value)
  return { data: encodeText(jsonText(value)), flags: Type.JSON }
}

function serializeRaw(value: unknown): Encoded {
  if (typeof value === 'string') return { data: encodeText(value), flags: 0 }
  if (isUint8Array(value)) return { data: new Uint8Array(value), flags: 0 }
  throw new TypeError("transcoder 'raw' stores strings and bytes, nothing else")
}

function deserializeRaw(_flags: number, bytes: Buffer, start: number, end: number): Buffer {
  return kept(bytes, start, end)
}

// What a user's code returns is checked: a wrong length would end the request too early.
function foreign(serializer: Serializer): ValueSerializer {
  return {
    serialize(value) {
      try {
        return checked(serializer.serialize(value))
      } catch (cause) {
        if (cause instanceof EncodeError) throw cause
        throw refusal('failed', cause)
      }
    },
    deserialize(flags, bytes, start, end) {
      const failed = (cause: unknown): never => {
        if (cause instanceof DecodeError) throw cause
        throw new DecodeError(`a value with flags ${flags} cannot be decoded`, { cause })
      }
      try {
        // A copy: it may keep it, or write to it.
        const value = serializer.deserialize(kept(bytes, start, end), flags)
        return isThenable(value) ? Promise.resolve(value).catch(failed) : value
      } catch (cause) {
        return failed(cause)
      }
    },
  }
}

function checked(encoded: unknown): Encoded {
  if (typeof encoded !== 'object' || encoded === null) throw noResult(encoded)
  refusePromise(encoded)
  const { data, flags } = encoded as Partial<Encoded>
  if (data === undefined && flags === undefined) throw noResult(encoded)
  refusePromise(data)
  refusePromise(flags)
  if (!isFlags(flags)) throw refusal(`: ${wrong('flags', '32 bits without a sign', flags)}`)
  if (typeof data === 'string') return { data: encodeText(data), flags }
  // A copy: the serializer may use its buffer again.
  if (isUint8Array(data)) return { data: new Uint8Array(data), flags }
  throw refusal(`: ${wrong('data', 'text or bytes', data)}`)
}

function refusePromise(given: unknown): void {
  if (!isThenable(given)) return
  Promise.resolve(given).catch(() => {
    // Nobody waits for it.
  })
  throw refusal('gave a promise; it has to give { data, flags } at once')
}

function isFlags(flags: unknown): flags is number {
  return typeof flags === 'number' && Number.isInteger(flags) && flags >= 0 && flags < 2 ** 32
}

function noResult(given: unknown): EncodeError {
  return refusal(`gave ${shown(given)} in place of { data, flags }`)
}

function refusal(what: string, cause?: unknown): EncodeError {
  return new EncodeError(`serialize of the transcoder ${what}`.replace(' :', ':'), { cause })
}
