import {
  Connection,
  type ConnectionOwner,
  type ConnectOptions,
  Fault,
  monotonic,
  PendingQueue,
} from '@glammp/wire'
import { KeyFault } from '../../key.js'
import type { Decoder, Protocol } from '../../protocol/protocol.js'
import { type Reply, ReplyKind, type ReplySink } from '../../protocol/reply.js'
import { LineRequest } from '../../requests/line-request.js'
import type { Request, RequestOwner } from '../../requests/request.js'
import { failure } from './failure.js'
import { FlightKeys } from './flight-keys.js'
import { Progress } from './progress.js'

/**
 * What memcached certainly reads at once: half of its read buffer, for the rest of a command in it.
 */
const ONE_READ = 8_192

/**
 * Bytes of replies under way from which on a connection counts as busy. Measured with 64 gets in
 * flight: of 1 KB one connection brings a third more than two, of 10 KB a tenth less.
 */
const FULL = 131_072

/** Milliseconds of silence after which requests should take another connection. */
const SILENCE = 10

/** Milliseconds of silence for which a connection that was given up may still bring something to the server. */
const ABANDONED = 60_000

/** What a session needs of a connection. */
export type SessionConnection = Pick<
  Connection,
  | 'output'
  | 'encrypted'
  | 'reason'
  | 'congested'
  | 'unsent'
  | 'flush'
  | 'pause'
  | 'resume'
  | 'end'
  | 'close'
>

/** Opens a connection. @throws Fault where none comes about. */
export type Connect = (
  options: ConnectOptions,
  owner: ConnectionOwner,
) => Promise<SessionConnection>

/** The owner of a session, called with the outcome of each request. */
export interface SessionOwner {
  /** The last reply of the request came. */
  answered(request: Request): void
  /** The request was settled before it was sent. */
  dropped(request: Request): void
  /**
   * The time of the request is over, but bytes of a large value move: it gets this number of
   * milliseconds more.
   */
  goesOn(request: Request, milliseconds: number): void
  /** The connection ended before the last reply of the request. */
  lost(request: Request, reason: Fault): void
  /**
   * The connection was given up with changes in flight, which the server may carry out all the same
   * until it has closed the connection too.
   *
   * @param end - ends it, and calls back when the server has closed it; returns what drops it.
   */
  abandoned(changes: readonly Request[], end: (gone: () => void) => () => void): void
  /** Every request was answered or lost. */
  finished(session: Session): void
}

/**
 * One connection and the requests in flight on it, in order. It stays usable only while every
 * reply is accounted for: after anything unexpected it closes, and its requests are told.
 */
export class Session implements ConnectionOwner, ReplySink, RequestOwner {
  readonly #flight = new PendingQueue<Request>()
  #owner: SessionOwner | undefined
  #connection: SessionConnection | undefined
  #protocol: Protocol
  #decoder: Decoder
  /** Requests in flight whose callers have given up. */
  #lapsed = 0
  #nudge: Request | undefined
  /** Valid as long as nothing more is sent. */
  #keys: FlightKeys | undefined
  /** Final replies that are still to come. */
  #awaited = 0
  readonly #progress = new Progress()

  /** @throws Fault if no connection can be opened. */
  static async open(
    options: ConnectOptions,
    protocol: Protocol,
    connect: Connect = Connection.open,
  ): Promise<Session> {
    const session = new Session(protocol)
    session.#connection = await connect(options, session)
    session.#progress.begin()
    return session
  }

  private constructor(protocol: Protocol) {
    this.#protocol = protocol.forConnection?.() ?? protocol
    this.#decoder = protocol.decoder(this)
  }

  /** Why it is closed, or `undefined` while it can be used. */
  get reason(): Fault | undefined {
    return this.#connection?.reason
  }

  /** True while nothing is in flight. */
  get idle(): boolean {
    return this.#flight.size === 0
  }

  /**
   * True if a request is answered as soon after those in flight as on a connection of its own,
   * unless the server is {@link silent}: all of them are waited for, and none of the answers is
   * large.
   */
  get takesMore(): boolean {
    const connection = this.#connection
    return (
      connection !== undefined &&
      connection.reason === undefined &&
      !connection.congested &&
      this.#lapsed === 0 &&
      this.#awaited * this.#progress.replySize + this.#progress.unfinished < FULL
    )
  }

  /** True if nothing has arrived for a while, as far as the sockets were read. */
  get silent(): boolean {
    return monotonic() - this.#progress.active >= SILENCE
  }

  /** Milliseconds that are left of a time limit because bytes of large values move; see {@link Progress}. */
  restOf(limit: number): number {
    return this.#progress.restOf(limit)
  }

  /** True if nothing in flight changes anything. */
  get onlyReads(): boolean {
    this.#keys ??= new FlightKeys(this, this.#flight.items())
    return this.#keys.onlyReads
  }

  /** The last request in flight that the other, on another connection, must not overtake. */
  blocker(request: Request): Request | undefined {
    this.#keys ??= new FlightKeys(this, this.#flight.items())
    return this.#keys.blocker(request)
  }

