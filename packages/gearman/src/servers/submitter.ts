import {
  type BackoffOptions,
  type Connection,
  type Deadlines,
  Fault,
  Health,
  type Output,
  PendingQueue,
  type Traffic,
} from '@glammp/wire'
import { withoutNuls } from '../handle.js'
import type { MeteredServer } from '../metrics.js'
import { PacketType } from '../protocol/packet.js'
import { MalformedPacketError } from '../protocol/packet-decoder.js'
import { Brake } from './brake.js'
import { Heartbeat } from './heartbeat.js'
import { Link, type LinkOptions, type LinkOwner } from './link.js'
import { EchoQuestion } from './question.js'
import { type Carrier, ExceptionsOption, type Request } from './request.js'
import { Submission } from './submission.js'

export interface SubmitterOptions extends LinkOptions {
  /** Milliseconds that gearmand may take for an answer. */
  readonly timeout: number
  /** Milliseconds of silence before the server is asked whether it lives; 0: never. */
  readonly heartbeat: number
  /** Told when the server is found down, and when it is up again. */
  readonly watcher: ServerWatcher
}

/** Who wants to know about the state of servers. */
export interface ServerWatcher {
  up(server: string): void
  down(server: string, reason: Fault): void
}

/** After a failed attempt other servers are preferred for up to this many milliseconds. */
const REST: BackoffOptions = { base: 100, cap: 2_000 }

/** Jobs by handle: nearly always one, several where equal uniques met on this connection. */
type Waiters = Submission | { readonly all: Submission[]; turn: number }

/**
 * The client role on one gearmand: requests go out, acknowledgements come back in their order, and
 * results by handle. It connects when the first request needs it.
 */
export class Submitter implements LinkOwner, Carrier, MeteredServer {
  readonly name: string
  readonly weight: number
  readonly brake: Brake
  readonly traffic: Traffic
  readonly #link: Link
  readonly #heartbeat: Heartbeat
  readonly #deadlines: Deadlines
  readonly #timeout: number
  /** One for all: a server that hangs makes as many errors as there are calls. */
  readonly #late: Fault
  readonly #health: Health
  /** Not written yet, for want of a connection. */
  readonly #waiting: PendingQueue<Request> = new PendingQueue()
  /** Written and not answered yet. */
  readonly #pending: PendingQueue<Request> = new PendingQueue()
  readonly #jobs: Map<string, Waiters> = new Map()
  #connecting = false
  #drained: (() => void) | undefined

