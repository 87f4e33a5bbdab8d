import {
  type Deadlines,
  Fault,
  monotonic,
  onAbort,
  reasonOf,
  type ServerAddress,
} from '@glammp/wire'
import { ClosedError, QueueFullError, TimeoutError } from '../errors.js'
import { commandsAreWatched, traceCommand } from '../observing/channels.js'
import type { Tell } from '../observing/events.js'
import { LineRequest } from '../requests/line-request.js'
import { AuthenticationFault } from '../requests/refusal.js'
import type { Request, RequestOwner } from '../requests/request.js'
import { isRepeated } from '../requests/retry.js'
import type { EjectionOptions } from './availability/ejection.js'
import { isNoConnection, Reach } from './availability/reach.js'
import { Batch, type BatchOwner } from './batch.js'
import { Dialer, type DialerOptions } from './connection/dialer.js'
import { failure } from './connection/failure.js'
import { type PoolOptions, SessionPool } from './connection/pool.js'
import type { Session } from './connection/session.js'
import { WaitingLine } from './order/waiting-line.js'
import { LineStreams } from './streams/line-streams.js'

export interface ServerOptions extends DialerOptions {
  readonly pool: PoolOptions
  /** Requests that may wait or be in flight. */
  readonly maxPending: number
  /** How often a read whose connection was lost is sent again. */
  readonly retries: number
  /** When the failing server is left out; `undefined`: never. */
  readonly ejection: EjectionOptions | undefined
  /** Seconds that items live at most on this server; `undefined`: no limit. */
  readonly longestTtl?: number | undefined
}

/** What a server needs of its owner. */
export interface ServerOwner {
  /** Called when the server goes down and comes back. */
  readonly tell: Tell
  /**
   * Asked, before a request fails because its server cannot be reached, for another server.
   *
   * @param remaining - milliseconds of its time that are left.
   * @returns true if the request was taken over.
   */
  unreachable(request: Request, server: Server, remaining: number): boolean
}

/** Of `maxPending`, the share that lists may fill: what is left is for single calls. */
const SHARE = 0.75

const STRANGE = 'a proxy does this at a command that it does not know'

/**
 * One memcached server: takes requests, keeps their time, and settles each, whatever happens to the
 * connections.
 */
export class Server implements RequestOwner, BatchOwner {
  readonly address: ServerAddress
  /** Whether it can be reached, as far as that is known. */
  readonly reach: Reach
  readonly #options: ServerOptions
  readonly #deadlines: Deadlines
  readonly #dialer: Dialer
  readonly #pool: SessionPool
  readonly #batch: Batch
  readonly #owner: ServerOwner
  /** Connections for commands that are answered by any number of lines. */
  readonly streams: LineStreams
  readonly #line: WaitingLine
  /** The number of requests under way from which on those of lists wait. */
  readonly #enough: number
  #pending = 0
  #closing: (() => void) | undefined
  #closed: Promise<void> | undefined

