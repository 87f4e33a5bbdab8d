import { Alarm, Deadlines, Fault, type ServerAddress, type TlsOptions, Traffic } from '@glammp/wire'
import { ClosedError, InvalidArgumentError, NoServerError, QueueFullError } from '../../errors.js'
import { resendWait } from '../../link/retry.js'
import { type JobHandle, serversOf } from '../../names/handle.js'
import { type GearmanMetrics, JobMeter } from '../../observing/metrics.js'
import type { CallOptions } from '../../options.js'
import { ClientConnection } from './client-connection.js'
import type { ClientConnectionOwner } from './client-connection-owner.js'
import type { Query } from './query.js'
import { Selection } from './selection.js'
import type { Submission, SubmissionOwner } from './submission.js'

export interface JobServersOptions {
  readonly servers: readonly ServerAddress[]
  /** Milliseconds that gearmand may take for an answer, connecting included. */
  readonly timeout: number
  /** Milliseconds for one attempt to connect. */
  readonly connectTimeout: number
  readonly tls: TlsOptions | undefined
  /** Milliseconds of silence before a server is asked whether it lives; 0: never. */
  readonly heartbeat: number
  /** Calls that may be under way at once. */
  readonly maxPending: number
  readonly watcher: ClientConnectionOwner
}

const CLOSED: Fault = new Fault('closed', 'the client is closed')

/** The job servers of a client: each job goes to one of them, or to another where that is safe. */
export class JobServers implements SubmissionOwner {
  /** For the waits of all calls. */
  readonly deadlines: Deadlines = new Deadlines()
  readonly #options: JobServersOptions
  readonly #selection: Selection<ClientConnection> = new Selection()
  readonly #retrying: Map<Submission, Alarm> = new Map()
  readonly #meter: JobMeter = new JobMeter()
  readonly #closers: Set<(reason: Fault) => void> = new Set()
  #pending = 0
  #closing: Promise<void> | undefined

  constructor(options: JobServersOptions) {
    this.#options = options
    for (const address of options.servers) this.add(address)
  }

  /** Names of the servers. */
  get names(): string[] {
    return this.#selection.candidates.map((server) => server.name)
  }

