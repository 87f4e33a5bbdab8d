import { EventEmitter } from 'node:events'
import { guarded } from '@glammp/wire'
import { Dispatch } from './dispatch.js'
import { InvalidArgumentError } from './errors.js'
import type { GearmanClientEvents } from './events.js'
import { parseHandle } from './handle.js'
import type { FunctionReference, JobOptions, Schedule } from './job-order.js'
import type { ManyOptions, Source, TaskOutput, TaskRequest } from './many.js'
import type { GearmanMetrics } from './metrics.js'
import {
  clientOptions,
  type GearmanClientOptions,
  resolveServers,
  resolveSettings,
  type ServerList,
  type ServersOption,
  wholeNumber,
} from './options.js'
import { failure } from './servers/failure.js'
import { JobServers } from './servers/job-servers.js'
import {
  EchoQuestion,
  type JobStatus,
  StatusQuestion,
  type UniqueJobStatus,
  UniqueStatusQuestion,
} from './servers/question.js'
import type { CallOptions } from './servers/request.js'
import type { GearmanTask } from './task.js'
import { encodeUnique } from './unique.js'

/** Settings of a job whose class the called method has; so has `doHigh` and the like the priority. */
export type DoOptions = Omit<JobOptions, 'background'>

/** Settings of a scheduled job, which gearmand runs in the background at normal priority. */
export type ScheduleOptions = Schedule &
  Omit<DoOptions, 'priority' | 'reducer' | 'onStatus' | 'onData' | 'onWarning'>

/**
 * Submits jobs to gearmand. It connects when the first call needs it, and again when a call finds
 * the connection gone; a call that waits ends by its answer, by a timeout, by its signal or by
 * {@link close}.
 */
export class GearmanClient extends EventEmitter<GearmanClientEvents> implements AsyncDisposable {
  readonly #servers: JobServers
  readonly #dispatch: Dispatch

