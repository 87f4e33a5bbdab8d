import {
  Alarm,
  Deadline,
  type Deadlines,
  Fault,
  type Output,
  onAbort,
  reasonOf,
} from '@glammp/wire'
import type { GearmanError } from '../../errors.js'
import { type ErrorContext, failure } from '../../link/failure.js'
import type { Sending } from '../../link/upload.js'
import type { CallOptions } from '../../options.js'
import { encode, PacketType } from '../../protocol/packet.js'
import type { Flow } from './flow-control.js'

/** The part of a connection that a request needs. */
export interface RequestOwner {
  /** Name of the server. */
  readonly name: string
  /** Holds back what arrives on its connection. */
  readonly flow: Flow
  /** The server did not answer in time. */
  overdue(request: Request): void
  /** The caller of a job with a handle has its result. */
  release(request: Request, localHandle: string): void
}

/**
 * Something sent on a client connection that gearmand answers. Answers carry no id: they come in
 * the order of the requests, so a request whose caller has given up keeps its place until its
 * answer has arrived.
 */
export abstract class Request extends Deadline implements Sending {
  /** Where it was sent last. */
  owner: RequestOwner | undefined = undefined
  /** How much the connection had received when it was written; `undefined` until then. */
  heardBefore: number | undefined = undefined
  /** What had come of large packets then. */
  movesBefore = 0
  written = 0
  position = 0
  left = -1
  moved = 0
  /** True once the caller has its result. */
  settled = false
  /** Called when the caller has its result. */
  onSettled: (() => void) | undefined = undefined
  #lift: (() => void) | undefined
  #unlisten: (() => void) | undefined

  /** It is looked at now, or written: remembers what has come until then. */
  look({ heard, moves }: { readonly heard: number; readonly moves: number }): void {
    this.heardBefore = heard
    this.movesBefore = moves
  }

  /** False if no caller waits for it: one has given up, or it is the connection's own. */
  get awaited(): boolean {
    return !this.settled
  }

  /** Appends the packet. */
  abstract encode(output: Output): void
  /** Takes the answer; false if the packet is not an answer to it. */
  abstract answered(type: PacketType, args: readonly string[], data: Buffer): boolean
  /** The server answered ERROR. */
  abstract refused(code: string, text: string): void
  /** No answer will come from where it was sent to. `sent` is false if nothing was written. */
  abstract failed(fault: Fault, sent: boolean): void
  /** Ends it with an error, or the reason of a signal; a second end is ignored. */
  abstract fail(reason: unknown): void
  /** What the caller asked for, and where it is. */
  protected abstract get context(): ErrorContext

  /** Aborts it after `timeout` milliseconds, or when the signal aborts. */
  limit(deadlines: Deadlines, { timeout, signal }: CallOptions): void {
    if (timeout !== undefined) {
      // The caller's own limit, in addition to the one for gearmand's answer.
      const fault = (): Fault => new Fault('timeout', `no result within ${timeout} ms`)
      const alarm = new Alarm(() => this.abandon(fault()))
      deadlines.add(alarm, timeout)
      this.#lift = () => deadlines.remove(alarm)
    }
    if (signal === undefined) return
    const give = (): void => this.fail(reasonOf(signal))
    if (signal.aborted) give()
    else this.#unlisten = onAbort(signal, give)
  }

  /** The caller's error for a fault. */
  errorOf(fault: Fault): GearmanError {
    return failure(fault, this.context)
  }

  /** Ends it for a reason of the connection. */
  abandon(fault: Fault): void {
    if (!this.settled) this.fail(this.errorOf(fault))
  }

  /** The time for an answer is over. @internal */
  expire(): void {
    this.owner?.overdue(this)
  }

  /** The caller gets its result now; false if it already had it. */
  protected settle(): boolean {
    if (this.settled) return false
    this.settled = true
    this.#lift?.()
    this.#unlisten?.()
    this.onSettled?.()
    return true
  }
}

/** OPTION_REQ of every new connection; nobody waits for it, and a refusal does no harm. */
export class ExceptionsOption extends Request {
  override get awaited(): boolean {
    return false
  }

  encode(output: Output): void {
    encode(output, PacketType.OPTION_REQ, 'exceptions')
  }

  answered(type: PacketType): boolean {
    return type === PacketType.OPTION_RES
  }

  refused(): void {}

  failed(): void {}

  fail(): void {}

  protected get context(): ErrorContext {
    return { what: 'OPTION_REQ' }
  }
}

/** Ends requests that were not sent, or has them sent elsewhere: only there their time goes on. */
export function failUnsent(
  requests: readonly Request[],
  deadlines: Deadlines,
  reason: Fault,
): void {
  for (const request of requests) {
    request.failed(reason, false)
    if (request.settled) deadlines.remove(request)
  }
}