  /** @throws {@link InvalidArgumentError} for a server that is already in the list. */
  add(address: ServerAddress): void {
    if (this.names.includes(address.name)) {
      throw new InvalidArgumentError(`server ${address.name} is listed twice`)
    }
    this.#selection.add(
      new ClientConnection(
        {
          ...this.#options,
          address,
          traffic: new Traffic(),
          alone: () => this.#selection.candidates.length === 1,
        },
        this.deadlines,
      ),
    )
  }

  /** Calls that may be under way at once. */
  get maxPending(): number {
    return this.#options.maxPending
  }

  get closed(): boolean {
    return this.#closing !== undefined
  }

  /** Calls back when the client is closed; what it returns removes the callback. */
  onClose(callback: (reason: Fault) => void): () => void {
    this.#closers.add(callback)
    return () => this.#closers.delete(callback)
  }

  metrics(): GearmanMetrics {
    return this.#meter.snapshot(this.#selection.candidates)
  }

  /** Accepts a job; its listener is called with the outcome. False if it failed at once. */
  take(submission: Submission): boolean {
    this.#pending += 1
    submission.begun = this.deadlines.now
    if (this.#closing !== undefined) submission.abandon(CLOSED)
    else if (this.#pending > this.maxPending) submission.fail(this.#full(submission.order.name))
    return !submission.settled
  }

  /** Sends a job that was accepted. */
  send(submission: Submission): void {
    if (this.#closing !== undefined) submission.abandon(CLOSED)
    if (submission.settled) return
    this.deadlines.add(submission, this.#options.timeout)
    this.#pick(submission.order.key, undefined)?.send(submission)
  }

  /**
   * Asks the server of a handle, or all.
   *
   * @param make - makes the query from the callback for its answer.
   */
  async ask<T>(
    handle: JobHandle | undefined,
    options: CallOptions,
    make: (resolve: (value: T) => void, reject: (reason: unknown) => void) => Query<T>,
  ): Promise<PromiseSettledResult<T>[]> {
    if (this.#closing !== undefined) throw new ClosedError(CLOSED.message)
    const all = [...this.#selection.candidates]
    const asked = handle === undefined ? all : serversOf(handle, all)
    if (this.#pending + asked.length > this.#options.maxPending) throw this.#full()
    this.#pending += asked.length
    const answers = await Promise.allSettled(
      asked.map(
        (connection) =>
          new Promise<T>((resolve, reject) => {
            this.#ask(connection, make(resolve, reject), options)
          }),
      ),
    )
    this.#pending -= asked.length
    return answers
  }

  /**
   * Waits for every acknowledgement that is due; jobs whose results are still awaited end with
   * ClosedError.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Closes without waiting: what is under way ends with ClosedError. */
  drop(why: string): Promise<void> {
    const closing = this.close()
    const reason = new Fault('closed', `the client was closed and ${why}`)
    for (const server of this.#selection.candidates) server.drop(reason)
    return closing
  }

  /** @internal */
  undelivered(submission: Submission, fault: Fault, sent: boolean): void {
    if (this.#closing !== undefined) {
      submission.abandon(fault)
      return
    }
    submission.avoided ??= new Set()
    if (submission.owner !== undefined) submission.avoided.add(submission.owner)
    const { key, retries } = submission.order
    const next = sent ? undefined : this.#pick(key, submission.avoided)
    // All at once, so that the time until one is found does not grow with those that are down.
    if (!sent) for (const server of this.#selection.candidates) server.look()
    if (next !== undefined) {
      next.send(submission)
      return
    }
    const wait = resendWait(submission.resent, retries)
    if (wait === undefined) this.#giveUp(submission, fault, sent)
    else this.#sendLater(submission, wait)
  }

  /** @internal */
  settled(submission: Submission): void {
    this.#pending -= 1
    const { order, errorCode, begun } = submission
    const outcome = errorCode ?? (order.background ? 'queued' : 'complete')
    this.#meter.record(order.name, outcome, this.deadlines.now - begun)
    // A request that waits for its answer on a connection stays armed: it detects a server that
    // hangs.
    if (submission.heardBefore === undefined) this.deadlines.remove(submission)
  }

  #sendLater(submission: Submission, wait: number): void {
    submission.resent += 1
    this.deadlines.remove(submission)
    const alarm = new Alarm(() => this.#again(submission))
    this.#retrying.set(submission, alarm)
    this.deadlines.add(alarm, wait)
  }

  #again(submission: Submission): void {
    this.#retrying.delete(submission)
    if (submission.settled) return
    this.deadlines.add(submission, this.#options.timeout)
    // The one that failed last is avoided, if there is another one.
    const server =
      this.#pick(submission.order.key, submission.avoided) ??
      this.#pick(submission.order.key, undefined)
    submission.avoided = undefined
    submission.forgetHandle()
    server?.send(submission)
  }

  /**
   * The server of a job. A server that is down is retried meanwhile, without a call waiting for it.
   */
  #pick(
    key: string | undefined,
    avoided: ReadonlySet<unknown> | undefined,
  ): ClientConnection | undefined {
    const { candidates } = this.#selection
    if (candidates.length > 1) for (const server of candidates) if (server.down) server.look()
    return this.#selection.pick(key, avoided)
  }

  // A caller with a shorter limit than the client's leaves a query that detects a hanging server;
  // one with a longer limit waits longer for this server than others do.
  #ask<T>(connection: ClientConnection, query: Query<T>, options: CallOptions): void {
    const { timeout } = this.#options
    query.limit(this.deadlines, options)
    if (query.settled) return
    this.deadlines.add(query, Math.max(timeout, options.timeout ?? 0))
    connection.send(query)
  }

  #full(name?: string): QueueFullError {
    return new QueueFullError(`${this.#options.maxPending} calls are under way already`, {
      function: name,
    })
  }

  #giveUp(submission: Submission, fault: Fault, sent: boolean): void {
    this.deadlines.remove(submission)
    if (sent || this.#selection.candidates.length === 1) {
      submission.abandon(fault)
      return
    }
    submission.fail(
      new NoServerError(
        `job ${submission.order.name}: none of ${this.names.join(', ')} can be reached; the last: ${fault.message}`,
        { function: submission.order.name, cause: submission.errorOf(fault) },
      ),
    )
  }

  async #close(): Promise<void> {
    const reason = new Fault('closed', 'the client was closed')
    for (const [submission, alarm] of this.#retrying) {
      this.deadlines.remove(alarm)
      submission.abandon(reason)
    }
    this.#retrying.clear()
    for (const closer of this.#closers) closer(reason)
    this.#closers.clear()
    const servers = this.#selection.candidates
    await Promise.all(servers.map((server) => server.drained()))
    for (const server of servers) server.close(reason)
  }
}
