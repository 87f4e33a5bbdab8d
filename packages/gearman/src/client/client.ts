import { EventEmitter } from 'node:events'
import type { Source } from '@glammp/wire'
import { type CloseOptions, endWithin, tell } from '@glammp/wire'
import type { CodecOption, Decoded, WithCodec } from '../codec.js'
import type { FunctionReference, JobDefinition } from '../definition.js'
import { failure } from '../link/failure.js'
import { parseHandle } from '../names/handle.js'
import { encodeUnique } from '../names/unique.js'
import type { GearmanClientEvents } from '../observing/events.js'
import type { GearmanMetrics } from '../observing/metrics.js'
import {
  type CallOptions,
  checkCall,
  clientOptions,
  type GearmanClientOptions,
  resolveServers,
  resolveSettings,
  type ServerList,
  type ServersOption,
} from '../options.js'
import type { ManyOptions, TaskOutput, TaskRequest } from './batch.js'
import type {
  BackgroundOptions,
  DoOptions,
  ForegroundOptions,
  Given,
  ScheduleOptions,
} from './call-types.js'
import { Dispatch } from './dispatch.js'
import type { JobKind, JobOptions } from './job-order.js'
import { JobServers } from './servers/job-servers.js'
import {
  EchoQuery,
  firstKnown,
  type JobStatus,
  StatusQuery,
  type UniqueJobStatus,
  UniqueStatusQuery,
} from './servers/query.js'
import type { GearmanTask } from './task.js'

type AnyFunction = FunctionReference<unknown, unknown>

const HIGH: JobKind = { priority: 'high' }
const LOW: JobKind = { priority: 'low' }
const BACKGROUND: JobKind = { background: true }
const HIGH_BACKGROUND: JobKind = { ...HIGH, ...BACKGROUND }
const LOW_BACKGROUND: JobKind = { ...LOW, ...BACKGROUND }

/**
 * Submits jobs to gearmand. It connects when the first call needs it, and again when a call finds
 * the connection lost; a call that waits ends by its answer, by a timeout, by its signal or by
 * {@link close}.
 *
 * Its type carries the client's codec: the result of a job by name is typed by it, by the codec of
 * the call, or by the type argument of the call; a job by definition by the definition.
 */