  /**
   * @param options Servers as text or an array, or all options.
   * @throws InvalidArgumentError
   */
  constructor(options: GearmanClientOptions | ServerList = {}) {
    super()
    const given = clientOptions(options)
    const settings = resolveSettings(given)
    const maxPending = wholeNumber('maxPending', given.maxPending ?? 100_000, 1)
    if (given.traceContext !== undefined && typeof given.traceContext !== 'function') {
      throw new InvalidArgumentError('traceContext is a function that returns an object of texts')
    }
    this.#servers = new JobServers({
      ...settings,
      maxPending,
      watcher: {
        up: (server) => guarded(() => this.emit('server:up', { server })),
        down: (server, reason) => {
          const error = failure(reason, { what: 'the connection', server })
          guarded(() => this.emit('server:down', { server, error }))
        },
      },
    })
    this.#dispatch = new Dispatch(settings, this.#servers, given.traceContext)
  }

  /**
   * Runs a job and waits for its result: the payload of WORK_COMPLETE, decoded.
   *
   * @throws JobFailedError, JobExceptionError, ConnectionError, TimeoutError, ServerError,
   * NoServerError, AbortError, ClosedError, QueueFullError, InvalidArgumentError, ProtocolError.
   */
  do<Output = string, Input = unknown>(
    fn: FunctionReference<Input, Output>,
    workload?: Input,
    options?: DoOptions,
  ): Promise<Output> {
    return this.#dispatch.call(fn, workload, options) as Promise<Output>
  }

  /** The same as {@link do}. */
  doNormal<Output = string, Input = unknown>(
    fn: FunctionReference<Input, Output>,
    workload?: Input,
    options?: DoOptions,
  ): Promise<Output> {
    return this.#dispatch.call(fn, workload, options) as Promise<Output>
  }

  /** As {@link do}, before the jobs of normal priority. */
  doHigh<Output = string, Input = unknown>(
    fn: FunctionReference<Input, Output>,
    workload?: Input,
    options?: DoOptions,
  ): Promise<Output> {
    return this.#dispatch.call(fn, workload, { ...options, priority: 'high' }) as Promise<Output>
  }

  /** As {@link do}, after the jobs of normal priority. */
  doLow<Output = string, Input = unknown>(
    fn: FunctionReference<Input, Output>,
    workload?: Input,
    options?: DoOptions,
  ): Promise<Output> {
    return this.#dispatch.call(fn, workload, { ...options, priority: 'low' }) as Promise<Output>
  }

  /** Leaves a job to gearmand; resolves to its handle once gearmand has acknowledged it. */
  doBackground<Input = unknown>(
    fn: FunctionReference<Input, unknown>,
    workload?: Input,
    options?: DoOptions,
  ): Promise<string> {
    return this.#dispatch.call(fn, workload, { ...options, background: true }) as Promise<string>
  }

  /** As {@link doBackground}, before the jobs of normal priority. */
  doHighBackground<Input = unknown>(
    fn: FunctionReference<Input, unknown>,
    workload?: Input,
    options?: DoOptions,
  ): Promise<string> {
    const high = { ...options, background: true, priority: 'high' } as const
    return this.#dispatch.call(fn, workload, high) as Promise<string>
  }

  /** As {@link doBackground}, after the jobs of normal priority. */
  doLowBackground<Input = unknown>(
    fn: FunctionReference<Input, unknown>,
    workload?: Input,
    options?: DoOptions,
  ): Promise<string> {
    const low = { ...options, background: true, priority: 'low' } as const
    return this.#dispatch.call(fn, workload, low) as Promise<string>
  }

  /**
   * Leaves a job to gearmand for later, whole seconds rounded up; resolves to its handle. Needs
   * gearmand 2 to start on time: 1.1 wakes no sleeping worker for it.
   */
  schedule<Input = unknown>(
    fn: FunctionReference<Input, unknown>,
    workload: Input,
    options: ScheduleOptions,
  ): Promise<string> {
    return this.#dispatch.call(fn, workload, options, options) as Promise<string>
  }

  /**
   * Submits a job and returns at once.
   *
   * @throws InvalidArgumentError; every other failure is the task's.
   */
  submit<Output = string, Input = unknown>(
    fn: FunctionReference<Input, Output>,
    workload?: Input,
    options?: JobOptions,
  ): GearmanTask<Output> {
    const task = this.#dispatch.task<Output>(fn, workload, options)
    if (options?.onStatus !== undefined) task.on('status', options.onStatus)
    if (options?.onData !== undefined) task.on('data', options.onData)
    if (options?.onWarning !== undefined) task.on('warning', options.onWarning)
    return task
  }

  /**
   * Runs one function over many workloads: as {@link runTasks}, with one set of options for all.
   *
   * @returns The end of each job, in the order of the workloads: `{ status: 'fulfilled', value }`
   * with its result (in the background its handle), or `{ status: 'rejected', reason }`.
   */
  doMany<Output = string, Input = unknown>(
    fn: FunctionReference<Input, Output>,
    workloads: Source<Input>,
    options: JobOptions & ManyOptions = {},
  ): Promise<PromiseSettledResult<Output>[]> {
    const { concurrency, ...job } = options
    const known = fn as FunctionReference<unknown, unknown>
    const read = (workload: Input): TaskRequest => ({ ...job, function: known, workload })
    const ends = this.#dispatch.many(workloads, { concurrency, signal: job.signal }, read)
    return ends as Promise<PromiseSettledResult<Output>[]>
  }

  /**
   * Runs many jobs, and waits for the end of each: one that fails loses none of the others. The
   * jobs that can be submitted at once leave in one write. Tasks are taken from an iterable or async
   * iterable as there is room for them: no more than `concurrency` are under way, and no more than
   * 16 MiB of workloads (one more where it is larger) wait for gearmand to acknowledge them.
   *
   * @param options `signal` gives all of them up; an array's tasks that were not begun reject then
   * with AbortError, as they do with ClosedError when the client is closed; of another iterable no
   * more are taken.
   * @returns The end of each task, in their order, as `Promise.allSettled` has it.
   * @throws What iterating over `tasks` throws, once the jobs that were begun are over;
   * InvalidArgumentError for the options. An invalid task rejects in its own place.
   */
  runTasks<Task extends TaskRequest>(
    tasks: Source<Task>,
    options?: ManyOptions & Pick<JobOptions, 'signal'>,
  ): Promise<PromiseSettledResult<TaskOutput<Task>>[]>
  /** As above, where you say yourself what the tasks give. */
  runTasks<Output>(
    tasks: Source<TaskRequest>,
    options?: ManyOptions & Pick<JobOptions, 'signal'>,
  ): Promise<PromiseSettledResult<Output>[]>
  runTasks(
    tasks: Source<TaskRequest>,
    options: ManyOptions & Pick<JobOptions, 'signal'> = {},
  ): Promise<PromiseSettledResult<unknown>[]> {
    return this.#dispatch.many(tasks, options, (task) => task)
  }

  /**
   * What gearmand knows of a job. A handle with its server (`host:port//H:name:1`) is asked of that
   * one where the client has it; any other of all servers.
   *
   * @throws ConnectionError or TimeoutError where a server that may know the job gave no answer,
   * AbortError, ClosedError, QueueFullError, InvalidArgumentError.
   */
  async jobStatus(handle: string, options: CallOptions = {}): Promise<JobStatus> {
    const { server, local } = parseHandle(handle)
    return firstKnown(
      await this.#servers.ask<JobStatus>(
        server,
        options,
        (resolve, reject) => new StatusQuestion(local, resolve, reject),
      ),
    )
  }

  /** As {@link jobStatus}, by the job's unique id; gearmand searches all functions for it. */
  async jobStatusByUnique(unique: string, options: CallOptions = {}): Promise<UniqueJobStatus> {
    const id = encodeUnique(unique)
    return firstKnown(
      await this.#servers.ask<UniqueJobStatus>(
        undefined,
        options,
        (resolve, reject) => new UniqueStatusQuestion(id, resolve, reject),
      ),
    )
  }

  /** Resolves when every server has answered. @throws The error of one that did not. */
  async ping(options: CallOptions = {}): Promise<void> {
    const answers = await this.#servers.ask<void>(
      undefined,
      options,
      (resolve, reject) => new EchoQuestion(resolve, reject),
    )
    for (const answer of answers) if (answer.status === 'rejected') throw answer.reason
  }

  /** What has become of the jobs so far, and what went over the connections. */
  metrics(): GearmanMetrics {
    return this.#servers.metrics()
  }

  /** Adds one job server, as PHP's `addServer` does; `localhost:4730` if nothing is said. */
  addServer(host = 'localhost', port?: number): void {
    this.addServers(port === undefined ? host : { host, port })
  }

  /** Adds job servers: `'a:4730,b'`, an object, or an array of either. */
  addServers(servers: ServersOption): void {
    for (const address of resolveServers(servers)) this.#servers.add(address)
  }

  /**
   * Waits until every submitted job is acknowledged, then leaves; foreground jobs whose results are
   * still awaited end with ClosedError, and so do later calls.
   */
  close(): Promise<void> {
    return this.#servers.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** The answer of the server that knows the job; "unknown" only where every server said so. */
function firstKnown<T extends JobStatus>(answers: readonly PromiseSettledResult<T>[]): T {
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
