import type { Source } from '@glammp/wire'
import { messageOf, onAbort, reasonOf } from '@glammp/wire'
import type { FunctionReference } from '../definition.js'
import { ClosedError, InvalidArgumentError } from '../errors.js'
import {
  type SubmitMessage,
  submissionsAreWatched,
  traceSubmission,
} from '../observing/channels.js'
import { checkOptions, type Settings } from '../options.js'
import type { TraceContext } from '../protocol/trace-context.js'
import {
  Batch,
  type BatchOwner,
  type BatchPlace,
  checkSource,
  concurrencyOf,
  DO_MANY_RULES,
  type ManyOptions,
  RUN_TASKS_RULES,
  type TaskRequest,
} from './batch.js'
import { Call } from './call.js'
import { inherited } from './inherited.js'
import { type EncodedOrder, fill, type JobKind, type JobOptions, JobOrders } from './job-order.js'
import type { JobServers } from './servers/job-servers.js'
import { type JobListener, Submission } from './servers/submission.js'
import { GearmanTask } from './task.js'
import { WatchedListener } from './watched-listener.js'
import type { WorkloadStream } from './workload-stream.js'

type AnyFunction = FunctionReference<unknown, unknown>

/** Submits the jobs of a client to its servers: as a promise, as a task, or many at once. */
export class Dispatch {
  readonly #orders: JobOrders
  readonly #servers: JobServers

  /** @param context - returns what is sent along with a job. */
  constructor(settings: Settings, servers: JobServers, context?: () => TraceContext | undefined) {
    this.#orders = new JobOrders(settings, context)
    this.#servers = servers
  }

  /**
   * A job as a promise of its result, or of its handle in the background.
   *
   * @param place - set if the job is one of many.
   */
  call(
    fn: AnyFunction,
    workload: unknown,
    options?: JobOptions,
    kind?: JobKind,
    place?: BatchPlace,
  ): Promise<unknown> {
    if (!submissionsAreWatched()) return this.#call(fn, workload, options, kind, place)
    const background = kind?.schedule !== undefined || isBackground(kind) || isBackground(options)
    return traceSubmission(nameOf(fn), background, (message) =>
      this.#call(fn, workload, options, kind, place, message),
    )
  }

  /** @throws {@link InvalidArgumentError} */
  task<Output>(
    fn: AnyFunction,
    workload: unknown,
    options: JobOptions | undefined,
  ): GearmanTask<Output> {
    if (!submissionsAreWatched()) return this.#task(fn, workload, options)
    let task: GearmanTask<Output> | undefined
    let failure: unknown
    traceSubmission(nameOf(fn), isBackground(options), (message) => {
      try {
        task = this.#task<Output>(fn, workload, options, message)
        return task.result
      } catch (error) {
        failure = error
        return Promise.reject(error)
      }
    }).catch(() => {
      // The task reports it.
    })
    if (task === undefined) throw failure
    return task
  }

  /** As `GearmanClient.doMany`. */
  async doMany(
    fn: AnyFunction,
    workloads: Source<unknown>,
    options: JobOptions & ManyOptions,
  ): Promise<PromiseSettledResult<unknown>[]> {
    checkOptions('doMany', DO_MANY_RULES, options)
    checkSource('workloads', workloads)
    const { concurrency, ...own } = options
    const job = inherited(own, options)
    const read = (workload: unknown): TaskRequest => ({ ...job, function: fn, workload })
    return await this.#many(workloads, { concurrency, signal: job.signal }, read)
  }

  /** As `GearmanClient.runTasks`. */
  async runTasks(
    tasks: Source<TaskRequest>,
    options: ManyOptions & Pick<JobOptions, 'signal'>,
  ): Promise<PromiseSettledResult<unknown>[]> {
    checkOptions('runTasks', RUN_TASKS_RULES, options)
    checkSource('tasks', tasks)
    return await this.#many(tasks, options, (task) => task)
  }

