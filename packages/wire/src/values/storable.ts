import {
  isAnyArrayBuffer,
  isBoxedPrimitive,
  isDataView,
  isDate,
  isMap,
  isNativeError,
  isPromise,
  isRegExp,
  isSet,
  isWeakMap,
  isWeakSet,
} from 'node:util/types'

/** It contains a Map: msgpack needs records to tell it from an object. */
export const HOLDS_MAP = 1
/** It contains something that must be {@link rebuild rebuilt} before it is packed. */
export const NEEDS_REBUILD = 2
/** It contains something that JSON would change silently. */
const BEYOND_JSON = 4
/** It contains a key `__proto__`, which msgpackr (version 2.1) renames when it reads. */
export const PROTO_KEY = 8

/** Digits of the longest bigint: the time to write or read one grows faster than its length. */
export const MOST_DIGITS = 20_000

/** The most holes that a list may have. */
const MOST_HOLES = 65_536

/** The first bigint that is too long. */
const TOO_LONG = 10n ** BigInt(MOST_DIGITS)

/** The class of all typed arrays, as msgpackr finds it. */
const TypedArray: NewableFunction = Object.getPrototypeOf(Uint8Array)

/** Longer text is encoded first, and searched only if the result gives a reason. */
const LONG_TEXT = 256

/** What stands in UTF-8 for half a surrogate pair; there may be one in the text itself. */
const REPLACEMENT: Buffer = Buffer.from('\ufffd')

/**
 * What is inside a value, as bits; neither `toJSON` nor anything else of it is called.
 *
 * @throws TypeError for what no format can hold, and what a format would change silently:
 * functions, symbols, half surrogates, bigints of over 20,000 digits.
 */
export function survey(value: unknown): number {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw halfSurrogate()
      return 0
    case 'number':
      return Number.isFinite(value) ? 0 : BEYOND_JSON
    case 'bigint':
      checkBigint(value)
      return BEYOND_JSON
    case 'function':
    case 'symbol':
      throw new TypeError(`a ${typeof value} cannot be stored`)
    case 'object':
      return value === null ? 0 : surveyObject(value)
    default:
      return 0
  }
}

