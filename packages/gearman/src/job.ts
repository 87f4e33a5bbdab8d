import { isUint8Array } from 'node:util/types'
import { messageOf, Refusal, setImmediate } from '@glammp/wire'
import { type Codec, decodeWith, encodeWith } from './codec.js'
import { type GearmanError, InvalidArgumentError } from './errors.js'
import { PacketType } from './protocol/packet.js'
import type { TraceContext } from './protocol/trace-context.js'

/** What a job needs of its owner, which runs it. */
export interface JobChannel {
  readonly signal: AbortSignal
  /** Sends a packet about the job; false if the job is over or its connection is lost. */
  report(
    type: PacketType,
    args: string | undefined,
    data: string | Uint8Array | undefined,
  ): Promise<boolean>
  /** Sends the one final packet; false if there was one already or the connection is lost. */
  finish(type: PacketType, data: string | Uint8Array | undefined): Promise<boolean>
  /** Something cannot be sent, and the handler does not await it. */
  unsent(error: GearmanError): void
}

/** What JOB_ASSIGN said, for the handler. */
export interface JobDetails {
  /** The handle with its server. */
  readonly handle: string
  /** The function as the worker registered it. */
  readonly functionName: string
  readonly unique: string
  readonly reducer: string | undefined
  readonly traceContext: TraceContext | undefined
  readonly workload: Buffer
}

/**
 * A job, for its handler. The `send` methods resolve to whether the packet was sent: false if the
 * job is already over, or the connection that it came from is lost (gearmand takes no result from
 * another one, and has queued the job again). They reject if their argument is invalid; if nobody
 * awaits that, the worker's event `job:unsent` reports it.
 */
export class GearmanJob<Input = string> {
  /** The handle with its server: `host:port//H:name:1`. */
  readonly handle: string
  /** The function as the worker registered it, without the namespace. */
  readonly functionName: string
  /** The id that the client or its library set; empty without one. */
  readonly unique: string
  /**
   * The function that the parts of the result are for, if the job has a `reducer`; without the
   * namespace. Mapping and reducing are the handler's business.
   */
  readonly reducer: string | undefined
  /** What the client sent along by its option `traceContext`. */
  readonly traceContext: TraceContext | undefined
  /** The workload as received. */
  readonly workloadBuffer: Buffer
  readonly #codec: Codec
  readonly #channel: JobChannel
  #refusals: Refusal<GearmanError>[] | undefined

  /** @internal */
  constructor(details: JobDetails, codec: Codec, channel: JobChannel) {
    this.handle = details.handle
    this.functionName = details.functionName
    this.unique = details.unique
    this.reducer = details.reducer
    this.traceContext = details.traceContext
    this.workloadBuffer = details.workload
    this.#codec = codec
    this.#channel = channel
  }

  /**
   * Aborted when the result is no longer accepted: the connection that the job came from is lost,
   * its time is over, or the worker was closed without waiting for it.
   */
  get signal(): AbortSignal {
    return this.#channel.signal
  }

  /**
   * The workload, decoded by the function's codec; text by default.
   *
   * @throws ProtocolError if the codec cannot decode it.
   */
  workload<T = Input>(): T {
    return decodeWith(this.#codec, this.workloadBuffer, this.functionName) as T
  }

  /**
   * Reports progress, for the waiting clients and for `jobStatus`.
   *
   * @throws InvalidArgumentError unless both are whole numbers from 0 to 4,294,967,295: gearmand
   * keeps 32 bits and reads no fractions.
   */
  sendStatus(numerator: number, denominator: number): Promise<boolean> {
    if (!isUint32(numerator) || !isUint32(denominator)) {
      return this.#refused(
        new InvalidArgumentError(
          `status is two whole numbers from 0 to 4294967295; not ${messageOf(numerator)} of ${messageOf(denominator)}`,
          { function: this.functionName, handle: this.handle },
        ),
      )
    }
    return this.#channel.report(PacketType.WORK_STATUS, `${numerator}\0${denominator}`, undefined)
  }

  /**
   * Sends a partial result to the waiting clients.
   *
   * @throws InvalidArgumentError if the function's codec cannot encode it.
   */
  sendData(chunk: unknown): Promise<boolean> {
    let data: string | Uint8Array
    try {
      data = this.#encode(chunk)
    } catch (error) {
      return this.#refused(error as GearmanError)
    }
    return this.#channel.report(PacketType.WORK_DATA, undefined, data)
  }

  /** Sends a warning to the waiting clients. */
  sendWarning(text: string): Promise<boolean> {
    return this.#channel.report(PacketType.WORK_WARNING, undefined, messageOf(text))
  }

  /**
   * Completes the job now; what the handler returns later is not sent.
   *
   * @throws InvalidArgumentError if the function's codec cannot encode the result.
   */
  sendComplete(result?: unknown): Promise<boolean> {
    let data: string | Uint8Array
    try {
      data = this.#encode(result)
    } catch (error) {
      return this.#refused(error as GearmanError)
    }
    return this.#channel.finish(PacketType.WORK_COMPLETE, data)
  }

  /** Fails the job now. */
  sendFail(): Promise<boolean> {
    return this.#channel.finish(PacketType.WORK_FAIL, undefined)
  }

  /** Ends the job with an exception now: an error's message, or text. */
  sendException(error: unknown): Promise<boolean> {
    const data = isUint8Array(error) ? Buffer.from(error) : messageOf(error)
    return this.#channel.finish(PacketType.WORK_EXCEPTION, data)
  }

  /** @internal */
  unsent(error: GearmanError): void {
    this.#channel.unsent(error)
  }

  /**
   * Whoever handles a rejection has done so: the handler is done, or the tick is over. @internal
   */
  judgeRefusals(): void {
    const refusals = this.#refusals
    this.#refusals = undefined
    for (const refusal of refusals ?? []) refusal.judge()
  }

  #refused(error: GearmanError): Promise<boolean> {
    const refusal = new Refusal(error, (untaken) => this.#channel.unsent(untaken))
    if (this.#refusals === undefined) {
      this.#refusals = []
      setImmediate(() => this.judgeRefusals())
    }
    this.#refusals.push(refusal)
    return refusal
  }

  #encode(value: unknown): string | Uint8Array {
    return encodeWith(this.#codec, value, this.functionName)
  }
}

function isUint32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff
}

/** Does the work; what it returns completes the job, what it throws ends it as an exception. */
export type JobHandler<Input = string, Output = unknown> = (
  job: GearmanJob<Input>,
) => Output | Promise<Output>
