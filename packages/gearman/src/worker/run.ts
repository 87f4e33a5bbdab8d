import { Deadline, type Deadlines, isThenable, messageOf, monotonic } from '@glammp/wire'
import { encodeWith } from '../codec.js'
import { type GearmanError, JobFailure, TimeoutError } from '../errors.js'
import { GearmanJob, type JobChannel, type JobHandler } from '../job.js'
import { formatHandle } from '../names/handle.js'
import type { JobMeter } from '../observing/metrics.js'
import { byteText, fromByteText, PacketType } from '../protocol/packet.js'
import { takeContext } from '../protocol/trace-context.js'
import type { WorkerFunction } from './functions.js'
import type { Assignment, JobConnection } from './servers/job-connection.js'

const UNSENT: Promise<boolean> = Promise.resolve(false)

/** How a job ended: by a packet of the handler's, or because its result no longer counts. */
export type JobOutcome = 'complete' | 'fail' | 'exception' | 'timeout' | 'lost'

/** The end of a job. */
export interface JobEnd {
  /** The handle with its server. */
  readonly handle: string
  /** The function as the worker registered it. */
  readonly function: string
  /**
   * `timeout`: it took longer than allowed; `lost`: its connection was lost or the worker closed by
   * force, and gearmand gives it to another worker.
   */
  readonly outcome: JobOutcome
  /** Milliseconds from its assignment on. */
  readonly duration: number
  /** What was thrown, the text of an exception, or the reason of `timeout` and `lost`. */
  readonly error: unknown
}

/** Something that a handler tried to send and that cannot be sent. */
export interface JobUnsent {
  /** The handle with its server. */
  readonly handle: string
  /** The function as the worker registered it. */
  readonly function: string
  /** What the `send` method rejected with. */
  readonly error: GearmanError
}

/** The part of a worker that a job needs. */
export interface RunOwner {
  readonly deadlines: Deadlines
  readonly meter: JobMeter
  /** Whether there is a listener for ends. */
  readonly watched: boolean
  /** The job's end was sent, or none will be: its handler may still be busy. */
  ended(end: JobEnd): void
  /** A `send` method has rejected, and nobody awaits it. */
  unsent(unsent: JobUnsent): void
  /** The job's slot is free. */
  done(): void
}

const OUTCOMES: Partial<Record<PacketType, JobOutcome>> = {
  [PacketType.WORK_COMPLETE]: 'complete',
  [PacketType.WORK_FAIL]: 'fail',
  [PacketType.WORK_EXCEPTION]: 'exception',
}

/**
 * One job with its handler. It ensures that exactly one final packet is sent, on the connection
 * that the job came from, and that its slot is given back once.
 */
export class Run extends Deadline implements JobChannel {
  readonly wireName: string
  readonly #fn: WorkerFunction
  readonly #origin: JobConnection
  readonly #localHandle: string
  readonly #owner: RunOwner
  readonly #started: number = monotonic()
  #job: GearmanJob<unknown> | undefined
  #controller: AbortController | undefined
  #reason: GearmanError | undefined
  #over = false
  #finished = false

  constructor(fn: WorkerFunction, assignment: Assignment, origin: JobConnection, owner: RunOwner) {
    super()
    this.wireName = fn.wireName
    this.#fn = fn
    this.#origin = origin
    this.#localHandle = assignment.handle
    this.#owner = owner
  }

  /** @param handler - the function's handler, with the worker's middleware around it. */
  start(assignment: Assignment, handler: JobHandler<unknown>): void {
    const { name, timeout = Infinity, serverTimeout = Infinity, codec } = this.#fn
    const { context, workload } = takeContext(assignment.data)
    const job = new GearmanJob<unknown>(
      {
        handle: this.handle,
        functionName: name,
        unique: fromByteText(assignment.unique),
        reducer: assignment.reducer && this.#withoutNamespace(assignment.reducer),
        traceContext: context,
        workload,
      },
      codec,
      this,
    )
    this.#job = job
    const time = Math.min(timeout, serverTimeout)
    if (time !== Infinity) this.#owner.deadlines.add(this, time)
    let result: unknown
    try {
      result = handler(job)
      if (isThenable(result)) {
        // A thenable that is not a promise may throw, or call back twice.
        Promise.resolve(result).then(
          (value) => this.#returned(value),
          (error: unknown) => this.#threw(error),
        )
        return
      }
    } catch (error) {
      this.#threw(error)
      return
    }
    this.#returned(result)
  }

