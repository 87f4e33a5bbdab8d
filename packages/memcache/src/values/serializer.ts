import { isMap, isSet, isUint8Array } from 'node:util/types'
import {
  checkBigint,
  encodeUtf8,
  HOLDS_MAP,
  kept,
  latin1,
  MOST_DIGITS,
  NEEDS_REBUILD,
  PROTO_KEY,
  rebuild,
  storable,
  survey,
  utf8,
} from '@glammp/wire'
import { Packr } from 'msgpackr'
import { DecodeError } from '../errors.js'
import { unserializeIgbinary } from './formats/igbinary-reader.js'
import { unserializePhp } from './formats/php-reader.js'

/** A value as it is stored: text of one-byte characters or bytes, and the item's client flags. */
export interface Encoded {
  readonly data: string | Uint8Array
  readonly flags: number
  /** The same value compressed, if that is under way on another thread. */
  readonly later?: Promise<Encoded>
}

/**
 * Types in the low four bits are php-memcached's, so that PHP reads what this client wrote as far
 * as it can. Types that PHP does not distinguish are marked in the upper half, which it leaves to
 * users: see {@link MARKED}.
 */
export const Type = {
  STRING: 0,
  INTEGER: 1,
  DOUBLE: 2,
  BOOLEAN: 3,
  PHP: 4,
  IGBINARY: 5,
  JSON: 6,
  MSGPACK: 7,
} as const

export const TYPE_MASK = 0xf
/** php-memcached's own bits above the type: compressed, and by what. */
const INTERNAL_MASK = 0x7ff0
/**
 * The highest of those bits, which it never sets: only with it are bits 16 and up marks of ours.
 * Else they are the `OPT_USER_FLAGS` of an application in PHP.
 */
export const MARKED = 0x8000
/** Bytes, with the type of a string: come back as a Buffer. */
export const BUFFER: number = (1 << 16) | MARKED
/** Bytes, with the type of a string: come back as a Uint8Array. */
const UINT8_ARRAY: number = (2 << 16) | MARKED
/** An integer that comes back as a bigint; with the type of a string if it is too large for PHP. */
export const BIGINT: number = (3 << 16) | MARKED
/** msgpack with records, which distinguishes a Map from an object. */
const RECORDS: number = (4 << 16) | MARKED
const MARK_MASK = 0xffff8000

// Bytes inside a value are copied: they would otherwise keep the whole chunk of the socket alive.
const common = { moreTypes: true, useBigIntExtension: true, copyBuffers: true } as const
/** Objects as plain msgpack maps, which every msgpack library reads. */
const plain = new Packr({ ...common, useRecords: false })
/** Objects as records, so that msgpack's maps are free to stand for Map. */
const records = new Packr({ ...common, useRecords: true })

const ASCII_LIMIT = 4_096

/**
 * JavaScript values <-> bytes and flags: text and bytes as they are, numbers as decimal text so
 * that the server can count with them, everything else by msgpackr.
 *
 * @throws TypeError for what cannot be stored: `undefined`, functions, symbols, cycles, a key `__proto__`.
 */
export function serialize(value: unknown): Encoded {
  switch (typeof value) {
    case 'string':
      return { data: encodeText(value), flags: Type.STRING }
    case 'number':
      return Number.isSafeInteger(value) && !Object.is(value, -0)
        ? { data: String(value), flags: Type.INTEGER }
        : { data: Object.is(value, -0) ? '-0' : String(value), flags: Type.DOUBLE }
    case 'boolean':
      return { data: value ? '1' : '', flags: Type.BOOLEAN }
    case 'bigint':
      checkBigint(value)
      return { data: String(value), flags: Type.INTEGER | BIGINT }
    case 'object':
      return serializeObject(value)
    default:
      throw new TypeError(`${typeof value} cannot be stored in memcached`)
  }
}

function serializeObject(value: object | null): Encoded {
  if (isUint8Array(value)) {
    // A copy: the caller may write to the array before the bytes are sent.
    const data = new Uint8Array(value)
    return { data, flags: Buffer.isBuffer(value) ? BUFFER : UINT8_ARRAY }
  }
  try {
    const found = survey(value)
    // An object may stand for a string or a number.
    if ((found & NEEDS_REBUILD) !== 0) return serialize(rebuild(value))
    if ((found & PROTO_KEY) !== 0) throw protoKey()
    return (found & HOLDS_MAP) !== 0
      ? { data: records.pack(value), flags: Type.MSGPACK | RECORDS }
      : { data: plain.pack(value), flags: Type.MSGPACK }
  } catch (cause) {
    if (cause instanceof TypeError) throw cause
    throw new TypeError('the value cannot be stored: it is too deep, or contains itself', { cause })
  }
}

