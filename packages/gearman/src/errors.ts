import { ErrorBase, type ErrorDetails } from '@glammp/wire'

/** What a {@link GearmanError} has besides its message. */
export interface GearmanErrorDetails extends ErrorDetails {
  /** The function of the job, as the caller named it. */
  readonly function?: string | undefined
  /** The job's handle with its server, once gearmand assigned one. */
  readonly handle?: string | undefined
}

/** Base of every failure of the clients and workers. */
export abstract class GearmanError extends ErrorBase {
  static override readonly kind: string = 'GearmanError'
  /** The function of the job, as the caller named it. */
  declare readonly function: string | undefined
  /** The job's handle with its server, once gearmand assigned one. */
  declare readonly handle: string | undefined

  constructor(message: string, details: GearmanErrorDetails = {}) {
    super(message, details)
    // Unknown properties are absent, so that a printed error shows only what helps.
    const { function: name, handle } = details
    if (name !== undefined) this.function = name
    if (handle !== undefined) this.handle = handle
  }
}

/**
 * A function name, unique, handle, workload or option that gearmand cannot take. Nothing was sent.
 * It is `instanceof TypeError` as well, like the errors of other libraries for arguments.
 */
export class InvalidArgumentError extends GearmanError {
  static {
    // The classes above are recognised by their marks, not by their prototypes.
    Object.setPrototypeOf(InvalidArgumentError.prototype, TypeError.prototype)
  }

  static override readonly kind: string = 'InvalidArgumentError'
  readonly code = 'ERR_GEARMAN_INVALID_ARGUMENT'
}

/** The client or worker was closed: before the call, or while it waited. */
export class ClosedError extends GearmanError {
  static override readonly kind: string = 'ClosedError'
  readonly code = 'ERR_GEARMAN_CLOSED'
}

/** `maxPending` calls wait already. Nothing was sent. */
export class QueueFullError extends GearmanError {
  static override readonly kind: string = 'QueueFullError'
  readonly code = 'ERR_GEARMAN_QUEUE_FULL'
}

/**
 * A loop over a task's partial results was too slow for a connection that others use too; it has
 * received everything that came before. The job goes on, and its result counts.
 */
export class SlowReaderError extends GearmanError {
  static override readonly kind: string = 'SlowReaderError'
  readonly code = 'ERR_GEARMAN_SLOW_READER'
}

/** None of several job servers can be reached; `cause` is the error of the last one. Nothing was sent. */
export class NoServerError extends GearmanError {
  static override readonly kind: string = 'NoServerError'
  readonly code = 'ERR_GEARMAN_NO_SERVER'
}

/**
 * The job server cannot be reached, or the connection was lost while the call waited: a job that
 * was sent may or may not run.
 */
export class ConnectionError extends GearmanError {
  static override readonly kind: string = 'ConnectionError'
  readonly code = 'ERR_GEARMAN_CONNECTION'
}

/**
 * No answer of the job server within the client's `timeout`, or no result within the job's own: a
 * job that was sent may or may not run.
 */
export class TimeoutError extends GearmanError {
  static override readonly kind: string = 'TimeoutError'
  readonly code = 'ERR_GEARMAN_TIMEOUT'
}

/** What a {@link ServerError} has besides its message. */
export interface ServerErrorDetails extends GearmanErrorDetails {
  readonly serverCode: string
}

/** The job server answered ERROR, for example because the function's queue is full. */
export class ServerError extends GearmanError {
  static override readonly kind: string = 'ServerError'
  readonly code = 'ERR_GEARMAN_SERVER'
  /** gearmand's own code: `QUEUE_ERROR`, `INVALID_COMMAND`, `ARGUMENT_TOO_LARGE`, ... */
  readonly serverCode: string

  constructor(message: string, details: ServerErrorDetails) {
    super(message, details)
    this.serverCode = details.serverCode
  }
}

/**
 * Bytes that are not the protocol's (the connection was closed), or not valid in the job's codec.
 */
export class ProtocolError extends GearmanError {
  static override readonly kind: string = 'ProtocolError'
  readonly code = 'ERR_GEARMAN_PROTOCOL'
}

/** The worker reported WORK_FAIL, or gearmand did: the job was cancelled or lost its last retry. */
export class JobFailedError extends GearmanError {
  static override readonly kind: string = 'JobFailedError'
  readonly code = 'ERR_GEARMAN_JOB_FAILED'
}

/** What a {@link JobExceptionError} has besides its message. */
export interface JobExceptionErrorDetails extends GearmanErrorDetails {
  readonly data: Buffer
}

/** The worker reported WORK_EXCEPTION: its handler threw. */
export class JobExceptionError extends GearmanError {
  static override readonly kind: string = 'JobExceptionError'
  readonly code = 'ERR_GEARMAN_JOB_EXCEPTION'
  /** What the worker sent about the exception, as text. */
  readonly remoteMessage: string
  /** The same as bytes, for workers that send something other than UTF-8 text. */
  readonly data: Buffer

  constructor(message: string, details: JobExceptionErrorDetails) {
    super(message, details)
    this.data = details.data
    this.remoteMessage = details.data.toString()
  }
}

/**
 * Thrown by a handler to end its job with WORK_FAIL, which carries no message; any other error
 * becomes WORK_EXCEPTION with its message.
 */
export class JobFailure extends Error {
  override readonly name = 'JobFailure'

  /** By name: a handler may have the class from another copy, the CommonJS one for example. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    try {
      return value instanceof Error && value.name === 'JobFailure'
    } catch {
      // A Proxy may throw here, and so may a getter.
      return false
    }
  }
}
