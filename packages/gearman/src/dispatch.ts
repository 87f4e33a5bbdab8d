import { Call } from './call.js'
import type { InvalidArgumentError } from './errors.js'
import {
  type EncodedOrder,
  type FunctionReference,
  fill,
  type JobOptions,
  JobOrders,
  type Schedule,
} from './job-order.js'
import {
  Batch,
  type BatchOwner,
  concurrencyOf,
  type ManyOptions,
  type Source,
  type TaskRequest,
} from './many.js'
import type { Settings } from './options.js'
import type { JobServers } from './servers/job-servers.js'
import { type JobListener, Submission } from './servers/submission.js'
import { GearmanTask } from './task.js'
import type { WorkloadStream } from './workload-stream.js'

type AnyFunction = FunctionReference<unknown, unknown>

/** Brings the jobs of a client to its servers: as a promise, as a task, or many at once. */
export class Dispatch {
  readonly #orders: JobOrders
  readonly #servers: JobServers

  constructor(settings: Settings, servers: JobServers) {
    this.#orders = new JobOrders(settings)
    this.#servers = servers
  }

  /** A job as a promise of its result, or of its handle in the background. */
  call(
    fn: AnyFunction,
    workload: unknown,
    options?: JobOptions,
    schedule?: Schedule,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const encoded = this.#orders.build(fn, workload, options, schedule)
      this.#submit(encoded, new Call(resolve, reject, encoded, options), options)
    })
  }

  /** @throws {@link InvalidArgumentError} */
  task<Output>(
    fn: AnyFunction,
    workload: unknown,
    options: JobOptions | undefined,
  ): GearmanTask<Output> {
    const encoded = this.#orders.build(fn, workload, options)
    return new GearmanTask<Output>(encoded, (listener) => this.#submit(encoded, listener, options))
  }

  /** @param read Makes a job of a task. */
  async many<T>(
    tasks: Source<T>,
    { concurrency, signal }: ManyOptions & Pick<JobOptions, 'signal'>,
    read: (task: T) => TaskRequest,
  ): Promise<PromiseSettledResult<unknown>[]> {
    const servers = this.#servers
    const owner: BatchOwner<T> = {
      get over() {
        return servers.closed || signal?.aborted === true
      },
      submit: (task, place) => {
        try {
          const { function: fn, workload, ...given } = read(task)
          const options = given.signal === undefined ? { ...given, signal } : given
          const encoded = this.#orders.build(fn as AnyFunction, workload, options)
          place.sending(encoded.stream?.length ?? encoded.order.data.length)
          const { resolve, reject, acknowledged } = place
          const call = new Call(resolve, reject, encoded, options, acknowledged)
          this.#submit(encoded, call, options)
        } catch (error) {
          place.reject(error)
        }
      },
    }
    const limit = concurrencyOf(concurrency, servers.maxPending)
    return await new Batch(owner, limit).run(tasks)
  }

  #submit(encoded: EncodedOrder, listener: JobListener, options: JobOptions | undefined): void {
    const submission = new Submission(encoded.order, listener, this.#servers)
    if (!this.#servers.take(submission)) return
    if (options !== undefined) submission.limit(this.#servers.deadlines, options)
    if (encoded.stream === undefined) this.#servers.send(submission)
    else void this.#sendStream(submission, encoded.stream)
  }

  async #sendStream(submission: Submission, stream: WorkloadStream): Promise<void> {
    submission.onSettled = () => stream.cancel()
    try {
      const data = await stream.read()
      submission.onSettled = undefined
      fill(submission.order, data)
      this.#servers.send(submission)
    } catch (error) {
      submission.fail(error as InvalidArgumentError)
    }
  }
}
