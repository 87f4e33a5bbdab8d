import { createHash } from 'node:crypto'
import { isUint8Array } from 'node:util/types'
import { latin1 } from '@glammp/wire'
import { InvalidKeyError } from '../errors.js'
import { binaryWireKey, isText, type Key, textOf } from '../key.js'
import type { ProtocolChoice } from '../protocol/protocol.js'

/** memcached's KEY_MAX_LENGTH, in bytes. */
export const LONGEST_KEY = 250

/** Bytes of which the base64 has no more than 250 characters: meta counts those (1.6.18). */
const LONGEST_IN_BASE64 = 186

const PLAIN = /^[\x21-\x7e]+$/
// White space and control characters of all of Unicode, and halves of surrogate pairs, which
// UTF-8 cannot hold: two different keys would become one.
const REFUSED = /[\s\p{Cc}\p{Cs}]/u

export interface KeyOptions {
  /** Put before every key on the wire. */
  readonly namespace: string
  /** How a key over 250 bytes is treated. */
  readonly longKeys: 'reject' | 'hash'
  /** The binary protocol takes 250 bytes of any kind. */
  readonly protocol: ProtocolChoice
}

/** Checks keys and turns them into wire keys: the only place that knows both. */
export class KeyRules {
  readonly #namespace: string
  readonly #hash: boolean
  readonly #longestBinary: number

  /** @throws InvalidKeyError for a namespace that no key could have. */
  constructor(options: KeyOptions) {
    this.#hash = options.longKeys === 'hash'
    // Clients that hash agree on the same keys, whatever protocol each of them uses.
    const isWide = options.protocol === 'binary' && !this.#hash
    this.#longestBinary = isWide ? LONGEST_KEY : LONGEST_IN_BASE64
    this.#namespace = options.namespace === '' ? '' : utf8(options.namespace, 'constructor')
    if (this.#namespace.length > LONGEST_KEY / 2) {
      throw new InvalidKeyError(`namespace is over ${LONGEST_KEY / 2} bytes`)
    }
  }

  /**
   * The key as it is sent (see `wire-key.ts`), with its namespace.
   *
   * @throws InvalidKeyError before anything is sent.
   */
  toWire(key: Key, command: string): string {
    if (typeof key !== 'string') return this.#fromBytes(key, command)
    const bytes = this.#namespace + utf8(key, command)
    return bytes.length <= LONGEST_KEY ? bytes : this.#shorten(bytes, LONGEST_KEY, key, command)
  }

  #fromBytes(key: unknown, command: string): string {
    if (!isUint8Array(key)) {
      const kind = key === null ? 'null' : typeof key
      throw new InvalidKeyError(`a key is a string or bytes, not ${kind}`, { command })
    }
    if (key.length === 0) throw new InvalidKeyError('key is empty', { command, key })
    const bytes = this.#namespace + latin1(key)
    const text = isText(bytes)
    const longest = text ? LONGEST_KEY : this.#longestBinary
    if (bytes.length > longest) return this.#shorten(bytes, longest, key, command)
    return text ? bytes : binaryWireKey(bytes)
  }

  #shorten(bytes: string, longest: number, key: Key, command: string): string {
    if (this.#hash) {
      const digest = createHash('sha256').update(bytes, 'latin1').digest('base64url')
      return `${this.#namespace}sha256-${digest}`
    }
    const limit = longest === LONGEST_KEY ? '' : ' of bytes that are no text'
    throw new InvalidKeyError(
      `key has ${bytes.length} bytes with its namespace, memcached takes ${longest}${limit}; shorten it or set longKeys: 'hash'`,
      { command, key },
    )
  }

  /**
   * The key without its namespace, from a server's log or listing, which write it URL-encoded: text
   * if it is valid text, else its bytes; `undefined` if it is in another namespace.
   *
   * @param prefix - bytes, of one character each, that it must begin with, too.
   */
  fromLog(encoded: string, prefix = ''): string | Buffer | undefined {
    const bytes = encoded.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
    if (!bytes.startsWith(this.#namespace + prefix)) return undefined
    const key = bytes.slice(this.#namespace.length)
    if (key === '') return undefined
    if (PLAIN.test(key)) return key
    const text = textOf(key)
    return text === undefined || REFUSED.test(text) ? Buffer.from(key, 'latin1') : text
  }

  /** Bytes of every key on the wire that do not choose its server. */
  get namespaceLength(): number {
    return this.#namespace.length
  }
}

/** The bytes of a text that is a valid key, one character each. */
function utf8(key: string, command: string): string {
  if (PLAIN.test(key)) return key
  if (key === '') throw new InvalidKeyError('key is empty', { command, key })
  if (REFUSED.test(key)) {
    throw new InvalidKeyError(
      `key holds white space, a control character or half a character: ${JSON.stringify(key)}`,
      { command, key },
    )
  }
  return latin1(Buffer.from(key))
}
