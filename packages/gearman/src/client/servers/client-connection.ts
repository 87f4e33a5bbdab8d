import {
  afterReads,
  type Connection,
  type Deadlines,
  Fault,
  Health,
  type Output,
  PendingQueue,
  type Traffic,
} from '@glammp/wire'
import { Heartbeat } from '../../link/heartbeat.js'
import { Link, type LinkOwner } from '../../link/link.js'
import { SERVER_REST } from '../../link/retry.js'
import { heldFor, unfinished } from '../../link/upload.js'
import { withoutNuls } from '../../names/handle.js'
import type { MeteredServer } from '../../observing/metrics.js'
import { PacketType } from '../../protocol/packet.js'
import { MalformedPacketError } from '../../protocol/packet-decoder.js'
import { AwaitedJobs } from './awaited-jobs.js'
import type { ClientConnectionOptions } from './client-connection-owner.js'
import { FlowControl } from './flow-control.js'
import { HeartbeatQuery } from './query.js'
import { ExceptionsOption, failUnsent, type Request, type RequestOwner } from './request.js'
import { Submission } from './submission.js'

/** After this many milliseconds without a byte, this process may have been frozen. */
const STALE = 1_000

/**
 * The client role on one gearmand: requests go out, acknowledgements come back in their order, and
 * results by handle. It connects when the first request needs it.
 */
export class ClientConnection implements LinkOwner, RequestOwner, MeteredServer {
  readonly name: string
  readonly weight: number
  readonly flow: FlowControl
  readonly traffic: Traffic
  readonly #link: Link
  readonly #heartbeat: Heartbeat
  readonly #deadlines: Deadlines
  readonly #timeout: number
  readonly #connectTimeout: number
  readonly #alone: () => boolean
  /** One for all: a server that hangs makes as many errors as there are calls. */
  readonly #late: Fault
  readonly #health: Health
  /** Not written yet, because there is no connection. */
  readonly #waiting: PendingQueue<Request> = new PendingQueue()
  /** Written and not answered yet. */
  readonly #pending: PendingQueue<Request> = new PendingQueue()
  readonly #jobs: AwaitedJobs = new AwaitedJobs()
  #connecting = false
  /** The greeting was answered: requests may go out. */
  #ready = false
  /** Something else was answered as well. */
  #proven = false
  /** Bytes of this connection that the server has. */
  #arrived = 0
  #heardAt = 0
  #looking = false
  #drained: (() => void) | undefined
  #closed: Fault | undefined