  constructor(options: SubmitterOptions, deadlines: Deadlines) {
    this.name = options.address.name
    this.weight = options.address.weight
    this.traffic = options.traffic
    const { watcher } = options
    this.#health = new Health(REST, {
      up: () => watcher.up(this.name),
      down: (reason) => watcher.down(this.name, reason),
    })
    this.#link = new Link(options, this)
    const { heartbeat: interval, timeout } = options
    this.#heartbeat = new Heartbeat(this.#link, { interval, timeout }, () => this.#beat())
    this.#deadlines = deadlines
    this.#timeout = options.timeout
    const shared = (): boolean => this.#pending.size > 0 || this.#jobs.size > 1
    this.brake = new Brake(this.#link, deadlines, timeout, shared)
    this.#late = new Fault('timeout', `no answer within ${options.timeout} ms`)
  }

  /** Requests without an answer, and jobs without a result. */
  get pending(): number {
    return this.#waiting.size + this.#pending.size + this.#jobs.size
  }

  /** It failed and has not answered since; asked after a rest, it is tried again, at nobody's cost. */
  get down(): boolean {
    if (this.#health.reason === undefined) return false
    if (this.#health.resting === undefined) void this.#connect()
    return true
  }

  /** Sends a request now, or as soon as there is a connection. */
  send(request: Request): void {
    request.carrier = this
    const connection = this.#link.connection
    if (connection !== undefined) {
      this.#write(connection, request)
      return
    }
    this.#waiting.push(request)
    if (!this.#connecting) void this.#connect()
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
    this.#link.end(reason)
  }

  /** @internal */
  greet(output: Output): void {
    const request = new ExceptionsOption()
    request.carrier = this
    request.heardBefore = this.#link.heard
    request.encode(output)
    this.#pending.push(request)
    this.#deadlines.add(request, this.#timeout)
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
        this.#worked(type, args, data)
        return
      case PacketType.ERROR:
        // Never the answer to something a client asks: gearmand answers results that way.
        if (args[0] === 'JOB_NOT_FOUND') return
        this.#next(type).refused(args[0] ?? '', args[1] ?? '')
        break
      default:
        this.#answered(type, args, data)
    }
    this.#noteDrained()
  }

  /** @internal */
  lost(reason: Fault): void {
    this.#heartbeat.stop()
    this.brake.reset()
    const requests = this.#pending.drain()
    const jobs = [...this.#jobs.values()]
    this.#jobs.clear()
    for (const request of requests) {
      this.#deadlines.remove(request)
      request.failed(reason, true)
    }
    for (const waiters of jobs) {
      if (waiters instanceof Submission) waiters.failed(reason, true)
      else for (const submission of waiters.all) submission.failed(reason, true)
    }
    this.#noteDrained()
  }

  /** @internal */
  overdue(request: Request): void {
    const silent = request.heardBefore === this.#link.heard
    request.abandon(this.#late)
    if (!silent) return
    // Whatever else waits there would wait for ever: the peer hangs, or is gone without a word.
    const reason = new Fault('timeout', `the server said nothing for ${this.#timeout} ms`)
    this.#health.failed(reason)
    this.#link.close(reason)
  }

  /** @internal */
  release(request: Request, localHandle: string): void {
    const waiters = this.#jobs.get(localHandle)
    if (waiters === undefined) return
    // One of several stays: gearmand sends each packet as often as there are waiters, so that
    // the turns must be kept.
    if (waiters === request || (!(waiters instanceof Submission) && waiters.all.every(isSettled))) {
      this.#jobs.delete(localHandle)
    }
  }

  #beat(): void {
    const echo = new EchoQuestion(ignore, ignore)
    this.#deadlines.add(echo, this.#timeout)
    this.send(echo)
  }

  async #connect(): Promise<void> {
    if (this.#connecting || this.#link.connection !== undefined) return
    this.#connecting = true
    try {
      const connection = await this.#link.open()
      this.#connecting = false
      for (const request of this.#waiting.drain()) this.#write(connection, request)
    } catch (cause) {
      this.#connecting = false
      const fault = cause as Fault
      if (fault.kind !== 'closed') this.#health.failed(fault)
      for (const request of this.#waiting.drain()) request.failed(fault, false)
    }
    this.#noteDrained()
  }

  #write(connection: Connection, request: Request): void {
    if (request.settled) {
      this.#deadlines.remove(request)
      return
    }
    request.heardBefore = this.#link.heard
    request.encode(connection.output)
    this.#pending.push(request)
    connection.flushSoon()
  }

  #answered(type: PacketType, args: readonly string[], data: Buffer): void {
    if (type === PacketType.NOOP) return
    // It stays in the queue until the packet has proved to be its answer: else nobody would tell
    // it that the connection is closed over this.
    if (this.#pending.peek()?.answered(type, args, data) === false) {
      throw new MalformedPacketError(`packet type ${type} does not answer what was asked`)
    }
    const request = this.#next(type)
    this.#health.succeeded()
    if (request instanceof Submission && !request.order.background) {
      this.#expectResult(request, withoutNuls(args[0] ?? ''))
    }
  }

  #next(type: PacketType): Request {
    const request = this.#pending.shift()
    if (request === undefined) {
      throw new MalformedPacketError(`packet type ${type} came without a question`)
    }
    this.#deadlines.remove(request)
    return request
  }

  #expectResult(submission: Submission, handle: string): void {
    const waiters = this.#jobs.get(handle)
    if (waiters === undefined) {
      if (!submission.settled) this.#jobs.set(handle, submission)
    } else if (waiters instanceof Submission) {
      this.#jobs.set(handle, { all: [waiters, submission], turn: 0 })
    } else {
      waiters.all.push(submission)
    }
  }

  #worked(type: PacketType, args: readonly string[], data: Buffer): void {
    const handle = withoutNuls(args[0] ?? '')
    const waiters = this.#jobs.get(handle)
    // Over already: a second final packet (after a cancel), or a caller that has gone.
    if (waiters === undefined) return
    const final = isFinal(type)
    if (final) this.#jobs.delete(handle)
    if (waiters instanceof Submission) {
      waiters.worked(type, args, data)
    } else if (final) {
      for (const submission of waiters.all) submission.worked(type, args, data)
    } else {
      // One packet comes for each waiter.
      waiters.all[waiters.turn++ % waiters.all.length]?.worked(type, args, data)
    }
  }

  #noteDrained(): void {
    if (this.#drained === undefined || this.#pending.size + this.#waiting.size > 0) return
    this.#drained()
    this.#drained = undefined
  }
}

function isFinal(type: PacketType): boolean {
  return (
    type === PacketType.WORK_COMPLETE ||
    type === PacketType.WORK_FAIL ||
    type === PacketType.WORK_EXCEPTION
  )
}

function isSettled(submission: Submission): boolean {
  return submission.settled
}

// Silence is found out by the heartbeat itself.
function ignore(): void {}