/** Objects as msgpack that every library reads: a Map comes back as an object. */
export function serializePlainly(value: object | null): Encoded {
  const known = storable(value)
  const found = survey(known)
  if ((found & PROTO_KEY) !== 0) throw protoKey()
  if ((found & HOLDS_MAP) !== 0) checkMapKeys(known)
  return { data: plain.pack(known), flags: Type.MSGPACK }
}

/** @throws TypeError for a key that a property of an object, as which it is read, cannot have. */
function checkMapKeys(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (isMap(value)) {
    for (const [key, member] of value) {
      if (key === '__proto__') throw protoKey()
      if (typeof key !== 'string' && !Number.isSafeInteger(key)) {
        throw new TypeError(
          'keys of a Map are strings and integers where it is stored as an object',
        )
      }
      checkMapKeys(member)
    }
  } else if (Array.isArray(value) || isSet(value)) {
    for (const member of value) checkMapKeys(member)
  } else {
    for (const member of Object.values(value)) checkMapKeys(member)
  }
}

function protoKey(): TypeError {
  return new TypeError("a key '__proto__' cannot be stored as msgpack")
}

/**
 * Text as UTF-8. ASCII stays a string, which needs no copy; for long text the copy costs less than
 * appending one more string to the request.
 *
 * @throws TypeError for text that UTF-8 would change.
 */
export function encodeText(text: string): string | Uint8Array {
  const length = Buffer.byteLength(text)
  return length === text.length && length <= ASCII_LIMIT ? text : encodeUtf8(text)
}

/** @throws DecodeError if {@link serialize} does not write such flags or bytes. */
export function deserialize(flags: number, bytes: Buffer, start: number, end: number): unknown {
  if (flags === Type.STRING) return utf8(bytes, start, end)
  try {
    return deserializeTyped(flags, bytes, start, end)
  } catch (cause) {
    if (cause instanceof DecodeError) throw cause
    throw new DecodeError(`a value with flags ${flags} cannot be decoded`, { cause })
  }
}

function deserializeTyped(flags: number, bytes: Buffer, start: number, end: number): unknown {
  const mark = (flags & MARKED) === 0 ? 0 : (flags & MARK_MASK) >>> 0
  if ((flags & INTERNAL_MASK) !== 0) throw unknown(flags)
  switch (flags & TYPE_MASK) {
    case Type.STRING:
      if (mark === BUFFER) return kept(bytes, start, end)
      if (mark === UINT8_ARRAY) return new Uint8Array(bytes.subarray(start, end))
      if (mark === BIGINT) return toBigint(latin1(bytes, start, end))
      return utf8(bytes, start, end)
    case Type.INTEGER:
      return toInteger(latin1(bytes, start, end), mark === BIGINT)
    case Type.DOUBLE:
      return toDouble(latin1(bytes, start, end))
    case Type.BOOLEAN:
      return toBoolean(latin1(bytes, start, end))
    case Type.PHP:
      return unserializePhp(bytes.subarray(start, end))
    case Type.IGBINARY:
      return unserializeIgbinary(bytes.subarray(start, end))
    case Type.JSON:
      return JSON.parse(utf8(bytes, start, end)) as unknown
    case Type.MSGPACK:
      return (mark === RECORDS ? records : plain).unpack(bytes, { start, end })
    default:
      throw unknown(flags)
  }
}

/** @throws DecodeError for a bigint whose digits would block the process. */
export function toBigint(text: string): bigint {
  if (text.length <= MOST_DIGITS + 1) return BigInt(text.trimEnd())
  throw new DecodeError(`a bigint of over ${MOST_DIGITS} digits is not read`)
}

// `decr` pads with spaces. Above 2^53 a number would lose its exact value.
function toInteger(text: string, asBigint: boolean): number | bigint {
  if (text.length > MOST_DIGITS + 1)
    throw new DecodeError(`an integer of over ${MOST_DIGITS} digits`)
  if (!/^-?\d+ *$/.test(text)) throw new TypeError('not an integer')
  if (asBigint) return toBigint(text)
  const number = Number(text)
  if (!Number.isSafeInteger(number)) {
    throw new DecodeError(`${text} is above 2^53 - 1: read this counter by increment(key, 0n)`)
  }
  return number
}

function toDouble(text: string): number {
  const number = Number(text)
  if (text === '' || (Number.isNaN(number) && text !== 'NaN')) throw new TypeError('not a number')
  return number
}

// PHP writes false as an empty value, other clients as 0.
function toBoolean(text: string): boolean {
  if (text === '1') return true
  if (text === '' || text === '0') return false
  throw new TypeError('not a boolean')
}

function unknown(flags: number): DecodeError {
  return new DecodeError(
    `a value with flags ${flags} was written by another client; this transcoder cannot read it`,
  )
}