function surveyObject(value: object): number {
  const isArray = Array.isArray(value)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (isArray || prototype === Object.prototype || prototype === null) {
    if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return NEEDS_REBUILD
    return isArray ? surveyList(value) : surveyMembers(value)
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? BEYOND_JSON : 0
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return surveyBytes(value)
  // Of instances of other classes, toJSON is called if they have it.
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return NEEDS_REBUILD
  // msgpackr would find nothing in an instance of a class that extends it.
  if (value instanceof Map) {
    if (value.constructor !== Map) return NEEDS_REBUILD
    let found = HOLDS_MAP | BEYOND_JSON
    for (const [key, member] of value) found |= survey(key) | survey(member)
    return found
  }
  if (value instanceof Set) {
    if (value.constructor !== Set) return NEEDS_REBUILD
    let found = BEYOND_JSON
    for (const member of value) found |= survey(member)
    return found
  }
  if (value instanceof RegExp) return BEYOND_JSON | survey(value.source)
  if (value instanceof Error) {
    // msgpackr would lose the errors, and read others.
    if (value.name === 'AggregateError') throw new TypeError('an AggregateError cannot be stored')
    return BEYOND_JSON | survey(value.name) | survey(value.message) | survey(value.cause)
  }
  return NEEDS_REBUILD
}

// A hole is read as undefined, which JSON turns into null.
function surveyList(list: readonly unknown[]): number {
  if (list.length > MOST_HOLES) checkHoles(list)
  let found = 0
  for (let at = 0; at < list.length; at += 1) {
    const member = list[at]
    found |= member === undefined ? BEYOND_JSON : survey(member)
  }
  return found
}

/**
 * @throws TypeError for a list that is mostly holes: iterating over its length would take minutes.
 */
function checkHoles(list: readonly unknown[]): void {
  let holes = 0
  for (let at = 0; at < list.length; at += 1) {
    if (list[at] !== undefined || at in list) continue
    holes += 1
    if (holes > MOST_HOLES) {
      throw new TypeError(`a list with over ${MOST_HOLES} holes cannot be stored`)
    }
  }
}

function surveyMembers(value: object): number {
  let found = 0
  for (const key in value) {
    if (key === '__proto__') found |= PROTO_KEY
    if (!key.isWellFormed()) throw halfSurrogate()
    found |= survey((value as Record<string, unknown>)[key])
  }
  return found
}

function surveyBytes(value: object): number {
  if (!isOwnBytes(value)) return NEEDS_REBUILD | BEYOND_JSON
  return Buffer.isBuffer(value) ? 0 : BEYOND_JSON
}

// msgpackr does not know those of another realm. In Jest, Uint8Array and Buffer are of another realm
// than Object, and the other typed arrays are not.
function isOwnBytes(value: object): boolean {
  return value instanceof TypedArray || value instanceof DataView || value instanceof ArrayBuffer
}

/**
 * The same value of kinds that every format knows: objects of another realm are made of this one's
 * classes; for an object with `toJSON` it is what that returns, called once, as JSON does; for
 * another instance of a class, its own properties.
 *
 * @throws TypeError for an object of which nothing would be left.
 */
export function rebuild(value: unknown, key = ''): unknown {
  if (typeof value !== 'object' || value === null) return value
  // Their toJSON is for JSON, which does not have such kinds.
  if (isDate(value) || ArrayBuffer.isView(value)) return rebuildParts(value)
  const { toJSON } = value as { toJSON?: unknown }
  const answer: unknown = typeof toJSON === 'function' ? toJSON.call(value, key) : value
  return typeof answer === 'object' && answer !== null ? rebuildParts(answer) : answer
}

function rebuildParts(value: object): unknown {
  if (Array.isArray(value)) {
    if (value.length > MOST_HOLES) checkHoles(value)
    return Array.from(value, (member, at) => rebuild(member, String(at)))
  }
  if (isDate(value)) return value instanceof Date ? value : new Date(Number(value))
  if (ArrayBuffer.isView(value)) return isOwnBytes(value) ? value : ownView(value)
  if (isAnyArrayBuffer(value)) {
    return value instanceof ArrayBuffer ? value : new Uint8Array(value).slice().buffer
  }
  if (isMap(value)) return new Map([...value].map(([k, v]) => [rebuild(k), rebuild(v)]))
  if (isSet(value)) return new Set([...value].map((member) => rebuild(member)))
  if (isRegExp(value)) return new RegExp(value.source, value.flags)
  if (isNativeError(value) || value instanceof Error) return rebuildError(value)
  if (isBoxedPrimitive(value)) return value.valueOf()
  const members = Object.entries(value)
  if (isOpaque(value) || (members.length === 0 && !isPlain(value))) {
    throw new TypeError(
      `${nameOf(value)} cannot be stored: it has no properties of its own; give it a toJSON`,
    )
  }
  const own = members.filter(([name, member]) => name !== 'toJSON' || typeof member !== 'function')
  return Object.fromEntries(own.map(([name, member]) => [name, rebuild(member, name)]))
}

function ownView(view: ArrayBufferView): ArrayBufferView {
  const { buffer } = new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice()
  if (isDataView(view)) return new DataView(buffer)
  const copy = typedArray(view, buffer)
  // That comes back with the classes of the realm of Uint8Array.
  return isOwnBytes(copy) ? copy : structuredClone(copy)
}

/** One of the same kind. */
function typedArray(like: ArrayBufferView, buffer: ArrayBuffer): ArrayBufferView {
  const name = Reflect.get(TypedArray.prototype as object, Symbol.toStringTag, like) as string
  const kinds = globalThis as unknown as Record<
    string,
    new (
      buffer: ArrayBuffer,
    ) => ArrayBufferView
  >
  const Kind = kinds[name]
  if (Kind === undefined) throw new TypeError(`a ${name} cannot be stored`)
  return new Kind(buffer)
}

function rebuildError(error: Error): Error {
  const { name, message, cause } = error
  const copy = new Error(message, cause === undefined ? undefined : { cause: rebuild(cause) })
  return Object.defineProperty(copy, 'name', { value: name })
}

function isOpaque(value: object): boolean {
  return isPromise(value) || isWeakMap(value) || isWeakSet(value)
}

/** Of this or of another realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function nameOf(value: object): string {
  const name: unknown = value.constructor?.name
  return typeof name === 'string' && name !== '' ? `an instance of ${name}` : 'an object'
}

/**
 * A value of kinds that every format knows, checked as a whole.
 *
 * @throws TypeError for what cannot be stored.
 */
export function storable(value: unknown): unknown {
  const { known } = settled(value)
  if (known === undefined) throw new TypeError('undefined cannot be stored')
  return known
}

/**
 * A value as JSON.
 *
 * @throws TypeError for what cannot be stored, and for what JSON would change: a Map, Set, RegExp, Error
 * or typed array, NaN, an infinite number, `undefined` in a list.
 */
export function jsonText(value: unknown): string {
  const { known, found } = settled(value)
  if (Object.is(known, -0)) return '-0'
  const text = (found & BEYOND_JSON) === 0 ? JSON.stringify(known) : undefined
  if (text === undefined) throw new TypeError('the value cannot be stored: JSON would change it')
  return text
}

function settled(value: unknown): { readonly known: unknown; readonly found: number } {
  try {
    const found = survey(value)
    if ((found & NEEDS_REBUILD) === 0) return { known: value, found }
    const known = rebuild(value)
    return { known, found: survey(known) }
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new TypeError('the value cannot be stored: it is too deep, or contains itself', { cause })
  }
}

/** @throws TypeError for text that UTF-8 would change. */
export function checkText(text: string): void {
  if (!text.isWellFormed()) throw halfSurrogate()
}

/**
 * Text as UTF-8.
 *
 * @throws TypeError where that would change it.
 */
export function encodeUtf8(text: string): Buffer {
  if (text.length <= LONG_TEXT) {
    checkText(text)
    return Buffer.from(text)
  }
  const bytes = Buffer.from(text)
  if (bytes.length !== text.length && bytes.includes(REPLACEMENT) && !text.isWellFormed()) {
    throw halfSurrogate()
  }
  return bytes
}

/** @throws TypeError for a bigint that would take too long to write or read. */
export function checkBigint(value: bigint): void {
  if (value < TOO_LONG && value > -TOO_LONG) return
  throw new TypeError(`a bigint of over ${MOST_DIGITS} digits cannot be stored`)
}

function halfSurrogate(): TypeError {
  return new TypeError('text with half a surrogate pair cannot be sent: UTF-8 has none')
}