  /** @param read - makes a job from a task. */
  async #many<T>(
    tasks: Source<T>,
    { concurrency, signal }: ManyOptions & Pick<JobOptions, 'signal'>,
    read: (task: T) => TaskRequest,
  ): Promise<PromiseSettledResult<unknown>[]> {
    const servers = this.#servers
    const owner: BatchOwner<T> = {
      get over() {
        return servers.closed || signal?.aborted === true
      },
      onOver: (callback) => {
        const unlisten = signal === undefined ? () => {} : onAbort(signal, callback)
        const forget = servers.onClose(callback)
        return () => {
          unlisten()
          forget()
        }
      },
      refusal: () => (servers.closed ? new ClosedError('the client is closed') : reasonOf(signal)),
      submit: (task, place) => {
        const request = read(task) ?? {}
        const { function: fn, workload, ...own } = request
        const given = inherited(own, request)
        const options = { ...given, signal: either(given.signal, signal) }
        const call = this.call(fn as AnyFunction, workload, options, undefined, place)
        call.then(place.resolve, place.reject)
      },
    }
    const limit = concurrencyOf(concurrency, servers.maxPending)
    return await new Batch(owner, limit).run(tasks)
  }

  #call(
    fn: AnyFunction,
    workload: unknown,
    options?: JobOptions,
    kind?: JobKind,
    place?: BatchPlace,
    message?: SubmitMessage,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const encoded = this.#orders.build(fn, workload, options, kind)
      const call = new Call(resolve, reject, encoded, options, place)
      place?.sending(sizeOf(encoded))
      this.#submit(encoded, message === undefined ? call : watch(encoded, call, message), options)
    })
  }

  #task<Output>(
    fn: AnyFunction,
    workload: unknown,
    options: JobOptions | undefined,
    message?: SubmitMessage,
  ): GearmanTask<Output> {
    const encoded = this.#orders.build(fn, workload, options)
    return new GearmanTask<Output>(encoded, (listener) => {
      const told = message === undefined ? listener : watch(encoded, listener, message)
      this.#submit(encoded, told, options)
    })
  }

  #submit(encoded: EncodedOrder, listener: JobListener, options: JobOptions | undefined): void {
    const submission = new Submission(encoded.order, listener, this.#servers)
    if (!this.#servers.take(submission)) {
      encoded.stream?.cancel()
      return
    }
    if (options !== undefined) {
      try {
        submission.limit(this.#servers.deadlines, options)
      } catch (cause) {
        // Thrown by a getter: the job has its place, which its end gives back.
        const text = `cannot read the options of job ${encoded.order.name}: ${messageOf(cause)}`
        submission.fail(new InvalidArgumentError(text, { function: encoded.order.name, cause }))
        return
      }
    }
    if (encoded.stream === undefined) this.#servers.send(submission)
    else void this.#sendStream(submission, encoded, encoded.stream)
  }

  async #sendStream(
    submission: Submission,
    encoded: EncodedOrder,
    stream: WorkloadStream,
  ): Promise<void> {
    if (submission.settled) {
      stream.cancel()
      return
    }
    const forget = this.#servers.onClose((reason) => submission.abandon(reason))
    submission.onSettled = () => {
      forget()
      stream.cancel()
    }
    try {
      const data = await stream.read()
      if (submission.settled) return
      submission.onSettled = undefined
      forget()
      fill(encoded, data)
      this.#servers.send(submission)
    } catch (error) {
      submission.fail(error as InvalidArgumentError)
    }
  }
}

function nameOf(fn: AnyFunction): string {
  try {
    return String(typeof fn === 'object' && fn !== null ? fn.name : fn)
  } catch {
    // The call itself reports what is wrong with it.
    return ''
  }
}

function isBackground(options: JobOptions | JobKind | undefined): boolean {
  try {
    return options?.background === true
  } catch {
    return false
  }
}

function either(
  one: AbortSignal | undefined,
  other: AbortSignal | undefined,
): AbortSignal | undefined {
  if (one === undefined || other === undefined || one === other) return one ?? other
  return AbortSignal.any([one, other])
}

function sizeOf({ order, stream }: EncodedOrder): number {
  return stream?.length ?? order.data.length
}

function watch(encoded: EncodedOrder, listener: JobListener, message: SubmitMessage): JobListener {
  message.bytes = sizeOf(encoded)
  return new WatchedListener(listener, message)
}
