import { isUtf8 } from 'node:buffer'
import { isDate, isMap, isNativeError, isRegExp, isSet, isUint8Array } from 'node:util/types'
import { storable } from '@glammp/wire'

/**
 * A writer of values in one of PHP's formats. A container is opened with the number of pairs of key
 * and value that follow; keys are integers and strings.
 */
export interface PhpSink {
  null(): void
  boolean(value: boolean): void
  integer(value: number | bigint): void
  double(value: number): void
  string(bytes: Buffer): void
  /** Opens an array or, with the name of its class, an object. */
  open(size: number, className?: string): void
  close(): void
}

export type PhpKey = string | number | bigint

/** Deeper values are refused: PHP's own readers stop at 4,096, a cycle never does. */
export const DEEPEST = 512

const LONGEST_DATE = 24

/**
 * Describes a JavaScript value to a sink as PHP would hold it: objects and Maps are arrays with
 * keys, lists and Sets arrays without, a Date is a DateTime, bytes are a string. What is
 * `undefined` in an object is left out, in a list it is null.
 *
 * @throws TypeError for what PHP cannot hold.
 */
export function writePhp(value: unknown, sink: PhpSink): void {
  write(storable(value), sink, 0)
}

function write(value: unknown, sink: PhpSink, depth: number): void {
  if (typeof value === 'string') sink.string(Buffer.from(value))
  else if (typeof value === 'number') writeNumber(value, sink)
  else if (typeof value === 'boolean') sink.boolean(value)
  else if (typeof value === 'bigint') sink.integer(checkedInteger(value))
  else if (value === undefined || value === null) sink.null()
  else if (typeof value === 'object') writeObject(value, sink, depth + 1)
  else throw new TypeError(`${typeof value} cannot be stored in memcached`)
}

function writeNumber(value: number, sink: PhpSink): void {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) sink.integer(value)
  else sink.double(value)
}

function writeObject(value: object, sink: PhpSink, depth: number): void {
  if (depth > DEEPEST) {
    throw new TypeError(`the value cannot be stored: it is over ${DEEPEST} levels deep, or a cycle`)
  }
  if (isUint8Array(value)) {
    sink.string(Buffer.from(value.buffer, value.byteOffset, value.byteLength))
  } else if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    throw new TypeError('the only typed array that PHP can hold is a Uint8Array')
  } else if (isRegExp(value) || isNativeError(value)) {
    throw new TypeError('PHP can hold neither a RegExp nor an Error')
  } else if (isDate(value)) {
    writeDate(value, sink)
  } else {
    writePairs(pairsOf(value), sink, depth)
  }
}

function pairsOf(value: object): (readonly [unknown, unknown])[] {
  if (isMap(value)) return [...value]
  if (Array.isArray(value) || isSet(value)) return [...[...value].entries()]
  return Object.entries(value).filter(([, member]) => member !== undefined)
}

function writePairs(
  pairs: readonly (readonly [unknown, unknown])[],
  sink: PhpSink,
  depth: number,
): void {
  sink.open(pairs.length)
  for (const [key, member] of pairs) {
    writeKey(key, sink)
    write(member, sink, depth)
  }
  sink.close()
}

// A string that is an integer in its shortest form is an integer key to PHP.
function writeKey(key: unknown, sink: PhpSink): void {
  if (typeof key === 'number' && Number.isSafeInteger(key)) sink.integer(key)
  else if (typeof key === 'bigint') sink.integer(checkedInteger(key))
  else if (typeof key !== 'string') throw new TypeError('keys of PHP are strings and integers')
  else if (/^(0|-?[1-9]\d{0,18})$/.test(key) && fits(BigInt(key))) sink.integer(BigInt(key))
  else sink.string(Buffer.from(key))
}

function writeDate(date: Date, sink: PhpSink): void {
  const text = Number.isNaN(date.getTime()) ? '' : date.toISOString()
  if (text.length !== LONGEST_DATE) throw new TypeError(`PHP cannot hold the Date ${text}`)
  const members: Record<string, string | number> = {
    date: `${text.slice(0, 10)} ${text.slice(11, 23)}000`,
    timezone_type: 3,
    timezone: 'UTC',
  }
  sink.open(3, 'DateTime')
  for (const [key, member] of Object.entries(members)) {
    writeKey(key, sink)
    write(member, sink, 0)
  }
  sink.close()
}

function fits(value: bigint): boolean {
  return BigInt.asIntN(64, value) === value
}

function checkedInteger(value: number | bigint): number | bigint {
  if (typeof value === 'number' || fits(value)) return value
  throw new TypeError(`integers of PHP have 64 bits; not ${value}`)
}

/** A PHP string: text where it is UTF-8, else the bytes. */
export function phpString(bytes: Buffer): string | Buffer {
  return isUtf8(bytes) ? bytes.toString() : Buffer.from(bytes)
}

/** An integer of 64 bits: a bigint if a number would change its value. */
export function phpInteger(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** A PHP array: a list if its keys are 0, 1, 2, ..., else an object. */
export class PhpArray {
  readonly #list: unknown[] = []
  #members: Record<string, unknown> | undefined

  /** @param key - text as {@link memberName} gives it. */
  set(key: PhpKey, value: unknown): void {
    if (this.#members === undefined && key === this.#list.length) {
      this.#list.push(value)
      return
    }
    this.#members ??= { ...this.#list }
    setMember(this.#members, String(key), value)
  }

  get value(): unknown[] | Record<string, unknown> {
    return this.#members ?? this.#list
  }
}

/**
 * What the property of a key is called here. PHP writes a private property as \0Class\0name, a
 * protected one as \0*\0name. Names that are not UTF-8 are read as latin1.
 */
export function memberName(key: string | Buffer): string {
  const name = Buffer.isBuffer(key) ? key.toString('latin1') : key
  return name.startsWith('\0') ? name.slice(name.indexOf('\0', 1) + 1) : name
}

/** Sets a property of an object, whatever its name is. */
export function setMember(target: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') target[name] = value
  else
    Object.defineProperty(target, name, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    })
}

/**
 * What an object of PHP becomes here: a Date for its dates of UTC or a fixed offset, else a plain
 * object.
 */
export function phpObject(className: string, members: Record<string, unknown>): unknown {
  if (className !== 'DateTime' && className !== 'DateTimeImmutable') return members
  const { date, timezone_type: type, timezone: zone } = members
  const offset = zone === 'UTC' && type === 3 ? 'Z' : type === 1 ? zone : undefined
  if (typeof date !== 'string' || typeof offset !== 'string') return members
  const time = Date.parse(`${date.slice(0, 23).replace(' ', 'T')}${offset}`)
  return Number.isNaN(time) ? members : new Date(time)
}
