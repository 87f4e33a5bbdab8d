import { ErrorBase, type ErrorDetails } from '@glammp/wire'
import type { Key } from './key.js'

/** What a {@link MemcacheError} has besides its message. */
export interface MemcacheErrorDetails extends ErrorDetails {
  /** The command that failed, by the name of the client's method. */
  readonly command?: string | undefined
  /** The key as the caller gave it, for commands of one key. */
  readonly key?: Key | undefined
  /** For commands of many keys: those that were not carried out, or of which nothing is known. */
  readonly keys?: readonly Key[] | undefined
}

/**
 * Base of every failure of the client. A miss, a lost `add` or a stale cas token is a value, not an
 * error; arguments of a wrong type or range are `TypeError` and `RangeError`. If a single key of
 * many is at fault, `key` names it and `keys` all that failed with it.
 */
export abstract class MemcacheError extends ErrorBase {
  static override readonly kind: string = 'MemcacheError'
  /** The command that failed, by the name of the client's method. */
  declare readonly command: string | undefined
  /** The key as the caller gave it, for commands of one key. */
  declare readonly key: Key | undefined
  /** For commands of many keys: those that were not carried out, or of which nothing is known. */
  declare readonly keys: readonly Key[] | undefined

  constructor(message: string, details: MemcacheErrorDetails = {}) {
    super(message, details)
    // Unknown properties are absent, so that a printed error shows only what helps.
    const { command, key, keys } = details
    if (command !== undefined) this.command = command
    if (key !== undefined) this.key = key
    if (keys !== undefined) this.keys = keys
  }
}

/**
 * The key is empty, too long, or text with white space or control characters; or bytes with such
 * characters, on a server that is used over the classic protocol. Nothing was sent.
 */
export class InvalidKeyError extends MemcacheError {
  static override readonly kind: string = 'InvalidKeyError'
  readonly code = 'ERR_MEMCACHE_INVALID_KEY'
}

/** The encoded value is over `maxValueSize`. Nothing was sent. */
export class ValueTooLargeError extends MemcacheError {
  static override readonly kind: string = 'ValueTooLargeError'
  readonly code = 'ERR_MEMCACHE_VALUE_TOO_LARGE'
}

/** `maxPending` calls are already waiting for this server. Nothing was sent. */
export class QueueFullError extends MemcacheError {
  static override readonly kind: string = 'QueueFullError'
  readonly code = 'ERR_MEMCACHE_QUEUE_FULL'
}

/** The client was closed before the call. Nothing was sent. */
export class ClosedError extends MemcacheError {
  static override readonly kind: string = 'ClosedError'
  readonly code = 'ERR_MEMCACHE_CLOSED'
}

/** No server is configured that could take the key. Nothing was sent. */
export class NoServerError extends MemcacheError {
  static override readonly kind: string = 'NoServerError'
  readonly code = 'ERR_MEMCACHE_NO_SERVER'
}

/**
 * The server cannot be reached, or the connection was lost before the answer: a write may or may
 * not have been carried out.
 */
export class ConnectionError extends MemcacheError {
  static override readonly kind: string = 'ConnectionError'
  readonly code = 'ERR_MEMCACHE_CONNECTION'
}

/** No answer within `timeout`: a write may or may not have been carried out. */
export class TimeoutError extends MemcacheError {
  static override readonly kind: string = 'TimeoutError'
  readonly code = 'ERR_MEMCACHE_TIMEOUT'
}

/** The server refused the user name or password. */
export class AuthenticationError extends MemcacheError {
  static override readonly kind: string = 'AuthenticationError'
  readonly code = 'ERR_MEMCACHE_AUTHENTICATION'
}

/** The server answered `SERVER_ERROR`, for example out of memory. */
export class ServerError extends MemcacheError {
  static override readonly kind: string = 'ServerError'
  readonly code = 'ERR_MEMCACHE_SERVER'
}

/** The server answered `CLIENT_ERROR` or `ERROR`: it does not accept the command as sent. */
export class ClientError extends MemcacheError {
  static override readonly kind: string = 'ClientError'
  readonly code = 'ERR_MEMCACHE_CLIENT'
}

/** The bytes that came back are not the protocol's; the connection was closed. */
export class ProtocolError extends MemcacheError {
  static override readonly kind: string = 'ProtocolError'
  readonly code = 'ERR_MEMCACHE_PROTOCOL'
}

/**
 * A serializer or Compressor of the caller failed with the value, or returned something that cannot
 * be stored. Nothing was sent. It is `instanceof TypeError` as well, like the error for other
 * values that cannot be stored.
 */
export class EncodeError extends MemcacheError {
  static {
    // The classes above are recognised by their marks, not by their prototypes.
    Object.setPrototypeOf(EncodeError.prototype, TypeError.prototype)
  }

  static override readonly kind: string = 'EncodeError'
  readonly code = 'ERR_MEMCACHE_ENCODE'
}

/** The item was read, but this client cannot decode its bytes and flags. */
export class DecodeError extends MemcacheError {
  static override readonly kind: string = 'DecodeError'
  readonly code = 'ERR_MEMCACHE_DECODE'
}
