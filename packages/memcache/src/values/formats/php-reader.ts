import { latin1 } from '@glammp/wire'
import { DecodeError } from '../../errors.js'
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
 * Reads what PHP's `serialize` wrote. No class is instantiated and no code is run: an object is a
 * plain object of its properties.
 *
 * @throws DecodeError for anything else, and for an object that only its class can read.
 */
export function unserializePhp(bytes: Buffer): unknown {
  const reader = new PhpReader(bytes)
  const value = reader.value(0)
  reader.end()
  return value
}

const SEMICOLON = 0x3b
const COLON = 0x3a
const QUOTE = 0x22
const BRACE_OPEN = 0x7b
const BRACE_CLOSE = 0x7d

/** Stands for an array that is being read, in the list of what references refer to. */
const UNFINISHED = Symbol('unfinished')

class PhpReader {
  readonly #bytes: Buffer
  #at = 0
  /** Every value except keys, in the order in which they begin: references count from 1. */
  readonly #slots: unknown[] = []

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw this.#broken()
  }

  value(depth: number): unknown {
    if (depth > DEEPEST) throw new DecodeError(`a PHP value over ${DEEPEST} levels deep`)
    const type = this.#letter()
    switch (type) {
      case 'a':
        return this.#array(depth)
      case 'O':
        return this.#object(depth)
      case 'R':
        return this.#reference()
      case 'r':
        return this.#keep(this.#reference())
      case 'C':
      case 'E':
        throw new DecodeError('a PHP object that only its class can read, or an enum')
      default:
        return this.#keep(this.#scalar(type))
    }
  }

  #keep<T>(value: T): T {
    this.#slots.push(value)
    return value
  }

  #scalar(type: string): unknown {
    if (type === 'N') {
      this.#expect(SEMICOLON)
      return null
    }
    this.#expect(COLON)
    switch (type) {
      case 's': {
        const value = phpString(this.#string())
        this.#expect(SEMICOLON)
        return value
      }
      case 'i':
        return this.#integer(SEMICOLON)
      case 'b':
        return this.#integer(SEMICOLON) === 1
      case 'd':
        return this.#double()
      default:
        throw this.#broken()
    }
  }

  #array(depth: number): unknown {
    const slot = this.#slots.push(UNFINISHED) - 1
    this.#expect(COLON)
    const array = new PhpArray()
    this.#members(depth, (key, value) => array.set(key, value))
    this.#slots[slot] = array.value
    return array.value
  }

  #object(depth: number): unknown {
    const members: Record<string, unknown> = {}
    const slot = this.#slots.push(members) - 1
    this.#expect(COLON)
    const className = this.#string().toString('latin1')
    this.#expect(COLON)
    this.#members(depth, (key, value) => setMember(members, String(key), value))
    const object = phpObject(className, members)
    this.#slots[slot] = object
    return object
  }

  #members(depth: number, set: (key: PhpKey, value: unknown) => void): void {
    const size = this.#size()
    this.#expect(BRACE_OPEN)
    for (let count = 0; count < size; count += 1) {
      const type = this.#letter()
      if (type !== 's' && type !== 'i') throw this.#broken()
      const key = this.#scalar(type) as PhpKey | Buffer
      const isText = typeof key === 'string' || Buffer.isBuffer(key)
      set(isText ? memberName(key) : key, this.value(depth + 1))
    }
    this.#expect(BRACE_CLOSE)
  }

  #reference(): unknown {
    this.#expect(COLON)
    const number = Number(this.#integer(SEMICOLON))
    if (number < 1 || number > this.#slots.length) throw this.#broken()
    const value = this.#slots[number - 1]
    if (value === UNFINISHED) throw new DecodeError('a PHP array that contains itself')
    return value
  }

  #string(): Buffer {
    const size = this.#size()
    this.#expect(QUOTE)
    const end = this.#at + size
    if (end >= this.#bytes.length) throw this.#broken()
    const bytes = this.#bytes.subarray(this.#at, end)
    this.#at = end
    this.#expect(QUOTE)
    return bytes
  }

  #size(): number {
    const size = Number(this.#integer(COLON))
    if (size < 0 || size > this.#bytes.length) throw this.#broken()
    return size
  }

  #integer(end: number): number | bigint {
    const text = this.#until(end)
    if (!/^[-+]?\d{1,20}$/.test(text)) throw this.#broken()
    return phpInteger(BigInt(text.replace('+', '')))
  }

  #double(): number {
    const text = this.#until(SEMICOLON)
    if (text === 'NAN') return Number.NaN
    if (text === 'INF' || text === '-INF') return text === 'INF' ? Infinity : -Infinity
    if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)) throw this.#broken()
    return Number(text)
  }

  #until(end: number): string {
    const at = this.#bytes.indexOf(end, this.#at)
    if (at === -1 || at - this.#at > 400) throw this.#broken()
    const text = latin1(this.#bytes, this.#at, at)
    this.#at = at + 1
    return text
  }

  #letter(): string {
    const letter = this.#bytes[this.#at]
    if (letter === undefined) throw this.#broken()
    this.#at += 1
    return String.fromCharCode(letter)
  }

  #expect(byte: number): void {
    if (this.#bytes[this.#at] !== byte) throw this.#broken()
    this.#at += 1
  }

  #broken(): DecodeError {
    return new DecodeError(`not a value of PHP's serialize: invalid byte ${this.#at}`)
  }
}
