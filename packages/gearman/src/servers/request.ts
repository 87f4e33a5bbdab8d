import { Deadline, type Fault, type Output } from '@glammp/wire'
import { type GearmanError, ServerError } from '../errors.js'
import { encode, PacketType } from '../protocol/packet.js'
import { failure } from './failure.js'

/** The connection side of a request, as far as a request needs to know it. */
export interface Carrier {
  /** Name of the server. */
  readonly name: string
  /** The server did not answer in time. */
  overdue(request: Request): void
  /** The caller of a job that has a handle has its end. */
  release(request: Request, localHandle: string): void
}

/**
 * Something sent on a client connection that gearmand answers. Answers carry no id: they come in
 * the order of the requests, so a request whose caller has gone keeps its place until its answer
 * is there.
 */
export abstract class Request extends Deadline {
  /** Where it was sent last. */
  carrier: Carrier | undefined = undefined
  /** What the connection had heard when it was written; `undefined` until then. */
  heardBefore: number | undefined = undefined
  /** True once the caller has its end. */
  settled = false

  /** Appends the packet. */
  abstract encode(output: Output): void
  /** Takes the answer; false where the packet is none. */
  abstract answered(type: PacketType, args: readonly string[], data: Buffer): boolean
  /** The server answered ERROR. */
  abstract refused(code: string, text: string): void
  /** No answer will come from where it was sent to. `sent` is false where nothing was written. */
  abstract failed(fault: Fault, sent: boolean): void
  /** Ends it for its caller. */
  abstract abandon(fault: Fault): void

  /** The time for an answer is over. @internal */
  expire(): void {
    this.carrier?.overdue(this)
  }
}

/** A question with one answer: status, echo. */
export abstract class Question<T> extends Request {
  readonly #resolve: (value: T) => void
  readonly #reject: (error: GearmanError) => void
  readonly #what: string
  readonly #answerType: PacketType

  constructor(
    what: string,
    answerType: PacketType,
    resolve: (value: T) => void,
    reject: (error: GearmanError) => void,
  ) {
    super()
    this.#what = what
    this.#answerType = answerType
    this.#resolve = resolve
    this.#reject = reject
  }

  /** The value of the answer. */
  protected abstract read(args: readonly string[]): T

  answered(type: PacketType, args: readonly string[]): boolean {
    if (type !== this.#answerType) return false
    if (!this.settled) {
      this.settled = true
      this.#resolve(this.read(args))
    }
    return true
  }

  refused(serverCode: string, text: string): void {
    if (this.settled) return
    this.settled = true
    const server = this.carrier?.name
    this.#reject(
      new ServerError(`${this.#what} on ${server}: ${serverCode} ${text}`, { server, serverCode }),
    )
  }

  failed(fault: Fault): void {
    this.abandon(fault)
  }

  abandon(fault: Fault): void {
    if (this.settled) return
    this.settled = true
    this.#reject(failure(fault, { what: this.#what, server: this.carrier?.name }))
  }
}

/** ECHO_REQ: does the server answer? */
export class EchoQuestion extends Question<void> {
  constructor(resolve: () => void, reject: (error: GearmanError) => void) {
    super('ping', PacketType.ECHO_RES, resolve, reject)
  }

  encode(output: Output): void {
    encode(output, PacketType.ECHO_REQ, '', 'ping')
  }

  protected read(): void {}
}

/** What gearmand knows of a job. */
export interface JobStatus {
  /** False where gearmand knows no such job: it is over, or never was. */
  readonly known: boolean
  /** True while a worker has it. */
  readonly running: boolean
  /** Work done, as the worker last reported it. */
  readonly numerator: number
  /** Work in all; 0 while the worker reported nothing. */
  readonly denominator: number
}

/** GET_STATUS of a handle. */
export class StatusQuestion extends Question<JobStatus> {
  readonly #handle: string

  constructor(
    handle: string,
    resolve: (status: JobStatus) => void,
    reject: (error: GearmanError) => void,
  ) {
    super(`jobStatus of ${handle}`, PacketType.STATUS_RES, resolve, reject)
    this.#handle = handle
  }

  encode(output: Output): void {
    encode(output, PacketType.GET_STATUS, this.#handle)
  }

  protected read(args: readonly string[]): JobStatus {
    return readStatus(args)
  }
}

/** {@link JobStatus} of the job with a unique id. */
export interface UniqueJobStatus extends JobStatus {
  /** Clients that wait for its result. */
  readonly waiting: number
}

/** GET_STATUS_UNIQUE; the id comes back where the handle stands in the answer to GET_STATUS. */
export class UniqueStatusQuestion extends Question<UniqueJobStatus> {
  readonly #unique: string

  constructor(
    unique: string,
    resolve: (status: UniqueJobStatus) => void,
    reject: (error: GearmanError) => void,
  ) {
    super('jobStatusByUnique', PacketType.STATUS_RES_UNIQUE, resolve, reject)
    this.#unique = unique
  }

  encode(output: Output): void {
    encode(output, PacketType.GET_STATUS_UNIQUE, this.#unique)
  }

  protected read(args: readonly string[]): UniqueJobStatus {
    return { ...readStatus(args), waiting: Number(args[5]) }
  }
}

function readStatus(args: readonly string[]): JobStatus {
  return {
    known: args[1] === '1',
    running: args[2] === '1',
    numerator: Number(args[3]),
    denominator: Number(args[4]),
  }
}

/** OPTION_REQ of every new connection; nobody waits for it, and a refusal is no harm. */
export class ExceptionsOption extends Request {
  encode(output: Output): void {
    encode(output, PacketType.OPTION_REQ, 'exceptions')
  }

  answered(type: PacketType): boolean {
    return type === PacketType.OPTION_RES
  }

  refused(): void {}

  failed(): void {}

  abandon(): void {}
}
