import { codeOf, type Fault, type Output } from '@glammp/wire'
import { JobExceptionError, JobFailedError, ServerError } from '../../errors.js'
import type { ErrorContext } from '../../link/failure.js'
import { formatHandle, withoutNuls } from '../../names/handle.js'
import { encode, PacketType } from '../../protocol/packet.js'
import type { Flow } from './flow-control.js'
import { Request, type RequestOwner } from './request.js'

/**
 * The listener for the outcome of a job. Exactly one of `complete` and `failed` is called, once.
 */
export interface JobListener {
  /** gearmand has acknowledged the job. */
  created(handle: string): void
  /** @param flow - holds back what comes next. */
  data(chunk: Buffer, flow: Flow): void
  status(numerator: number, denominator: number): void
  warning(text: Buffer): void
  /** The result; empty for a background job, for which the acknowledgement is the end. */
  complete(result: Buffer, handle: string): void
  /** @param reason A GearmanError, or the reason of the caller's signal. */
  failed(reason: unknown): void
}

/** What the submission needs of its owners. */
export interface SubmissionOwner {
  /** It was not delivered: try another server, or give it up. */
  undelivered(submission: Submission, fault: Fault, sent: boolean): void
  /** The caller has its result. */
  settled(submission: Submission): void
}

/** A job to submit, encoded. */
export interface JobOrder {
  /** The SUBMIT packet of its priority and class. */
  readonly type: PacketType
  readonly background: boolean
  /** The function as the caller named it. */
  readonly name: string
  /** Function and unique as the text of their bytes, joined by a NUL; for EPOCH the time too. */
  readonly args: string
  /** Jobs of one key go to one server, so that equal uniques meet. */
  key: string | undefined
  /** The workload; empty once it need not be sent again. */
  data: string | Uint8Array
  /** How often it may be sent again although it may have arrived. */
  readonly retries: number
}

const EMPTY: Buffer = Buffer.alloc(0)

/** One job on its way: submitted, acknowledged, and, in the foreground, waited for. */
export class Submission extends Request {
  readonly order: JobOrder
  readonly #listener: JobListener
  readonly #owner: SubmissionOwner
  /** How often it was sent again. */
  resent = 0
  /** When the caller asked, on the clock of the deadlines. */
  begun = 0
  /** The code or name of the error that it ended with. */
  errorCode: string | undefined
  /** Servers that could not be reached for it, or lost it. */
  avoided: Set<RequestOwner> | undefined
  /** Its handle on the server, once that has acknowledged it. */
  #localHandle: string | undefined

  constructor(order: JobOrder, listener: JobListener, owner: SubmissionOwner) {
    super()
    this.order = order
    this.#listener = listener
    this.#owner = owner
  }

  /** The handle with its server, once there is one. */
  get handle(): string | undefined {
    if (this.#localHandle === undefined) return undefined
    return formatHandle(this.owner?.name ?? '', this.#localHandle)
  }

  encode(output: Output): void {
    encode(output, this.order.type, this.order.args, this.order.data)
  }

  answered(type: PacketType, args: readonly string[]): boolean {
    if (type !== PacketType.JOB_CREATED) return false
    this.#localHandle = withoutNuls(args[0] ?? '')
    if (this.order.retries === 0) this.order.data = EMPTY
    if (this.settled) return true
    const handle = this.handle ?? ''
    this.#listener.created(handle)
    if (this.order.background && this.settle()) this.#listener.complete(EMPTY, handle)
    return true
  }

  refused(serverCode: string, text: string): void {
    const server = this.owner?.name
    this.fail(
      new ServerError(`${this.#what} on ${server}: ${serverCode} ${text}`, {
        ...this.#where,
        serverCode,
      }),
    )
  }

  /** It is sent elsewhere: its handle was that of the server that lost it. */
  forgetHandle(): void {
    this.#localHandle = undefined
  }

  failed(fault: Fault, sent: boolean): void {
    this.heardBefore = undefined
    if (!this.settled) this.#owner.undelivered(this, fault, sent)
  }

  /** A WORK packet for its handle. */
  worked(type: PacketType, args: readonly string[], data: Buffer): void {
    if (this.settled) return
    switch (type) {
      case PacketType.WORK_COMPLETE:
        if (this.settle()) this.#listener.complete(data, this.handle ?? '')
        break
      case PacketType.WORK_DATA:
        if (this.owner !== undefined) this.#listener.data(data, this.owner.flow)
        break
      case PacketType.WORK_STATUS:
        this.#listener.status(Number(args[1]), Number(args[2]))
        break
      case PacketType.WORK_WARNING:
        this.#listener.warning(data)
        break
      case PacketType.WORK_FAIL:
        this.fail(
          new JobFailedError(`${this.#what} failed on its worker or was cancelled`, this.#where),
        )
        break
      default:
        this.fail(
          new JobExceptionError(`${this.#what} threw on its worker: ${data.toString()}`, {
            ...this.#where,
            data,
          }),
        )
    }
  }

  fail(reason: unknown): void {
    if (this.settled) return
    this.errorCode = codeOf(reason)
    this.settle()
    this.#listener.failed(reason)
  }

  protected get context(): ErrorContext {
    return { what: this.#what, ...this.#where }
  }

  protected override settle(): boolean {
    if (!super.settle()) return false
    if (this.#localHandle !== undefined) this.owner?.release(this, this.#localHandle)
    this.#owner.settled(this)
    return true
  }

  get #what(): string {
    return `job ${this.order.name}`
  }

  get #where(): { server: string | undefined; function: string; handle: string | undefined } {
    return { server: this.owner?.name, function: this.order.name, handle: this.handle }
  }
}
