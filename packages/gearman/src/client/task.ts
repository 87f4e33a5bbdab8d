import { EventEmitter } from 'node:events'
import { nextTick, tell } from '@glammp/wire'
import { decodeWith } from '../codec.js'
import { JobExceptionError } from '../errors.js'
import { ChunkReader } from './chunk-reader.js'
import type { EncodedOrder } from './job-order.js'
import type { JobListener } from './servers/submission.js'

/**
 * Events of a {@link GearmanTask}. There is no `error` event: no event without a listener ends the
 * process.
 */
export interface GearmanTaskEvents {
  /** gearmand acknowledged the job; its handle. */
  created: [handle: string]
  /** A partial result, decoded by the job's codec. */
  data: [chunk: unknown]
  /** The worker's progress. */
  status: [numerator: number, denominator: number]
  /** The worker's warnings. */
  warning: [text: string]
  /** The result. */
  complete: [result: unknown]
  /** The job failed, or the wait for it did: a GearmanError, or the reason of its signal. */
  fail: [error: unknown]
  /** The worker threw; `fail` is not emitted then. */
  exception: [error: JobExceptionError]
}

/** How a task ended. */
type Outcome = { readonly value: unknown } | { readonly error: unknown }

/**
 * A submitted job, for its caller. `await task` is its result; `for await (const chunk of task)`
 * gives its partial results, and throws if it fails. A task that nobody awaits fails without an
 * unhandled rejection.
 */
export class GearmanTask<Output = string>
  extends EventEmitter<GearmanTaskEvents>
  implements PromiseLike<Output>, AsyncIterable<unknown>
{
  readonly #name: string
  #handle: string | undefined
  // Of unknown type, so that a task of a narrow type is assignable to one of a wide type.
  #outcome: Outcome | undefined
  #result: Promise<unknown> | undefined
  #settle: ((outcome: Outcome) => void) | undefined
  readonly #readers: Set<ChunkReader> = new Set()

  /**
   * @param start - receives the listener for the job's events.
   * @internal
   */
  constructor({ order, codec }: EncodedOrder, start: (listener: JobListener) => void) {
    super()
    this.#name = order.name
    const decode = (data: Buffer): unknown => decodeWith(codec, data, order.name)
    start({
      created: (handle) => {
        this.#handle = handle
        tell(this, 'created', handle)
      },
      data: (data, flow) => {
        if (this.#outcome !== undefined) return
        let chunk: unknown
        try {
          chunk = decode(data)
        } catch (error) {
          this.#end({ error })
          return
        }
        for (const reader of this.#readers) reader.push(chunk, data.length, flow)
        tell(this, 'data', chunk)
      },
      status: (numerator, denominator) => {
        tell(this, 'status', numerator, denominator)
      },
      warning: (text) => {
        tell(this, 'warning', text.toString())
      },
      complete: (result, handle) => {
        try {
          this.#end({ value: order.background ? handle : decode(result) })
        } catch (error) {
          this.#end({ error })
        }
      },
      failed: (error) => {
        this.#end({ error })
      },
    })
  }

  /** The job's handle with its server, once gearmand has acknowledged it. */
  get handle(): string | undefined {
    return this.#handle
  }

  /** The result, or the handle of a background job. */
  get result(): Promise<Output> {
    this.#result ??= new Promise((resolve, reject) => {
      this.#settle = (outcome) => {
        if ('value' in outcome) resolve(outcome.value)
        else reject(outcome.error)
      }
      if (this.#outcome !== undefined) this.#settle(this.#outcome)
    })
    return this.#result as Promise<Output>
  }

  // biome-ignore lint/suspicious/noThenProperty: a task is awaitable for its result
  then<A = Output, B = never>(
    fulfilled?: ((value: Output) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.result.then(fulfilled, rejected)
  }

  catch<B = never>(
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<Output | B> {
    return this.result.catch(rejected)
  }

  finally(done?: (() => void) | null): Promise<Output> {
    return this.result.finally(done)
  }

  /**
   * Partial results from now on, until the job is over.
   *
   * A loop that is slower than the network lets 1 MiB wait in the process, then the client reads
   * nothing from that server until three quarters of it are taken: the rest waits in gearmand,
   * which has no limit for it and does not tell the worker. All other jobs of the client there wait
   * as well. If there are any, this lasts at most a second at a time (half of the client's
   * `timeout`, if that is less): then the loop gets what has arrived, and throws SlowReaderError.
   * The job goes on, and its result counts. A loop that has to be slow needs a client of its own,
   * which waits for it.
   */
  [Symbol.asyncIterator](): AsyncIterator<unknown, undefined> {
    const reader = new ChunkReader(this.#name, (left) => this.#readers.delete(left))
    if (this.#outcome === undefined) this.#readers.add(reader)
    else reader.end('error' in this.#outcome ? this.#outcome : undefined)
    return reader
  }

  #end(outcome: Outcome): void {
    // A partial result that could not be decoded has ended it before its job did.
    if (this.#outcome !== undefined) return
    this.#outcome = outcome
    this.#settle?.(outcome)
    const failure = 'error' in outcome ? outcome : undefined
    for (const reader of this.#readers) reader.end(failure)
    this.#readers.clear()
    // A failure before the first packet is known before the caller could listen.
    nextTick(() => {
      if ('value' in outcome) tell(this, 'complete', outcome.value)
      else if (outcome.error instanceof JobExceptionError) tell(this, 'exception', outcome.error)
      else tell(this, 'fail', outcome.error)
    })
  }
}
