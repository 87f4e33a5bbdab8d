import type { Output } from '@glammp/wire'
import type { ReplyKind, ReplySink } from './reply.js'

/** Feeds on bytes, tells replies. Throws where the bytes cannot be the protocol's. */
export interface Decoder {
  push(chunk: Buffer): void
}

/** What to store, in the protocol's own terms. */
export interface StorageFields {
  readonly mode: StorageMode
  readonly key: string
  /** Text of one-byte characters, or bytes. */
  readonly data: string | Uint8Array
  readonly flags: number
  readonly exptime: number
  /** Cas token to compare, or the empty string. */
  readonly cas: string
}

export type StorageMode = 'set' | 'add' | 'replace' | 'append' | 'prepend'

/** Who may use a server. */
export interface Credentials {
  /** With SASL, that may be `user@realm`. */
  readonly username: string
  /** Sent as it is. */
  readonly password: string
}

/** The words of one protocol. Each appends one command and knows nothing of its caller. */
export interface Protocol {
  readonly name: 'meta' | 'classic' | 'binary'
  /** The meta commands, as lines, are words of it. */
  readonly hasMeta: boolean
  /** How it answers a `touch` of a key that is missing. */
  readonly touchMiss: ReplyKind
  /** What a password is shown in, before anything else; by itself where this is absent. */
  readonly handshake?: Protocol
  /** @returns how many final replies come back. */
  get(keys: readonly string[], withCas: boolean, out: Output): number
  /**
   * As {@link get}, in words that cost the server less, where it has some. What vivify has made and
   * nobody has filled may come as a value without bytes and flags.
   */
  getMany?(keys: readonly string[], withCas: boolean, out: Output): number
  /** As {@link get} of one key, with the seconds that the item has left, where it can tell them. */
  look(key: string, withCas: boolean, out: Output): number
  getAndTouch(key: string, exptime: number, out: Output): void
  store(fields: StorageFields, out: Output): void
  delete(key: string, out: Output): void
  /**
   * Marks an item stale, with a new expiry; deletes it where the protocol has no word for that.
   *
   * @returns false where it deletes.
   */
  invalidate(key: string, exptime: number, out: Output): boolean
  touch(key: string, exptime: number, out: Output): void
  arithmetic(key: string, delta: string, decrement: boolean, out: Output): void
  /** An administrative command, by the words of the text protocols. */
  line(command: string, out: Output): void
  /** Shows who we are: SASL PLAIN in binary, the handshake of `-Y` in text. */
  authenticate(credentials: Credentials, out: Output): void
  decoder(sink: ReplySink): Decoder
  /** The protocol for one connection, where it remembers something of what was sent. */
  forConnection?(): Protocol
}
