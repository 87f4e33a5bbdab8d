import {
  isAnyArrayBuffer,
  isBoxedPrimitive,
  isDate,
  isMap,
  isNativeError,
  isPromise,
  isRegExp,
  isSet,
  isWeakMap,
  isWeakSet,
} from 'node:util/types'

/** A Map is inside: msgpack needs records to tell it from an object. */
export const HOLDS_MAP = 1
/** Something is inside that must be {@link rebuild rebuilt} before it is packed. */
export const NEEDS_REBUILD = 2

/**
 * What is inside a value, as bits. What msgpackr would change without a word is refused: it makes
 * `undefined` of a function, and renames a key `__proto__` (version 2.1) when it reads.
 *
 * @throws TypeError for what cannot be stored.
 */
export function survey(value: unknown): number {
  if (typeof value === 'function') throw new TypeError('function cannot be stored in memcached')
  if (typeof value !== 'object' || value === null) return 0
  if (Array.isArray(value)) return surveyAll(value)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return surveyObject(value)
  if (value instanceof Map) return HOLDS_MAP | surveyAll(value)
  if (value instanceof Set) return surveyAll(value)
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return ownRealm(value)
  if (value instanceof Date || value instanceof RegExp || value instanceof Error) return 0
  const rebuilt = rebuild(value)
  return NEEDS_REBUILD | (survey(rebuilt) & HOLDS_MAP)
}

function surveyObject(value: object): number {
  let found = 0
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return NEEDS_REBUILD | (survey(rebuild(value)) & HOLDS_MAP)
  }
  for (const key in value) {
    if (key === '__proto__') throw new TypeError("a key '__proto__' cannot be stored as msgpack")
    found |= survey((value as Record<string, unknown>)[key])
  }
  return found
}

function surveyAll(values: Iterable<unknown>): number {
  let found = 0
  for (const value of values) found |= survey(value)
  return found
}

function ownRealm(value: object): number {
  return value instanceof Object ? 0 : NEEDS_REBUILD
}

/**
 * The same value of what msgpackr knows: objects of another realm are made of this one's classes;
 * of an object with `toJSON` its answer, of another instance of a class its own properties.
 */
export function rebuild(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(rebuild)
  if (isMap(value)) return new Map([...value].map(([k, v]) => [rebuild(k), rebuild(v)]))
  if (isSet(value)) return new Set([...value].map(rebuild))
  if (value instanceof Date || value instanceof RegExp || value instanceof Error) return value
  if (Buffer.isBuffer(value)) return value
  if (ArrayBuffer.isView(value) || isDate(value) || isRegExp(value) || isNativeError(value)) {
    return structuredClone(value)
  }
  if (isAnyArrayBuffer(value)) return value instanceof ArrayBuffer ? value : structuredClone(value)
  if (isPromise(value) || isWeakMap(value) || isWeakSet(value)) {
    throw new TypeError('a Promise, WeakMap or WeakSet cannot be stored in memcached')
  }
  if (isBoxedPrimitive(value)) return value.valueOf()
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    const json: unknown = value.toJSON('')
    if (json !== value) return rebuild(json)
  }
  const own: Record<string, unknown> = {}
  for (const [key, member] of Object.entries(value)) {
    if (key === '__proto__') throw new TypeError("a key '__proto__' cannot be stored as msgpack")
    own[key] = key === 'toJSON' && typeof member === 'function' ? undefined : rebuild(member)
  }
  return own
}