  constructor(
    address: ServerAddress,
    options: ServerOptions,
    deadlines: Deadlines,
    owner: ServerOwner,
  ) {
    const server = address.name
    this.address = address
    this.#owner = owner
    this.#options = options
    this.#deadlines = deadlines
    this.#dialer = new Dialer(address, options, deadlines)
    this.#line = new WaitingLine(deadlines)
    this.#enough = Math.ceil(options.maxPending * SHARE)
    this.streams = new LineStreams(address.name, () => this.#open())
    this.#pool = new SessionPool(options.pool, () => this.#open())
    this.#batch = new Batch(this.#pool, this)
    this.reach = new Reach(options.ejection, {
      down: (reason) => owner.tell('server:down', { server, error: failure(reason, { server }) }),
      up: () => owner.tell('server:up', { server }),
      reconnecting: (attempt, delay) =>
        owner.tell('server:reconnecting', { server, attempt, delay }),
      ejected: (reason) =>
        owner.tell('server:ejected', { server, error: failure(reason, { server }) }),
      rejoined: () => owner.tell('server:rejoined', { server }),
      probe: () => this.#accept(new LineRequest('version', 'version'), options.connectTimeout),
    })
  }

  /** True if the other address is this one, except for its weight. */
  isAt({ name, tls, username, password }: ServerAddress): boolean {
    const own = this.address
    const sameLogin = own.username === username && own.password === password
    return own.name === name && own.tls === tls && sameLogin
  }

  /** Requests that wait or are in flight. */
  get pending(): number {
    return this.#pending + this.#line.size
  }

  /** Milliseconds that are left of a time limit that large values under way begin anew. */
  restOf(limit: number): number {
    return this.#pool.restOf(limit)
  }

  /** Takes a request; its promise settles within `timeout` milliseconds. */
  submit<T>(request: Request<T>, timeout: number, signal?: AbortSignal | undefined): Promise<T> {
    if (request.course.moves === 0 && !request.aside) {
      request.course.observer = this.#options.meter
      if (commandsAreWatched()) return this.#trace(request, timeout, signal)
    }
    return this.#take(request, timeout, signal)
  }

  // A method of its own: a closure costs its surroundings whether it is made or not.
  #trace<T>(request: Request<T>, timeout: number, signal: AbortSignal | undefined): Promise<T> {
    request.course.server = this.address.name
    return traceCommand(request, () => this.#take(request, timeout, signal))
  }

  #take<T>(request: Request<T>, timeout: number, signal: AbortSignal | undefined): Promise<T> {
    request.course.server = this.address.name
    if (signal !== undefined && !this.#listen(request, signal)) return request.course.promise
    const { reason, unfit } = this.reach
    if (this.#closed !== undefined) {
      request.fail(new ClosedError('the client is closed', request.details()))
    } else if (unfit !== undefined) {
      this.#admit()
      this.#pass(request, unfit, timeout)
    } else if (reason !== undefined && this.#goesElsewhere(request, timeout)) {
      return request.course.promise
    } else if (this.#mustWait(request)) {
      this.#line.push(request, timeout)
    } else if (this.#pending >= this.#options.maxPending) {
      const message = `${this.address.name} has ${this.#pending} calls waiting (maxPending)`
      request.fail(new QueueFullError(message, request.details()))
    } else {
      void this.#accept(request, timeout)
    }
    return request.course.promise
  }

  #mustWait(request: Request): boolean {
    const isLong = request.course.patient && (this.#line.size > 0 || this.#pending >= this.#enough)
    return isLong || this.#line.concerns(request)
  }

  // Those that wait, as far as there is room; all of them once the server can take none.
  #admit(): void {
    while (this.#line.size > 0) {
      const { unfit } = this.reach
      if (unfit === undefined && this.#pending >= this.#enough) return
      const request = this.#line.shift()
      if (request === undefined) return
      if (unfit === undefined) void this.#accept(request, request.course.allowance)
      else this.#pass(request, unfit, request.course.allowance)
    }
  }

  #accept<T>(request: Request<T>, timeout: number): Promise<T> {
    this.#pending += 1
    if (this.#options.longestTtl !== undefined) request.limitTtl(this.#options.longestTtl)
    request.course.allowance = timeout
    this.#deadlines.add(request.course, timeout)
    request.course.owner = this
    this.#batch.push(request)
    return request.course.promise
  }

  /** Opens a connection to check whether it can be reached, unless one is being opened. */
  lookFor(): void {
    if (this.#closed === undefined && !this.reach.isTrying) this.#batch.warm()
  }

  /** Opens a connection now, if none is open. @throws Fault if the server cannot be reached. */
  async connect(): Promise<void> {
    if (this.#closed !== undefined) throw new Fault('closed', 'the client is closed')
    const session = await this.#pool.borrow()
    if (session instanceof Fault) throw session
    this.#pool.giveBack(session)
  }

  /** Waits for what is under way, then closes every connection. */
  close(): Promise<void> {
    this.reach.stop()
    this.streams.close()
    this.#closed ??= new Promise<void>((resolve) => {
      this.#closing = resolve
      if (this.#pending === 0) resolve()
    }).then(() => {
      this.#batch.close()
      return this.#pool.close()
    })
    return this.#closed
  }

  /** Closes without waiting: every request fails with the reason. */
  drop(reason: Fault): void {
    void this.close()
    this.#dialer.close(reason)
    for (let next = this.#line.shift(); next !== undefined; next = this.#line.shift()) {
      next.fail(failure(reason, next.details()))
    }
    for (const request of this.#batch.drain()) {
      request.fail(failure(reason, request.details()))
      this.#dismiss(request)
    }
    this.#batch.drop(reason)
    this.#pool.drop(reason)
  }

  expired(request: Request): void {
    const rest = this.#pool.restOf(request.course.allowance)
    if (rest > 0 && !request.course.settled) {
      this.#deadlines.add(request.course, rest)
      return
    }
    // It waited for a connection all the time; the batch drops it when it is sent.
    request.fail(failure(new Fault('timeout', 'no connection in time'), request.details()))
    this.#dismiss(request)
  }

  goesOn(request: Request, milliseconds: number): void {
    this.#deadlines.add(request.course, milliseconds)
  }

  answered(request: Request): void {
    this.reach.answered()
    if (request.word !== undefined) this.#dialer.features?.commands.add(request.word)
    if (this.#line.size > 0) this.#line.progressed()
    this.#dismiss(request)
    this.#batch.answered(request)
  }

  dropped(request: Request): void {
    this.#dismiss(request)
  }

  lost(request: Request, reason: Fault): void {
    if (isNoConnection(reason)) {
      this.unsent(request, reason)
      return
    }
    if (isRepeated(request, reason, this.#options.retries)) {
      request.course.attempts += 1
      request.course.owner = this
      this.#batch.repeat(request)
      return
    }
    const isStrange = reason.kind === 'lost' && this.isStrange(request)
    const told = isStrange ? new Fault('lost', `${reason.message}; ${STRANGE}`, reason) : reason
    request.fail(failure(told, request.details()))
    this.#dismiss(request)
  }

  abandoned(changes: readonly Request[], end: (gone: () => void) => () => void): void {
    this.#batch.abandoned(changes, end)
  }

  async lives(): Promise<boolean> {
    try {
      await this.#accept(new LineRequest('version', 'version'), this.#options.connectTimeout)
      return true
    } catch (error) {
      return !(error instanceof TimeoutError)
    }
  }

  isStrange({ word }: Request): boolean {
    return word !== undefined && this.#dialer.features?.commands.has(word) !== true
  }

  openAside(): Promise<Session> {
    return this.#dialer.open()
  }

  unsent(request: Request, reason: Fault): void {
    const remaining = request.course.due - monotonic()
    this.#dismiss(request)
    this.#pass(request, reason, remaining)
  }

  finished(session: Session): void {
    if (session.reason !== undefined && !this.#batch.isAside(session)) {
      this.reach.broke(session.reason)
    }
    this.#batch.giveBack(session)
  }

  #listen(request: Request, signal: AbortSignal): boolean {
    if (signal.aborted) {
      request.fail(reasonOf(signal))
      return false
    }
    request.course.release = onAbort(signal, () => request.fail(reasonOf(signal)))
    return true
  }

  // It may be back, which is checked without this request. Only once: the server that the request
  // goes to may be as doubtful, and may be the last one.
  #goesElsewhere(request: Request, remaining: number): boolean {
    return request.course.moves === 0 && this.#owner.unreachable(request, this, remaining)
  }

  // To another server if one may take it, else it fails.
  #pass(request: Request, reason: Fault, remaining: number): void {
    const taken =
      // A wrong password must not be hidden by another server.
      !(reason instanceof AuthenticationFault) &&
      !request.course.settled &&
      remaining > 0 &&
      this.#owner.unreachable(request, this, remaining)
    if (!taken) request.fail(failure(reason, request.details()))
  }

  // The request's place is free. Once only: it may have expired in the batch before.
  #dismiss(request: Request): void {
    if (request.course.owner === undefined) return
    request.course.owner = undefined
    this.#deadlines.remove(request.course)
    this.#pending -= 1
    this.#admit()
    if (this.#pending === 0) this.#closing?.()
  }

  #open(): Promise<Session> {
    return this.reach.opening(() => this.#dialer.open())
  }
}
