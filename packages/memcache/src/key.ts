import { createHash } from 'node:crypto'
import { latin1 } from '@glammp/wire'
import { InvalidKeyError } from './errors.js'

/** memcached's KEY_MAX_LENGTH, in bytes. */
const LONGEST_KEY = 250

const PLAIN = /^[\x21-\x7e]+$/
// White space and control characters of all of Unicode, and halves of surrogate pairs, which
// UTF-8 cannot hold: two different keys would become one.
const REFUSED = /[\s\p{Cc}\p{Cs}]/u

export interface KeyOptions {
  /** Put before every key on the wire. */
  readonly namespace: string
  /** What becomes of a key over 250 bytes. */
  readonly longKeys: 'reject' | 'hash'
}

/** Checks keys and turns them into what travels on the wire: the one place that knows both. */
export class KeyRules {
  readonly #namespace: string
  readonly #hash: boolean

  /** @throws InvalidKeyError for a namespace that no key could have. */
  constructor(options: KeyOptions) {
    this.#hash = options.longKeys === 'hash'
    this.#namespace = options.namespace === '' ? '' : toBytes(options.namespace, 'constructor')
    if (this.#namespace.length > LONGEST_KEY / 2) {
      throw new InvalidKeyError(`namespace is over ${LONGEST_KEY / 2} bytes`)
    }
  }

  /**
   * The key as it travels: with its namespace, one character a byte.
   *
   * @throws InvalidKeyError before anything is sent.
   */
  toWire(key: string, command: string): string {
    const bytes = this.#namespace + toBytes(key, command)
    if (bytes.length <= LONGEST_KEY) return bytes
    if (this.#hash) {
      const digest = createHash('sha256').update(bytes, 'latin1').digest('base64url')
      return `${this.#namespace}sha256-${digest}`
    }
    throw new InvalidKeyError(
      `key has ${bytes.length} bytes with its namespace, memcached takes ${LONGEST_KEY}; shorten it or set longKeys: 'hash'`,
      { command, key },
    )
  }

  /**
   * The key without its namespace, from a server's log or listing, which write it URL-encoded;
   * `undefined` where it is in another namespace.
   */
  fromLog(encoded: string): string | undefined {
    const bytes = encoded.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
    if (!bytes.startsWith(this.#namespace)) return undefined
    return Buffer.from(bytes.slice(this.#namespace.length), 'latin1').toString()
  }

  /** Bytes of every key on the wire that do not choose its server. */
  get namespaceLength(): number {
    return this.#namespace.length
  }
}

function toBytes(key: string, command: string): string {
  if (typeof key !== 'string') {
    throw new InvalidKeyError(`a key is a string, not ${key === null ? 'null' : typeof key}`, {
      command,
    })
  }
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
