import type { Output } from '@glammp/wire'
import type { ReplyKind, ReplySink } from './reply.js'

/** Takes bytes and reports replies. Throws if the bytes are not valid in the protocol. */
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

/** User name and password for a server. */
export interface Credentials {
  /** With SASL, that may be `user@realm`. */
  readonly username: string
  /** Sent unencrypted. */
  readonly password: string
}

type ProtocolName = 'meta' | 'classic' | 'binary'

/** What a client may be told to speak; `auto` asks the server. */
export type ProtocolChoice = 'auto' | ProtocolName

/**
 * The commands of one protocol. Each method appends one command and knows nothing of its caller.
 */
export interface Protocol {
  readonly name: ProtocolName
  /** Whether the protocol has the meta commands, as lines. */
  readonly hasMeta: boolean
  /** How it answers a `touch` of a key that is missing. */
  readonly touchMiss: ReplyKind
  /**
   * The protocol for authentication, before anything else; the protocol itself if this is absent.
   */
  readonly handshake?: Protocol
  /** @returns how many final replies come back. */
  get(keys: readonly string[], withCas: boolean, out: Output): number
  /**
   * As {@link get}, with a command that costs the server less, if there is one. An item that was
   * made by vivify and not filled may come as a value without bytes and flags.
   */
  getMany?(keys: readonly string[], withCas: boolean, out: Output): number
  /**
   * As {@link get} of one key, with the seconds that the item has left, if the protocol reports
   * them.
   */
  look(key: string, withCas: boolean, out: Output): number
  getAndTouch(key: string, exptime: number, out: Output): void
  store(fields: StorageFields, out: Output): void
  delete(key: string, out: Output): void
  /**
   * Marks an item stale, with a new expiry; deletes it if the protocol cannot mark it.
   *
   * @returns false if it deletes.
   */
  invalidate(key: string, exptime: number, out: Output): boolean
  touch(key: string, exptime: number, out: Output): void
  arithmetic(key: string, delta: string, decrement: boolean, out: Output): void
  /** An administrative command, as in the text protocols. */
  line(command: string, out: Output): void
  /** Authenticates: SASL PLAIN in binary, the handshake of `-Y` in text. */
  authenticate(credentials: Credentials, out: Output): void
  decoder(sink: ReplySink): Decoder
  /** The protocol for one connection, if it keeps a state of what was sent. */
  forConnection?(): Protocol
}