  constructor(options: ClientConnectionOptions, deadlines: Deadlines) {
    this.name = options.address.name
    this.weight = options.address.weight
    this.traffic = options.traffic
    const { watcher } = options
    this.#health = new Health(SERVER_REST, {
      up: () => watcher.up(this.name),
      down: (reason) => watcher.down(this.name, reason),
      reconnecting: (attempt, delay) => watcher.reconnecting(this.name, attempt, delay),
    })
    this.#link = new Link(options, this)
    const { heartbeat: interval, timeout } = options
    const arrived = (): number => this.#arrived
    this.#heartbeat = new Heartbeat(this.#link, { interval, timeout, arrived }, () => this.#beat())
    this.#deadlines = deadlines
    this.#timeout = options.timeout
    this.#connectTimeout = Math.min(options.connectTimeout, options.timeout)
    this.#alone = options.alone
    const shared = (): boolean => this.#pending.some(isAwaited) || this.#jobs.size > 1
    this.flow = new FlowControl(this.#link, deadlines, timeout, shared)
    this.#late = new Fault('timeout', `no answer within ${options.timeout} ms`)
  }

  /** Requests without an answer, and jobs without a result. */
  get pending(): number {
    return this.#waiting.size + this.#pending.size + this.#jobs.size
  }

  /** It failed and has not answered since, or says nothing while an answer is due. */
  get down(): boolean {
    return this.#health.reason !== undefined || this.#silent
  }

  /** Checks whether it can be reached, unless it rests. */
  look(): void {
    if (this.#health.resting === undefined) void this.#connect()
  }

  /** Sends a request now, or as soon as there is a connection. */
  send(request: Request): void {
    request.owner = this
    const connection = this.#link.connection
    if (connection === undefined || !this.#ready) {
      this.#waiting.push(request)
      void this.#connect()
    } else if (this.#looking || this.#deadlines.now - this.#heardAt > STALE) {
      this.#waiting.push(request)
      this.#look()
    } else {
      this.#write(connection, request)
    }
  }

  /** Resolves when every request has its answer or its error. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve
      this.#noteDrained()
    })
  }

  /** Ends the connection, and with it every job that is waited for. */
  close(reason: Fault): void {
    this.#closed = reason
    this.#link.end(reason)
  }

  /** Drops the connection, and with it everything that waits. */
  drop(reason: Fault): void {
    this.#closed = reason
    failUnsent(this.#waiting.drain(), this.#deadlines, reason)
    this.#link.close(reason)
    this.#noteDrained()
  }

  /** @internal */
  greet(output: Output): void {
    this.#proven = false
    this.#arrived = 0
    const request = new ExceptionsOption()
    request.owner = this
    this.#append(output, request)
    // Requests that wait for it go to another server, if there is one.
    this.#deadlines.add(request, this.#alone() ? this.#timeout : this.#connectTimeout)
    this.#heartbeat.start()
  }

  /** @internal */
  packet(type: PacketType, args: readonly string[], data: Buffer): void {
    switch (type) {
      case PacketType.WORK_COMPLETE:
      case PacketType.WORK_DATA:
      case PacketType.WORK_STATUS:
      case PacketType.WORK_WARNING:
      case PacketType.WORK_FAIL:
      case PacketType.WORK_EXCEPTION:
        this.#heardAt = this.#deadlines.now
        this.#jobs.worked(type, args, data)
        return
      case PacketType.ERROR:
        // Never the answer to a request of a client: gearmand answers results in this way.
        if (args[0] === 'JOB_NOT_FOUND') return
        this.#refused(this.#next(type), args)
        break
      default:
        this.#answered(type, args, data)
    }
    this.#noteDrained()
  }

  /** @internal */
  lost(reason: Fault): void {
    this.#heartbeat.stop()
    this.flow.reset()
    // A server that accepts connections and answers nothing is down, like one that accepts none.
    const failed = !this.#proven || reason.kind === 'timeout'
    if (failed && reason.kind !== 'closed') this.#health.failed(reason)
    const requests = this.#pending.drain()
    const jobs = this.#jobs.drain()
    const unsent = this.#ready ? [] : this.#waiting.drain()
    this.#ready = false
    for (const request of requests) {
      this.#deadlines.remove(request)
      request.failed(reason, true)
    }
    for (const submission of jobs) submission.failed(reason, true)
    failUnsent(unsent, this.#deadlines, reason)
    this.#noteDrained()
  }

  /** @internal */
  overdue(request: Request): void {
    const { connection, heard, moves } = this.#link
    if (connection === undefined || request.heardBefore === undefined) {
      request.abandon(this.#late)
      this.#noteDrained()
      return
    }
    const { now } = this.#deadlines
    const silent = request.heardBefore === heard
    let more = unfinished(request, connection, this.#arrived, this.#timeout, now)
    // Its answer comes after a large packet that is under way, or is not read for now.
    if (more === 0 && (this.#link.held || (moves > request.movesBefore && this.#link.receiving)))
      more = this.#timeout
    if (more === 0) {
      request.abandon(this.#late)
      if (silent) {
        // Everything else that waits there would wait for ever: the peer hangs, or has disappeared
        // silently.
        this.#link.close(new Fault('timeout', `the server said nothing for ${this.#timeout} ms`))
        return
      }
      more = this.#timeout
    }
    // It keeps its place, and still detects a server that hangs.
    request.look(this.#link)
    this.#deadlines.add(request, more)
    this.#noteDrained()
  }

  /** @internal */
  release(request: Request, localHandle: string): void {
    this.#jobs.release(request, localHandle)
  }

  /** Nothing has arrived since a request was sent a while ago. */
  get #silent(): boolean {
    const oldest = this.#pending.peek()
    return (
      oldest !== undefined &&
      oldest.heardBefore === this.#link.heard &&
      this.#deadlines.now - oldest.written > this.#connectTimeout &&
      heldFor(oldest.position - this.#arrived) === 0
    )
  }

  #beat(): void {
    const echo = new HeartbeatQuery()
    this.#deadlines.add(echo, this.#timeout)
    this.send(echo)
  }

  async #connect(): Promise<void> {
    const closed = this.#closed
    if (closed !== undefined) failUnsent(this.#waiting.drain(), this.#deadlines, closed)
    if (closed !== undefined || this.#connecting || this.#link.connection !== undefined) return
    this.#connecting = true
    try {
      await this.#link.open()
      this.#connecting = false
    } catch (cause) {
      this.#connecting = false
      const fault = cause as Fault
      if (fault.kind !== 'closed') this.#health.failed(fault)
      failUnsent(this.#waiting.drain(), this.#deadlines, fault)
    }
    this.#noteDrained()
  }

  /** The greeting was answered. */
  #greeted(): void {
    this.#ready = true
    this.#writeWaiting()
    if (this.#health.reason !== undefined) this.#beat()
  }

  /** Reads what has arrived, such as the end of the connection, before more is sent on it. */
  #look(): void {
    if (this.#looking) return
    this.#looking = true
    afterReads(() => {
      this.#looking = false
      this.#heardAt = this.#deadlines.now
      if (this.#ready) this.#writeWaiting()
      else if (this.#waiting.size > 0) void this.#connect()
    })
  }

  #writeWaiting(): void {
    const { connection } = this.#link
    if (connection === undefined) return
    for (const request of this.#waiting.drain()) this.#write(connection, request)
  }

  #write(connection: Connection, request: Request): void {
    if (request.settled) {
      this.#deadlines.remove(request)
      return
    }
    this.#append(connection.output, request)
    connection.flushSoon()
  }

  #append(output: Output, request: Request): void {
    request.look(this.#link)
    request.encode(output)
    request.written = this.#deadlines.now
    request.moved = request.written
    request.position = output.appended
    request.left = -1
    this.#pending.push(request)
  }

  #refused(request: Request, [code = '', text = '']: readonly string[]): void {
    request.refused(code, text)
    if (request instanceof ExceptionsOption) this.#greeted()
  }

  #answered(type: PacketType, args: readonly string[], data: Buffer): void {
    if (type === PacketType.NOOP) return
    // It stays in the queue until the packet has proved to be its answer: otherwise it would not be
    // told that the connection is closed for this.
    if (this.#pending.peek()?.answered(type, args, data) === false) {
      throw new MalformedPacketError(`packet type ${type} does not answer what was asked`)
    }
    const request = this.#next(type)
    if (request instanceof ExceptionsOption) this.#greeted()
    else {
      this.#proven = true
      this.#health.succeeded()
      if (request instanceof Submission && !request.order.background) {
        this.#jobs.expect(request, withoutNuls(args[0] ?? ''))
      }
    }
  }

  #next(type: PacketType): Request {
    const request = this.#pending.shift()
    if (request === undefined) {
      throw new MalformedPacketError(`packet type ${type} came without a request`)
    }
    this.#deadlines.remove(request)
    this.#arrived = request.position
    this.#heardAt = this.#deadlines.now
    return request
  }

  #noteDrained(): void {
    if (this.#drained === undefined) return
    // A request that its caller has given up only keeps its place, until a server that hangs is
    // detected.
    if (this.#pending.some(isAwaited) || this.#waiting.some(isAwaited)) return
    this.#drained()
    this.#drained = undefined
  }
}

function isAwaited(request: Request): boolean {
  return request.awaited
}