  /** Its end was sent, or will never count. */
  get over(): boolean {
    return this.#over
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  report(
    type: PacketType,
    args: string | undefined,
    data: string | Uint8Array | undefined,
  ): Promise<boolean> {
    if (this.#over) return UNSENT
    const handle = this.#localHandle
    const whole = args === undefined ? handle : `${handle}\0${args}`
    return this.#origin.report(type, whole, data, type !== PacketType.WORK_DATA)
  }

  finish(type: PacketType, data: string | Uint8Array | undefined): Promise<boolean> {
    const error = type === PacketType.WORK_EXCEPTION ? data : undefined
    return this.#finish(type, data, error) ? this.#origin.sent() : UNSENT
  }

  unsent(error: GearmanError): void {
    this.#owner.unsent({ handle: this.handle, function: this.#fn.name, error })
  }

  /** The result no longer counts; the handler still has its slot. */
  lose(reason: GearmanError): void {
    if (!this.#over) this.#end('lost', reason)
    this.#abort(reason)
  }

  /** The function's time is over: the slot is given back, whatever the handler does. @internal */
  expire(): void {
    const { name, timeout = Infinity, serverTimeout = Infinity } = this.#fn
    const reason = new TimeoutError(
      `job ${name} took more than ${Math.min(timeout, serverTimeout)} ms`,
      { server: this.#origin.name, function: name, handle: this.handle },
    )
    // gearmand has taken the job back, or does so now: a result would be another run's, also one that the
    // handler sends when its signal is aborted.
    if (serverTimeout <= timeout && !this.#over) this.#end('timeout', reason)
    this.#abort(reason)
    this.#finish(PacketType.WORK_FAIL, undefined, reason)
    this.#giveBack()
  }

  /** The handle with its server. */
  get handle(): string {
    return formatHandle(this.#origin.name, this.#localHandle)
  }

  // What precedes the function's name in its full name.
  #withoutNamespace(wireName: string): string {
    const { wireName: full, name } = this.#fn
    const namespace = full.slice(0, full.length - byteText(name).length)
    return fromByteText(
      wireName.startsWith(namespace) ? wireName.slice(namespace.length) : wireName,
    )
  }

  #returned(value: unknown): void {
    this.#job?.judgeRefusals()
    if (!this.#over) {
      try {
        const data = encodeWith(this.#fn.codec, value, this.#fn.name)
        this.#finish(PacketType.WORK_COMPLETE, data, undefined)
      } catch (error) {
        this.#threw(error)
        return
      }
    }
    this.#giveBack()
  }

  #threw(error: unknown): void {
    this.#job?.judgeRefusals()
    if (error instanceof JobFailure) this.#finish(PacketType.WORK_FAIL, undefined, error)
    else this.#finish(PacketType.WORK_EXCEPTION, messageOf(error), error)
    this.#giveBack()
  }

  #finish(type: PacketType, data: string | Uint8Array | undefined, error: unknown): boolean {
    if (this.#over) return false
    const sent = this.#origin.finish(type, this.#localHandle, data)
    this.#end(this.#reason === undefined ? OUTCOMES[type] : 'timeout', error)
    return sent
  }

  #end(outcome: JobOutcome = 'complete', error: unknown): void {
    this.#over = true
    this.#origin.ended(this)
    const duration = monotonic() - this.#started
    this.#owner.meter.record(this.#fn.name, outcome, duration)
    if (!this.#owner.watched) return
    this.#owner.ended({
      handle: this.handle,
      function: this.#fn.name,
      outcome,
      duration,
      error,
    })
  }

  #abort(reason: GearmanError): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#controller?.abort(reason)
  }

  #giveBack(): void {
    if (this.#finished) return
    this.#finished = true
    this.#owner.deadlines.remove(this)
    this.#owner.done()
  }
}
