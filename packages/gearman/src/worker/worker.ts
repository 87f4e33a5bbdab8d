import { EventEmitter } from 'node:events'
import {
  type CloseOptions,
  Deadlines,
  endWithin,
  Fault,
  type ServerReconnecting,
  type ServerUp,
  tell,
  wrong,
} from '@glammp/wire'
import type { CodecOption, Decoded, WithCodec } from '../codec.js'
import type { FunctionReference, JobDefinition } from '../definition.js'
import { ClosedError, InvalidArgumentError } from '../errors.js'
import type { JobHandler } from '../job.js'
import { failure } from '../link/failure.js'
import { checkClientId } from '../names/client-id.js'
import { jobsAreWatched, traceJob } from '../observing/channels.js'
import type { ServerDown } from '../observing/events.js'
import { type GearmanMetrics, JobMeter } from '../observing/metrics.js'
import {
  checkCall,
  type GearmanWorkerOptions,
  resolveServers,
  resolveSettings,
  type ServerList,
  type ServersOption,
  type Settings,
  wholeNumber,
  workerOptions,
} from '../options.js'
import { MalformedPacketError } from '../protocol/packet-decoder.js'
import { Sandbox } from '../sandbox/sandbox.js'
import { Connections } from './connections.js'
import { type FunctionOptions, Functions } from './functions.js'
import { around, type Middleware } from './middleware.js'
import { type JobEnd, type JobUnsent, Run, type RunOwner } from './run.js'
import type { Assignment, JobConnection } from './servers/job-connection.js'
import { onTermination } from './signals.js'
import { Slots } from './slots.js'

/** Events of a {@link GearmanWorker}. There is no `error` event: nothing unheard ends the process. */
export interface GearmanWorkerEvents {
  /** A job arrived, and its handler starts. */
  'job:start': [job: JobStart]
  /** Its end was sent, or its result no longer counts. The handler may still be busy then. */
  'job:end': [end: JobEnd]
  /** A `send` method of a job has rejected, and its handler does not await it. */
  'job:unsent': [unsent: JobUnsent]
  /** A connection to a server was opened. */
  'server:up': [state: ServerUp]
  /** There is none: the first failure after it was up, or was tried first. */
  'server:down': [state: ServerDown]
  /**
   * A connection was lost or could not be opened: the next one is tried in `delay` milliseconds.
   */
  'server:reconnecting': [state: ServerReconnecting]
}

/** The start of a job. */
export interface JobStart {
  /** The handle with its server. */
  readonly handle: string
  /** The function as the worker registered it. */
  readonly function: string
}

/**
 * Serves functions on all its servers at once. A lost connection is opened again, with growing
 * pauses, and everything is registered again; a failure of a server does not end the worker.
 *
 * Its type carries the worker's codec, by which the workload of a function without a definition is typed.
 */
