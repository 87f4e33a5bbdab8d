import type { Fault, Output } from '@glammp/wire'
import { ServerError } from '../../errors.js'
import type { ErrorContext } from '../../link/failure.js'
import { encode, PacketType } from '../../protocol/packet.js'
import { Request } from './request.js'

/** A query with one answer: status, echo. */
export abstract class Query<T> extends Request {
  readonly #resolve: (value: T) => void
  readonly #reject: (reason: unknown) => void
  readonly #what: string
  readonly #answerType: PacketType

  constructor(
    what: string,
    answerType: PacketType,
    resolve: (value: T) => void,
    reject: (reason: unknown) => void,
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
    if (this.settle()) this.#resolve(this.read(args))
    return true
  }

  refused(serverCode: string, text: string): void {
    const server = this.owner?.name
    this.fail(
      new ServerError(`${this.#what} on ${server}: ${serverCode} ${text}`, { server, serverCode }),
    )
  }

  failed(fault: Fault): void {
    this.abandon(fault)
  }

  fail(reason: unknown): void {
    if (this.settle()) this.#reject(reason)
  }

  protected get context(): ErrorContext {
    return { what: this.#what, server: this.owner?.name }
  }
}

/** ECHO_REQ: does the server answer? */
export class EchoQuery extends Query<void> {
  constructor(resolve: () => void, reject: (reason: unknown) => void) {
    super('ping', PacketType.ECHO_RES, resolve, reject)
  }

  encode(output: Output): void {
    encode(output, PacketType.ECHO_REQ, '', 'ping')
  }

  protected read(): void {}
}

/** ECHO_REQ of the connection itself: that an answer does not come is the heartbeat's to notice. */
export class HeartbeatQuery extends EchoQuery {
  constructor() {
    super(ignore, ignore)
  }

  override get awaited(): boolean {
    return false
  }
}

function ignore(): void {}

/** What gearmand knows of a job. */
export interface JobStatus {
  /** False if gearmand does not know the job: it is over, or never existed. */
  readonly known: boolean
  /** True while a worker has it. */
  readonly running: boolean
  /** Work done, as the worker last reported it. */
  readonly numerator: number
  /** Total work; 0 while the worker reported nothing. */
  readonly denominator: number
}

/** GET_STATUS of a handle. */
export class StatusQuery extends Query<JobStatus> {
  readonly #handle: string

  constructor(
    handle: string,
    resolve: (status: JobStatus) => void,
    reject: (reason: unknown) => void,
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
export class UniqueStatusQuery extends Query<UniqueJobStatus> {
  readonly #unique: string

  constructor(
    unique: string,
    resolve: (status: UniqueJobStatus) => void,
    reject: (reason: unknown) => void,
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

/** The answer of the server that knows the job; "unknown" only where every server said so. */
export function firstKnown<T extends JobStatus>(answers: readonly PromiseSettledResult<T>[]): T {
  let unknown: T | undefined
  let failure: unknown
  for (const answer of answers) {
    if (answer.status === 'rejected') failure = answer.reason
    else if (answer.value.known) return answer.value
    else unknown = answer.value
  }
  if (failure !== undefined || unknown === undefined) throw failure
  return unknown
}
