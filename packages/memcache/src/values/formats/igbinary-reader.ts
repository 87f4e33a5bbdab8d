import { DecodeError } from '../../errors.js'
import { Igbinary } from './igbinary.js'
import {
  DEEPEST,
  memberName,
  PhpArray,
  type PhpKey,
  phpInteger,
  phpObject,
  phpString,
  setMember,
} from './php-value.js'

/**
 * Reads what PHP's igbinary wrote, versions 1 and 2 of its format. No class is instantiated and no
 * code is run: an object is a plain object of its properties.
 *
 * @throws DecodeError for anything else, and for an object that only its class can read.
 */
export function unserializeIgbinary(bytes: Buffer): unknown {
  const reader = new IgbinaryReader(bytes)
  return reader.whole()
}

/** Stands for an array that is being read, in the list of what references refer to. */
const UNFINISHED = Symbol('unfinished')

/** Characters of the name of a class in an error. */
const LONGEST_SHOWN = 100

type Key = PhpKey | Buffer

class IgbinaryReader {
  readonly #bytes: Buffer
  #at = 0
  /** Each is decoded once, however often its number occurs. */
  readonly #strings: (string | Buffer)[] = []
  /** What those that are keys are called here: each may be millions of keys by its number alone. */
  readonly #names = new Map<string | Buffer, string>()
  /** Arrays, objects and referenced values in the order in which they begin, from 0. */
  readonly #slots: unknown[] = []

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  whole(): unknown {
    const version = this.#number(4)
    if (version !== 1 && version !== 2) throw this.#broken()
    const value = this.#value(0)
    if (this.#at !== this.#bytes.length) throw this.#broken()
    return value
  }

  #value(depth: number): unknown {
    if (depth > DEEPEST) throw new DecodeError(`an igbinary value over ${DEEPEST} levels deep`)
    const type = this.#number(1)
    if (type === Igbinary.SIMPLE_REF) return this.#referenced(depth)
    if (isSized(type, Igbinary.ARRAY8))
      return this.#array(this.#sizeOf(type, Igbinary.ARRAY8), depth)
    if (isSized(type, Igbinary.OBJECT8) || isSized(type, Igbinary.OBJECT_ID8)) {
      return this.#object(type, depth)
    }
    for (const first of [Igbinary.REF8, Igbinary.OBJECT_REF8]) {
      if (isSized(type, first)) return this.#reference(this.#sizeOf(type, first))
    }
    return this.#scalar(type)
  }

  /** A value without parts. */
  #scalar(type: number): unknown {
    switch (type) {
      case Igbinary.NULL:
        return null
      case Igbinary.FALSE:
      case Igbinary.TRUE:
        return type === Igbinary.TRUE
      case Igbinary.DOUBLE:
        return this.#take(8).readDoubleBE()
      case Igbinary.STRING_EMPTY:
        return ''
      case Igbinary.LONG64:
        return phpInteger(this.#take(8).readBigUInt64BE())
      case Igbinary.LONG64 + 1:
        return phpInteger(-this.#take(8).readBigUInt64BE())
      default:
    }
    if (type >= Igbinary.LONG8 && type < Igbinary.DOUBLE) {
      const size = this.#number(2 ** ((type - Igbinary.LONG8) >> 1))
      return (type - Igbinary.LONG8) % 2 === 0 ? size : -size
    }
    return this.#text(type, Igbinary.STRING8, Igbinary.STRING_ID8)
  }

  /** A string, or the number of an earlier one. */
  #text(type: number, first: number, firstOfId: number): string | Buffer {
    if (isSized(type, first)) {
      const text = phpString(this.#take(this.#sizeOf(type, first)))
      this.#strings.push(text)
      return text
    }
    const known = isSized(type, firstOfId)
      ? this.#strings[this.#sizeOf(type, firstOfId)]
      : undefined
    if (known !== undefined) return known
    throw this.#broken()
  }

  #referenced(depth: number): unknown {
    const next = this.#bytes[this.#at] ?? Number.NaN
    // Arrays, objects and references are in the list themselves.
    const isScalar =
      (next < Igbinary.ARRAY8 && !isSized(next, Igbinary.REF8)) ||
      next === Igbinary.LONG64 ||
      next === Igbinary.LONG64 + 1
    const value = this.#value(depth + 1)
    if (isScalar) this.#slots.push(value)
    return value
  }

  #array(size: number, depth: number): unknown {
    const slot = this.#slots.push(UNFINISHED) - 1
    const array = new PhpArray()
    this.#members(size, depth, (key, value) => array.set(key, value))
    this.#slots[slot] = array.value
    return array.value
  }

  #object(type: number, depth: number): unknown {
    const className = this.#name(this.#text(type, Igbinary.OBJECT8, Igbinary.OBJECT_ID8))
    const members: Record<string, unknown> = {}
    const slot = this.#slots.push(members) - 1
    const inside = this.#number(1)
    if (!isSized(inside, Igbinary.ARRAY8)) {
      const shown = className.slice(0, LONGEST_SHOWN)
      throw new DecodeError(`a PHP object that only its class (${shown}) can read, or an enum`)
    }
    const size = this.#sizeOf(inside, Igbinary.ARRAY8)
    this.#members(size, depth, (key, value) => setMember(members, String(key), value))
    const object = phpObject(className, members)
    this.#slots[slot] = object
    return object
  }

  #members(size: number, depth: number, set: (key: PhpKey, value: unknown) => void): void {
    for (let count = 0; count < size; count += 1) {
      const key = this.#scalar(this.#number(1))
      if (!isKey(key)) throw this.#broken()
      const isText = typeof key === 'string' || Buffer.isBuffer(key)
      set(isText ? this.#name(key) : key, this.#value(depth + 1))
    }
  }

  #name(text: string | Buffer): string {
    const known = this.#names.get(text)
    if (known !== undefined) return known
    const name = memberName(text)
    this.#names.set(text, name)
    return name
  }

  #reference(number: number): unknown {
    if (number >= this.#slots.length) throw this.#broken()
    const value = this.#slots[number]
    if (value === UNFINISHED) throw new DecodeError('a PHP array that contains itself')
    return value
  }

  /** The number after a type that exists for 8, 16 and 32 bits. */
  #sizeOf(type: number, first: number): number {
    return this.#number(2 ** (type - first))
  }

  #number(size: number): number {
    return this.#take(size).readUIntBE(0, size)
  }

  #take(size: number): Buffer {
    const end = this.#at + size
    if (end > this.#bytes.length) throw this.#broken()
    const bytes = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return bytes
  }

  #broken(): DecodeError {
    return new DecodeError(`not an igbinary value: invalid byte ${this.#at}`)
  }
}

function isKey(value: unknown): value is Key {
  return ['string', 'number', 'bigint'].includes(typeof value) || Buffer.isBuffer(value)
}

/** Whether a type is one of the three of a kind: 8, 16 or 32 bits. */
function isSized(type: number, first: number): boolean {
  return type >= first && type <= first + 2
}
