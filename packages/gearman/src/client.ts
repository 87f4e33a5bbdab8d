import { Call } from './call.js'
import { parseHandle } from './handle.js'
import {
  type EncodedOrder,
  type FunctionReference,
  type JobOptions,
  JobOrders,
  type Schedule,
} from './job-order.js'
import {
  clientOptions,
  type GearmanClientOptions,
  resolveServers,
  resolveSettings,
  type ServerList,
  type ServersOption,
  wholeNumber,
} from './options.js'
import { JobServers } from './servers/job-servers.js'
import {
  EchoQuestion,
  type JobStatus,
  StatusQuestion,
  type UniqueJobStatus,
  UniqueStatusQuestion,
} from './servers/question.js'
import type { CallOptions } from './servers/request.js'
import { type JobListener, Submission } from './servers/submission.js'
import { GearmanTask } from './task.js'
import { encodeUnique } from './unique.js'

/** Settings of a job whose class the called method has; so has `doHigh` and the like the priority. */
export type DoOptions = Omit<JobOptions, 'background'>

/** Settings of a scheduled job, which gearmand runs in the background at normal priority. */
export type ScheduleOptions = Schedule &
  Omit<DoOptions, 'priority' | 'onStatus' | 'onData' | 'onWarning'>

/**
 * Submits jobs to gearmand. It connects when the first call needs it, and again when a call finds
 * the connection gone; a call that waits ends by its answer, by a timeout, by its signal or by
 * {@link close}.
 */
export class GearmanClient implements AsyncDisposable {
  readonly #orders: JobOrders
  readonly #servers: JobServers

  /**
   * @param options Servers as text or an array, or all options.
   * @throws InvalidArgumentError
   */
  constructor(options: GearmanClientOptions | ServerList = {}) {
    const given = clientOptions(options)
    const settings = resolveSettings(given)
    const maxPending = wholeNumber('maxPending', given.maxPending ?? 100_000, 1)
    this.#orders = new JobOrders(settings)
    this.#servers = new JobServers({ ...settings, maxPending })
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
    return this.#run(fn, workload, options) as Promise<Output>
  }

  /** The same as {@link do}. */
  doNormal<Output = string, Input = unknown>(
    fn: FunctionReference<Input, Output>,
    workload?: Input,
    options?: DoOptions,
  ): Promise<Output> {
    return this.#run(fn, workload, options) as Promise<Output>
  }

  /** As {@link do}, before the jobs of normal priority. */
  doHigh<Output = string, Input = unknown>(
    fn: FunctionReference<Input, Output>,
    workload?: Input,
    options?: DoOptions,
  ): Promise<Output> {
    return this.#run(fn, workload, { ...options, priority: 'high' }) as Promise<Output>
  }

  /** As {@link do}, after the jobs of normal priority. */
  doLow<Output = string, Input = unknown>(
    fn: FunctionReference<Input, Output>,
    workload?: Input,
    options?: DoOptions,
  ): Promise<Output> {
    return this.#run(fn, workload, { ...options, priority: 'low' }) as Promise<Output>
  }

  /** Leaves a job to gearmand; resolves to its handle once gearmand has acknowledged it. */
  doBackground<Input = unknown>(
    fn: FunctionReference<Input, unknown>,
    workload?: Input,
    options?: DoOptions,
  ): Promise<string> {
    return this.#run(fn, workload, { ...options, background: true }) as Promise<string>
  }

  /** As {@link doBackground}, before the jobs of normal priority. */
  doHighBackground<Input = unknown>(
    fn: FunctionReference<Input, unknown>,
    workload?: Input,
    options?: DoOptions,
  ): Promise<string> {
    const high = { ...options, background: true, priority: 'high' } as const
    return this.#run(fn, workload, high) as Promise<string>
  }

  /** As {@link doBackground}, after the jobs of normal priority. */
  doLowBackground<Input = unknown>(
    fn: FunctionReference<Input, unknown>,
    workload?: Input,
    options?: DoOptions,
  ): Promise<string> {
    const low = { ...options, background: true, priority: 'low' } as const
    return this.#run(fn, workload, low) as Promise<string>
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
    return this.#run(fn, workload, options, options) as Promise<string>
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
    const encoded = this.#orders.build(fn, workload, options)
    const task = new GearmanTask<Output>(encoded, (listener) =>
      this.#submit(encoded, listener, options),
    )
    if (options?.onStatus !== undefined) task.on('status', options.onStatus)
    if (options?.onData !== undefined) task.on('data', options.onData)
    if (options?.onWarning !== undefined) task.on('warning', options.onWarning)
    return task
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

  #run(
    fn: FunctionReference<unknown, unknown>,
    workload: unknown,
    options?: JobOptions,
    schedule?: Schedule,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const encoded = this.#orders.build(fn, workload, options, schedule)
      this.#submit(encoded, new Call(resolve, reject, encoded, options), options)
    })
  }

  #submit({ order }: EncodedOrder, listener: JobListener, options: JobOptions | undefined): void {
    const submission = new Submission(order, listener, this.#servers)
    if (options !== undefined) {
      submission.limit(this.#servers.deadlines, options)
    }
    this.#servers.submit(submission)
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