export class GearmanClient<ClientCodec extends CodecOption = 'string'>
  extends EventEmitter<GearmanClientEvents>
  implements AsyncDisposable
{
  readonly #servers: JobServers
  readonly #dispatch: Dispatch

  /**
   * @param options - servers as text or an array, or all options.
   * @throws InvalidArgumentError
   */
  constructor(options: GearmanClientOptions<ClientCodec> | ServerList = {}) {
    super()
    const given = clientOptions(options)
    const settings = resolveSettings(given)
    const { maxPending = 100_000 } = given
    this.#servers = new JobServers({
      ...settings,
      maxPending,
      watcher: {
        up: (server) => tell(this, 'server:up', { server }),
        down: (server, reason) => {
          const error = failure(reason, { what: 'the connection', server })
          tell(this, 'server:down', { server, error })
        },
        reconnecting: (server, attempt, delay) =>
          tell(this, 'server:reconnecting', { server, attempt, delay }),
      },
    })
    this.#dispatch = new Dispatch(settings, this.#servers, given.traceContext)
  }

  /**
   * Runs a job and waits for its result: the payload of WORK_COMPLETE, decoded.
   *
   * @throws JobFailedError, JobExceptionError, ConnectionError, TimeoutError, ServerError,
   * NoServerError, ClosedError, QueueFullError, InvalidArgumentError, ProtocolError; the reason of
   * its signal.
   */
  do<Input, Output>(
    fn: JobDefinition<Input, Output>,
    ...given: Given<Input, DoOptions>
  ): Promise<Output>
  do<Chosen extends CodecOption>(
    fn: string,
    workload: unknown,
    options: DoOptions & WithCodec<Chosen>,
  ): Promise<Decoded<Chosen>>
  do<Output = Decoded<ClientCodec>>(
    fn: string,
    workload?: unknown,
    options?: DoOptions,
  ): Promise<Output>
  do(fn: AnyFunction, workload?: unknown, options?: DoOptions): Promise<unknown> {
    return this.#dispatch.call(fn, workload, options)
  }

  /** The same as {@link do}. */
  doNormal<Input, Output>(
    fn: JobDefinition<Input, Output>,
    ...given: Given<Input, DoOptions>
  ): Promise<Output>
  doNormal<Chosen extends CodecOption>(
    fn: string,
    workload: unknown,
    options: DoOptions & WithCodec<Chosen>,
  ): Promise<Decoded<Chosen>>
  doNormal<Output = Decoded<ClientCodec>>(
    fn: string,
    workload?: unknown,
    options?: DoOptions,
  ): Promise<Output>
  doNormal(fn: AnyFunction, workload?: unknown, options?: DoOptions): Promise<unknown> {
    return this.#dispatch.call(fn, workload, options)
  }

  /** As {@link do}, before the jobs of normal priority. */
  doHigh<Input, Output>(
    fn: JobDefinition<Input, Output>,
    ...given: Given<Input, DoOptions>
  ): Promise<Output>
  doHigh<Chosen extends CodecOption>(
    fn: string,
    workload: unknown,
    options: DoOptions & WithCodec<Chosen>,
  ): Promise<Decoded<Chosen>>
  doHigh<Output = Decoded<ClientCodec>>(
    fn: string,
    workload?: unknown,
    options?: DoOptions,
  ): Promise<Output>
  doHigh(fn: AnyFunction, workload?: unknown, options?: DoOptions): Promise<unknown> {
    return this.#dispatch.call(fn, workload, options, HIGH)
  }

  /** As {@link do}, after the jobs of normal priority. */
  doLow<Input, Output>(
    fn: JobDefinition<Input, Output>,
    ...given: Given<Input, DoOptions>
  ): Promise<Output>
  doLow<Chosen extends CodecOption>(
    fn: string,
    workload: unknown,
    options: DoOptions & WithCodec<Chosen>,
  ): Promise<Decoded<Chosen>>
  doLow<Output = Decoded<ClientCodec>>(
    fn: string,
    workload?: unknown,
    options?: DoOptions,
  ): Promise<Output>
  doLow(fn: AnyFunction, workload?: unknown, options?: DoOptions): Promise<unknown> {
    return this.#dispatch.call(fn, workload, options, LOW)
  }

  /** Leaves a job to gearmand; resolves to its handle once gearmand has acknowledged it. */
  doBackground<Input>(
    fn: JobDefinition<Input, unknown>,
    ...given: Given<Input, DoOptions>
  ): Promise<string>
  doBackground(fn: string, workload?: unknown, options?: DoOptions): Promise<string>
  doBackground(fn: AnyFunction, workload?: unknown, options?: DoOptions): Promise<string> {
    return this.#dispatch.call(fn, workload, options, BACKGROUND) as Promise<string>
  }

  /** As {@link doBackground}, before the jobs of normal priority. */
  doHighBackground<Input>(
    fn: JobDefinition<Input, unknown>,
    ...given: Given<Input, DoOptions>
  ): Promise<string>
  doHighBackground(fn: string, workload?: unknown, options?: DoOptions): Promise<string>
  doHighBackground(fn: AnyFunction, workload?: unknown, options?: DoOptions): Promise<string> {
    return this.#dispatch.call(fn, workload, options, HIGH_BACKGROUND) as Promise<string>
  }

  /** As {@link doBackground}, after the jobs of normal priority. */
  doLowBackground<Input>(
    fn: JobDefinition<Input, unknown>,
    ...given: Given<Input, DoOptions>
  ): Promise<string>
  doLowBackground(fn: string, workload?: unknown, options?: DoOptions): Promise<string>
  doLowBackground(fn: AnyFunction, workload?: unknown, options?: DoOptions): Promise<string> {
    return this.#dispatch.call(fn, workload, options, LOW_BACKGROUND) as Promise<string>
  }

  /**
   * Leaves a job to gearmand for later, whole seconds rounded up; resolves to its handle. Needs
   * gearmand 2 to start on time: 1.1 does not wake a sleeping worker for it.
   */
  schedule<Input = unknown>(
    fn: FunctionReference<Input, unknown>,
    workload: NoInfer<Input>,
    options: ScheduleOptions,
  ): Promise<string> {
    return this.#dispatch.call(fn, workload, options, {
      schedule: options ?? {},
    }) as Promise<string>
  }

  /**
   * Submits a job and returns at once.
   *
   * @throws InvalidArgumentError; every other failure is the task's.
   */
  submit<Input>(
    fn: FunctionReference<Input, unknown>,
    workload: NoInfer<Input>,
    options: BackgroundOptions,
  ): GearmanTask<string>
  submit<Input, Output>(
    fn: JobDefinition<Input, Output>,
    ...given: Given<Input, ForegroundOptions>
  ): GearmanTask<Output>
  submit<Chosen extends CodecOption>(
    fn: string,
    workload: unknown,
    options: ForegroundOptions & WithCodec<Chosen>,
  ): GearmanTask<Decoded<Chosen>>
  submit<Output = Decoded<ClientCodec>>(
    fn: string,
    workload?: unknown,
    options?: ForegroundOptions,
  ): GearmanTask<Output>
  submit<Output = unknown>(
    fn: AnyFunction,
    workload?: unknown,
    options?: JobOptions,
  ): GearmanTask<Output>
  submit(fn: AnyFunction, workload?: unknown, options?: JobOptions): GearmanTask<unknown> {
    // Before anything is sent: a getter may throw.
    const { onStatus, onData, onWarning } = options ?? {}
    const task = this.#dispatch.task<unknown>(fn, workload, options)
    if (onStatus !== undefined) task.on('status', onStatus)
    if (onData !== undefined) task.on('data', onData)
    if (onWarning !== undefined) task.on('warning', onWarning)
    return task
  }

  /**
   * Runs one function over many workloads: as {@link runTasks}, with one set of options for all.
   *
   * @returns The result of each job, in the order of the workloads:
   * `{ status: 'fulfilled', value }` with its result (in the background its handle), or
   * `{ status: 'rejected', reason }`.
   */
  doMany<Input>(
    fn: FunctionReference<Input, unknown>,
    workloads: Source<NoInfer<Input>>,
    options: BackgroundOptions & ManyOptions,
  ): Promise<PromiseSettledResult<string>[]>
  doMany<Input, Output>(
    fn: JobDefinition<Input, Output>,
    workloads: Source<NoInfer<Input>>,
    options?: ForegroundOptions & ManyOptions,
  ): Promise<PromiseSettledResult<Output>[]>
  doMany<Chosen extends CodecOption>(
    fn: string,
    workloads: Source<unknown>,
    options: ForegroundOptions & ManyOptions & WithCodec<Chosen>,
  ): Promise<PromiseSettledResult<Decoded<Chosen>>[]>
  doMany<Output = Decoded<ClientCodec>>(
    fn: string,
    workloads: Source<unknown>,
    options?: ForegroundOptions & ManyOptions,
  ): Promise<PromiseSettledResult<Output>[]>
  doMany<Output = unknown>(
    fn: AnyFunction,
    workloads: Source<unknown>,
    options?: JobOptions & ManyOptions,
  ): Promise<PromiseSettledResult<Output>[]>
  async doMany(
    fn: AnyFunction,
    workloads: Source<unknown>,
    options: JobOptions & ManyOptions = {},
  ): Promise<PromiseSettledResult<unknown>[]> {
    return await this.#dispatch.doMany(fn, workloads, options)
  }

  /**
   * Runs many jobs, and waits for the result of each: one that fails does not lose the others. The
   * jobs that can be submitted at once leave in one write. Tasks are taken from an iterable or
   * async iterable when there is room for them: no more than `concurrency` are under way, and no
   * more than 16 MiB of workloads (one more where it is larger) wait for gearmand to acknowledge
   * them.
   *
   * @param options `signal` gives all of them up; an array's tasks that were not begun reject then
   * with its reason, as they do with ClosedError when the client is closed; of another iterable no
   * more are taken.
   * @returns The end of each task, in their order, as `Promise.allSettled` has it.
   * @throws What iterating over `tasks` throws, once the jobs that were begun are over;
   * InvalidArgumentError for the options. An invalid task rejects in its own place.
   */
  runTasks<Task extends TaskRequest>(
    tasks: Source<Task>,
    options?: ManyOptions & Pick<JobOptions, 'signal'>,
  ): Promise<PromiseSettledResult<TaskOutput<Task>>[]>
  /** As above, with a type argument for the results of the tasks. */
  runTasks<Output>(
    tasks: Source<TaskRequest>,
    options?: ManyOptions & Pick<JobOptions, 'signal'>,
  ): Promise<PromiseSettledResult<Output>[]>
  async runTasks(
    tasks: Source<TaskRequest>,
    options: ManyOptions & Pick<JobOptions, 'signal'> = {},
  ): Promise<PromiseSettledResult<unknown>[]> {
    return await this.#dispatch.runTasks(tasks, options)
  }

  /**
   * What gearmand knows of a job. For a handle with its server (`host:port//H:name:1`) that server
   * is asked, for a bare one all servers.
   *
   * @throws InvalidArgumentError where the handle's server is none of this client's, ConnectionError or TimeoutError where a server that may know the job gave no answer,
   * ClosedError, QueueFullError, InvalidArgumentError; the reason of its signal.
   */
  async jobStatus(handle: string, options: CallOptions = {}): Promise<JobStatus> {
    checkCall('jobStatus', options)
    const parsed = parseHandle(handle)
    return firstKnown(
      await this.#servers.ask<JobStatus>(
        parsed,
        options,
        (resolve, reject) => new StatusQuery(parsed.local, resolve, reject),
      ),
    )
  }

  /** As {@link jobStatus}, by the job's unique id; gearmand searches all functions for it. */
  async jobStatusByUnique(unique: string, options: CallOptions = {}): Promise<UniqueJobStatus> {
    checkCall('jobStatusByUnique', options)
    const id = encodeUnique(unique)
    return firstKnown(
      await this.#servers.ask<UniqueJobStatus>(
        undefined,
        options,
        (resolve, reject) => new UniqueStatusQuery(id, resolve, reject),
      ),
    )
  }

  /** Resolves when every server has answered. @throws The error of one that did not. */
  async ping(options: CallOptions = {}): Promise<void> {
    checkCall('ping', options)
    const answers = await this.#servers.ask<void>(
      undefined,
      options,
      (resolve, reject) => new EchoQuery(resolve, reject),
    )
    for (const answer of answers) if (answer.status === 'rejected') throw answer.reason
  }

  /** The outcomes of the jobs so far, and the traffic of the connections. */
  metrics(): GearmanMetrics {
    return this.#servers.metrics()
  }

  /** Adds one job server, as PHP's `addServer` does; `localhost:4730` by default. */
  addServer(host = 'localhost', port?: number): void {
    this.addServers(port === undefined ? host : { host, port })
  }

  /** Adds job servers: `'a:4730,b'`, an object, or an array of either. */
  addServers(servers: ServersOption): void {
    for (const address of resolveServers(servers)) this.#servers.add(address)
  }

  /**
   * Waits until every submitted job is acknowledged, then leaves; foreground jobs whose results are
   * still awaited end with ClosedError, and so do later calls. After `timeout`, or when the signal
   * aborts, it leaves at once: calls that still wait end with ClosedError too.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    checkCall('close', options)
    await endWithin(this.#servers.close(), options, (why) => this.#servers.drop(why))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