  /** Switches to another protocol; only while nothing is in flight. */
  speak(protocol: Protocol): void {
    this.#protocol = protocol.forConnection?.() ?? protocol
    this.#decoder = protocol.decoder(this)
  }

  /**
   * Sends requests in one write. They belong to this session until the owner is called for each.
   *
   * @returns false if nothing is in flight, because the protocol cannot carry their keys; the
   *   owner has been called for them, and is not called for an end then.
   */
  send(requests: readonly Request[], owner: SessionOwner): boolean {
    const connection = this.#connection as SessionConnection
    this.#keys = undefined
    if (this.#flight.size === 0) this.#progress.begin()
    for (const request of requests) {
      const { course } = request
      course.owner = this
      try {
        course.awaited = request.encode(this.#protocol, connection.output)
      } catch (error) {
        if (!(error instanceof KeyFault)) throw error
        request.fail(failure(error, request.details()))
        owner.dropped(request)
        continue
      }
      this.#awaited += course.awaited
      this.#flight.push(request)
    }
    if (this.#flight.size === 0) return false
    this.#owner = owner
    const bytes = connection.encrypted ? this.#flushEncrypted(connection) : connection.flush()
    if (connection.congested) this.#progress.wrote(bytes, connection)
    return true
  }

  // memcached waits for its socket, not for what OpenSSL still holds: over TLS a command in the
  // record that ends a value of more than its read buffer stays unread until anything else comes
  // (seen with 1.6.18). So another command follows, in a record of its own.
  #flushEncrypted(connection: SessionConnection): number {
    const bytes = connection.flush(() => {
      if (bytes <= ONE_READ || this.reason !== undefined) return
      nudge.course.awaited = nudge.encode(this.#protocol, connection.output)
      connection.flush()
    })
    if (bytes <= ONE_READ) return bytes
    const nudge = new LineRequest('version', 'version')
    nudge.promise.catch(() => {})
    nudge.course.lapsed = true
    this.#lapsed += 1
    this.#awaited += 1
    this.#nudge = nudge
    this.#flight.push(nudge)
    return bytes
  }

  /** Reads no further until {@link resume}: the server must wait. */
  pause(): void {
    this.#connection?.pause()
  }

  resume(): void {
    this.#connection?.resume()
  }

  /** Ends the connection in good order. */
  end(): void {
    this.#connection?.end(new Fault('closed', 'the client was closed'))
  }

  /** Ends the connection at once. */
  close(reason: Fault): void {
    this.#connection?.close(reason)
  }

  received(chunk: Buffer): void {
    const awaited = this.#awaited
    this.#decoder.push(chunk)
    this.#progress.received(chunk.length, awaited - this.#awaited)
  }

  reply(reply: Reply): void {
    const request = this.#flight.peek()
    if (request === undefined) throw new Fault('garbled', 'a reply that nobody asked for')
    const { course } = request
    if (course.settled) request.late(reply)
    else this.#accept(request, reply)
    if (request.carriesBlock && isRefusal(reply)) {
      throw new Fault('garbled', `${request.command} was refused: the stream may be out of step`)
    }
    if (!reply.final) return
    this.#awaited -= 1
    course.awaited -= 1
    if (course.awaited > 0) return
    this.#flight.shift()
    if (course.lapsed) this.#lapsed -= 1
    if (request === this.#nudge) this.#nudge = undefined
    else this.#owner?.answered(request)
    if (this.#flight.size === 0) this.#finish()
  }

  closed(reason: Fault): void {
    this.#progress.stop()
    for (const request of this.#flight.drain()) {
      if (request !== this.#nudge) this.#owner?.lost(request, reason)
    }
    this.#finish()
  }

  /** A late reply may still come, so its place is kept, unless nobody waits any more. */
  expired(request: Request): void {
    const rest = this.restOf(request.course.allowance)
    if (rest > 0 && !request.course.settled) {
      this.#owner?.goesOn(request, rest)
      return
    }
    const fault = new Fault('timeout', 'no answer in time')
    request.fail(failure(fault, request.details()))
    request.course.lapsed = true
    this.#lapsed += 1
    if (this.#lapsed === this.#flight.size) this.#abandon(fault)
  }

  #abandon(fault: Fault): void {
    const connection = this.#connection as SessionConnection
    const changes = this.#flight.items().filter((request) => !request.readOnly)
    if (changes.length === 0) connection.close(fault)
    else this.#owner?.abandoned(changes, (gone) => connection.end(fault, ABANDONED, gone))
  }

  // Once each time it is borrowed: if it closes while nobody has borrowed it, nobody is told.
  #finish(): void {
    const owner = this.#owner
    this.#owner = undefined
    this.#keys = undefined
    owner?.finished(this)
  }

  #accept(request: Request, reply: Reply): void {
    try {
      request.accept(reply)
    } catch (error) {
      if (error instanceof Fault) throw error
      request.fail(error)
    }
  }
}

// memcached up to 1.6.39 does not swallow the data block of a command line that it refuses: the
// value would run as commands, and their replies would go to the requests after it.
function isRefusal({ kind }: Reply): boolean {
  return kind === ReplyKind.CLIENT_ERROR || kind === ReplyKind.UNKNOWN
}