export class GearmanWorker<WorkerCodec extends CodecOption = 'string'>
  extends EventEmitter<GearmanWorkerEvents>
  implements AsyncDisposable
{
  readonly #settings: Settings
  readonly #functions: Functions
  readonly #middleware: Middleware[] = []
  readonly #slots: Slots
  readonly #connections: Connections
  readonly #sandbox: Sandbox
  readonly #runs: RunOwner
  readonly #meter: JobMeter = new JobMeter()
  readonly #unlisten: () => void
  readonly #closed: Promise<void>
  #resolveClosed: () => void = () => {}
  #closing: Promise<void> | undefined
  #mode: 'new' | 'working' | 'once' | 'resting' = 'new'
  #once: ((done: boolean) => void) | undefined

  /**
   * @param options - servers as text or an array, or all options.
   * @throws InvalidArgumentError
   */
  constructor(options: GearmanWorkerOptions<WorkerCodec> | ServerList = {}) {
    super()
    const given = workerOptions(options)
    this.#settings = resolveSettings(given)
    this.#slots = new Slots(checkConcurrency(given.concurrency ?? 1))
    const connectionOptions = {
      ...this.#settings,
      clientId: checkClientId(given.clientId),
      pollInterval: given.pollInterval,
    }
    this.#sandbox = new Sandbox(given.sandbox ?? {}, () => this.#slots.limit)
    this.#functions = new Functions(this.#settings, (module, codec) =>
      this.#sandbox.handler(module, codec),
    )
    const watched = (): boolean => this.listenerCount('job:end') > 0
    this.#runs = {
      deadlines: new Deadlines(),
      meter: this.#meter,
      get watched() {
        return watched()
      },
      ended: (end) => this.#tell('job:end', end),
      unsent: (unsent) => this.#tell('job:unsent', unsent),
      done: () => this.#done(),
    }
    this.#connections = new Connections(connectionOptions, this.#slots, {
      assigned: (assignment, origin, late) => this.#run(assignment, origin, late),
      promised: () => this.#slots.promised(),
      returned: (grabs) => this.#slots.returned(grabs),
      changed: () => {
        this.#forget()
        this.#slots.fill()
      },
      up: (server) => this.#tell('server:up', { server }),
      down: (server, fault) => {
        const error = failure(fault, { what: 'the connection', server })
        this.#tell('server:down', { server, error })
      },
      reconnecting: (server, attempt, delay) =>
        this.#tell('server:reconnecting', { server, attempt, delay }),
    })
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    for (const address of this.#settings.servers) this.#connections.addServer(address)
    this.#unlisten = given.handleSignals ? onTermination(() => void this.close()) : () => {}
  }

  /**
   * Jobs that may run at once. May be set at any time; if more are running, those run to their end.
   */
  get concurrency(): number {
    return this.#slots.limit
  }

  set concurrency(jobs: number) {
    this.#slots.limit = checkConcurrency(jobs)
  }

  /** Jobs whose handlers run. */
  get running(): number {
    return this.#slots.running
  }

  /** The outcomes of the jobs so far, and the traffic of the connections. */
  metrics(): GearmanMetrics {
    return this.#meter.snapshot(this.#connections.metered())
  }

  /**
   * Serves a function from now on; a second call for one name replaces the handler.
   *
   * @param handler - a function; or a module as a path or `file:` URL, whose export with the
   *   function's name, or else its default export, runs in a thread.
   * @throws InvalidArgumentError, ClosedError if the worker was closed.
   */
  addFunction<Input, Output>(
    fn: JobDefinition<Input, Output>,
    handler: JobHandler<NoInfer<Input>, NoInfer<Output>> | string | URL,
    options?: FunctionOptions,
  ): this
  addFunction<Chosen extends CodecOption>(
    fn: string,
    handler: JobHandler<Decoded<Chosen>> | string | URL,
    options: FunctionOptions & WithCodec<Chosen>,
  ): this
  addFunction<Input = Decoded<WorkerCodec>, Output = unknown>(
    fn: string,
    handler: JobHandler<Input, Output> | string | URL,
    options?: FunctionOptions,
  ): this
  addFunction(
    fn: FunctionReference<unknown, unknown>,
    handler: JobHandler<never> | string | URL,
    options: FunctionOptions = {},
  ): this {
    this.#refuseClosed()
    const given = handler as JobHandler<unknown> | string | URL
    this.#connections.add(this.#functions.add(fn, given, options))
    return this
  }

  /**
   * Stops serving a function; its running jobs go on to their end. A connection on which some run
   * takes no jobs until then, because gearmand would queue them again.
   *
   * @returns False if there is no such function.
   */
  removeFunction(fn: string | JobDefinition<unknown, unknown>): boolean {
    const wireName = this.#functions.remove(fn)
    if (wireName === undefined) return false
    this.#connections.remove(wireName)
    this.#forget()
    return true
  }

  /** Wraps the handlers of all functions in middleware, inside of the middleware added before. */
  use(middleware: Middleware): this {
    if (typeof middleware !== 'function') {
      throw new InvalidArgumentError(
        wrong('middleware', 'a function of a job and next', middleware),
      )
    }
    this.#middleware.push(middleware)
    return this
  }

  /** Adds one job server, as PHP's `addServer` does; `localhost:4730` by default. */
  addServer(host = 'localhost', port?: number): void {
    this.addServers(port === undefined ? host : { host, port })
  }

  /**
   * Adds job servers: `'a:4730,b'`, an object, or an array of either. A closed worker ignores them:
   * discovery may name one at any time.
   *
   * @throws InvalidArgumentError
   */
  addServers(servers: ServersOption): void {
    const addresses = resolveServers(servers)
    if (this.#closing !== undefined) return
    for (const address of addresses) this.#connections.addServer(address)
  }

  /**
   * Takes jobs until {@link close}; resolves when the worker has disconnected.
   *
   * @throws ClosedError if it was closed before, InvalidArgumentError during a `workOnce`.
   */
  async work(): Promise<void> {
    await this.#begin('working')
    if (this.#closing === undefined) this.#slots.allow(Number.POSITIVE_INFINITY)
    await this.#closed
  }

  /**
   * Waits for one job and runs it; resolves to true when its handler is done, to false if the
   * worker was closed meanwhile.
   *
   * @throws ClosedError if it was closed before, InvalidArgumentError if it is already working.
   */
  async workOnce(): Promise<boolean> {
    await this.#begin('once')
    if (this.#closing !== undefined) return false
    return await new Promise<boolean>((resolve) => {
      this.#once = resolve
      this.#slots.allow(1)
    })
  }

  /**
   * Takes no more jobs, lets the running ones finish, then leaves once gearmand has all results. After
   * `timeout`, or when the signal aborts, the signals of jobs are aborted and the connections dropped:
   * gearmand queues those jobs again. A later call may shorten the wait of an earlier one.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    checkCall('close', options)
    this.#closing ??= this.#close()
    await endWithin(this.#closing, options, (why) => this.#force(why))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #begin(mode: 'working' | 'once'): Promise<void> {
    this.#refuseClosed()
    if (this.#mode === 'once' || this.#mode === 'working') {
      throw new InvalidArgumentError('the worker is already working')
    }
    const start = this.#mode === 'new'
    this.#mode = mode
    if (this.#functions.sandboxed) {
      try {
        await this.#sandbox.load()
      } catch (error) {
        this.#mode = start ? 'new' : 'resting'
        throw error
      }
    }
    if (start && this.#closing === undefined) this.#connections.start()
  }

  #run(assignment: Assignment, origin: JobConnection, late: boolean): void {
    const fn = this.#functions.find(assignment.wireName)
    if (fn === undefined) {
      this.#slots.returned(1)
      // Without its connection gearmand gives the job to a worker that has the function.
      throw new MalformedPacketError(`a job for ${assignment.wireName} was never asked for`)
    }
    const run = new Run(fn, assignment, origin, this.#runs)
    origin.started(run)
    const begin = (): void => {
      // Its connection was lost before there was a slot for it.
      if (run.over) {
        this.#slots.returned(1)
        return
      }
      this.#slots.taken()
      this.#tell('job:start', { handle: run.handle, function: fn.name })
      const handler = around(this.#middleware, fn.handler)
      run.start(assignment, jobsAreWatched() ? traceJob(handler) : handler)
    }
    if (late) this.#slots.admit(begin)
    else begin()
  }

  #done(): void {
    this.#slots.finished()
    if (this.#mode === 'once') {
      this.#mode = 'resting'
      this.#once?.(true)
      this.#once = undefined
    }
    this.#forget()
    this.#slots.fill()
  }

  /** Forgets removed functions of which nothing runs any more. */
  #forget(): void {
    this.#connections.sweep()
    if (!this.#functions.lingering) return
    this.#functions.forget((wireName) => this.#connections.serves(wireName))
  }

  #refuseClosed(): void {
    if (this.#closing !== undefined) throw new ClosedError('the worker is closed')
  }

  async #close(): Promise<void> {
    this.#unlisten()
    this.#slots.allow(0)
    const reason = new Fault('closed', 'the worker was closed')
    this.#connections.leaveIdle(reason)
    await Promise.race([this.#slots.whenIdle(), this.#closed])
    await Promise.race([this.#connections.leave(reason), this.#closed])
    await this.#left()
  }

  #force(why: string): Promise<void> {
    this.#connections.close(new Fault('closed', `the worker was closed and ${why}`))
    return this.#left()
  }

  async #left(): Promise<void> {
    this.#once?.(false)
    this.#once = undefined
    this.#resolveClosed()
    await this.#sandbox.close()
  }

  #tell<Name extends keyof GearmanWorkerEvents>(
    name: Name,
    event: GearmanWorkerEvents[Name][0],
  ): void {
    tell(this, name, event)
  }
}

function checkConcurrency(jobs: number): number {
  return wholeNumber('concurrency', jobs, 1)
}
