import {
  Backoff,
  type BackoffOptions,
  type Connection,
  clearTimeout,
  type Fault,
  monotonic,
  type Output,
  setTimeout,
} from '@glammp/wire'
import { withoutNuls } from '../handle.js'
import { bare, encode, PacketType } from '../protocol/packet.js'
import { MalformedPacketError } from '../protocol/packet-decoder.js'
import { Heartbeat } from './heartbeat.js'
import { Link, type LinkOptions, type LinkOwner } from './link.js'
import { type Assignment, Origin } from './origin.js'

/** The worker's rooms above, as far as a connection needs them. */
export interface GrabberOwner {
  /** A grab brought a job. */
  assigned(assignment: Assignment, origin: Origin): void
  /** Grabs came back empty, or will not come back. */
  returned(grabs: number): void
  /** There may be something to grab now, or a reason to sleep. */
  changed(): void
  /** A connection was made. */
  up(server: string): void
  /** There is none: the first failure after the server was up, or never tried. */
  down(server: string, reason: Fault): void
}

export interface GrabberOptions extends LinkOptions {
  readonly clientId: string | undefined
  /** Milliseconds that gearmand may take for an answer. */
  readonly timeout: number
  /** Milliseconds of silence before the server is asked whether it lives; 0: never. */
  readonly heartbeat: number
  /** Milliseconds of sleep before it asks for jobs unwoken. */
  readonly pollInterval: number | undefined
}

const RECONNECT: BackoffOptions = { base: 100, cap: 3_000 }
// Answered by JOB_ASSIGN_UNIQ, or with a reducer by JOB_ASSIGN_ALL (gearmand 0.25 or newer).
const GRAB = bare(PacketType.GRAB_JOB_ALL)
const SLEEP = bare(PacketType.PRE_SLEEP)
const ECHO = bare(PacketType.ECHO_REQ)

/** A wake-up within this many milliseconds of falling asleep may be one for nothing. */
const PROMPT = 20
/** So many of them in a row without a job are no chance. */
const MAX_FRUITLESS = 8
/** Longest pause between them, in milliseconds: of 100, a worker with four slots used 1.2 % of a core. */
const MAX_PAUSE = 250

/**
 * What is known of the server's queue: `offline` nothing, `awake` there may be jobs, `empty` a grab
 * came back without one, `asleep` it will wake this connection, `paused` it wakes for nothing.
 */
type State = 'offline' | 'awake' | 'empty' | 'asleep' | 'paused'

/**
 * The worker role on one gearmand: abilities, grabs, sleep and wake. It connects again for as long
 * as it is not closed, and registers everything again each time.
 */
export class Grabber implements LinkOwner {
  readonly #link: Link
  readonly #owner: GrabberOwner
  readonly #clientId: string | undefined
  readonly #pollInterval: number | undefined
  readonly #heartbeat: Heartbeat
  /** Functions, each with the milliseconds after which gearmand takes a job back. */
  readonly #abilities: Map<string, number | undefined> = new Map()
  /**
   * Abilities to take back once none of their jobs runs or is on its way, each with the time that
   * gearmand was told.
   */
  readonly #retiring: Map<string, number | undefined> = new Map()
  readonly #backoff: Backoff = new Backoff(RECONNECT)
  #origin: Origin | undefined
  #state: State = 'offline'
  #inFlight = 0
  #sleptAt = 0
  #fruitless = 0
  #timer: NodeJS.Timeout | undefined
  #up: boolean | undefined
  #closed = false

  constructor(options: GrabberOptions, owner: GrabberOwner) {
    this.#link = new Link(options, this)
    this.#clientId = options.clientId
    this.#pollInterval = options.pollInterval
    this.#owner = owner
    const { heartbeat: interval, timeout } = options
    this.#heartbeat = new Heartbeat(this.#link, { interval, timeout }, () => this.#append(ECHO))
  }

  /** Name of the server. */
  get server(): string {
    return this.#link.address.name
  }

  /** Grabs that are not answered yet. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Jobs of this connection that have no final packet yet. */
  get running(): number {
    return this.#origin?.size ?? 0
  }

  get hungry(): boolean {
    return this.#state === 'awake' && this.#retiring.size === 0
  }

  get idle(): boolean {
    return this.#state === 'empty' && this.#inFlight === 0
  }

  /** Whether a job of the function may come. */
  serves(wireName: string): boolean {
    return this.#abilities.has(wireName) || this.#retiring.has(wireName)
  }

  /** Connects, and again whenever the connection is lost. */
  start(): void {
    void this.#connect()
  }

  grab(): void {
    this.#inFlight += 1
    this.#append(GRAB)
  }

  sleep(): void {
    this.#state = 'asleep'
    this.#sleptAt = monotonic()
    this.#append(SLEEP)
    if (this.#pollInterval !== undefined) {
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => this.#wake(), this.#pollInterval)
    }
  }

  /**
   * Serves a function from now on.
   *
   * @param timeout Milliseconds after which gearmand takes a job back and gives it to another.
   */
  add(wireName: string, timeout: number | undefined): void {
    const told = this.#retiring.has(wireName) ? this.#retiring : this.#abilities
    const known = told.has(wireName)
    const before = told.get(wireName)
    this.#abilities.set(wireName, timeout)
    const connection = this.#link.connection
    if (connection === undefined) return
    // A second CAN_DO would count the connection as two workers.
    if (known) {
      if (before !== timeout) this.#retiring.set(wireName, before)
      else if (this.#retiring.delete(wireName)) this.#owner.changed()
      this.#retire()
      return
    }
    this.#register(connection.output, wireName, timeout)
    connection.flushSoon()
    // gearmand wakes nobody for jobs that were there before the function was registered.
    this.#wake()
  }

  /** Serves a function no more; its running jobs go on. */
  remove(wireName: string): void {
    if (!this.#abilities.has(wireName)) return
    const told = this.#retiring.has(wireName) ? this.#retiring : this.#abilities
    const before = told.get(wireName)
    this.#abilities.delete(wireName)
    if (this.#link.connection === undefined) return
    this.#retiring.set(wireName, before)
    this.#retire()
  }

  /** Leaves after what is still to be sent, and does not come back. */
  end(reason: Fault): void {
    this.#stop()
    this.#link.end(reason)
  }

  /** Leaves at once and does not come back: gearmand queues the running jobs again. */
  close(reason: Fault): void {
    this.#stop()
    this.#link.close(reason)
  }

  /** @internal */
  greet(output: Output): void {
    if (this.#clientId !== undefined) encode(output, PacketType.SET_CLIENT_ID, this.#clientId)
    for (const [name, timeout] of this.#abilities) this.#register(output, name, timeout)
    const connection = this.#link.connection as Connection
    this.#origin = new Origin(this.#link.address.name, connection, () => this.#retire())
    this.#fruitless = 0
    this.#heartbeat.start()
    this.#wake()
    this.#up = true
    this.#owner.up(this.#link.address.name)
  }

  /** @internal */
  packet(type: PacketType, args: readonly string[], data: Buffer): void {
    switch (type) {
      case PacketType.JOB_ASSIGN_UNIQ:
      case PacketType.JOB_ASSIGN_ALL:
        this.#assigned(args, data)
        return
      case PacketType.NO_JOB:
        this.#answered()
        this.#state = 'empty'
        this.#owner.returned(1)
        this.#retire()
        this.#owner.changed()
        return
      case PacketType.NOOP:
        this.#woken()
        return
      case PacketType.ERROR:
        // The result came too late: the job was cancelled, or taken back by a timeout of gearmand.
        if (args[0] === 'JOB_NOT_FOUND') return
        throw new MalformedPacketError(`gearmand refused a worker: ${args.join(' ')}`)
      case PacketType.ECHO_RES:
        return
      default:
        throw new MalformedPacketError(`packet type ${type} is not for a worker`)
    }
  }

  /** @internal */
  lost(reason: Fault): void {
    const origin = this.#origin
    const grabs = this.#inFlight
    this.#origin = undefined
    this.#inFlight = 0
    this.#state = 'offline'
    this.#retiring.clear()
    this.#heartbeat.stop()
    origin?.lost(reason)
    this.#owner.returned(grabs)
    this.#reconnect(reason)
    this.#owner.changed()
  }

  #register(output: Output, wireName: string, timeout: number | undefined): void {
    if (timeout === undefined) encode(output, PacketType.CAN_DO, wireName)
    else encode(output, PacketType.CAN_DO_TIMEOUT, `${wireName}\0${timeout}`)
  }

  #assigned(args: readonly string[], data: Buffer): void {
    const [handle = '', wireName = '', unique = '', reducer] = args
    this.#answered()
    this.#fruitless = 0
    // One that was sent before an empty one and answered after it: jobs are there again.
    if (this.#state === 'empty') this.#state = 'awake'
    const origin = this.#origin as Origin
    const assignment = { handle: withoutNuls(handle), wireName, unique, reducer, data }
    this.#owner.assigned(assignment, origin)
    this.#retire()
    this.#owner.changed()
  }

  /** A grab was answered: what answers none would give the worker more jobs than it has slots. */
  #answered(): void {
    if (this.#inFlight === 0) throw new MalformedPacketError('an answer to a grab never sent')
    this.#backoff.reset()
    this.#inFlight -= 1
  }

  #woken(): void {
    // gearmand 1.1.20 wakes a connection again and again for a job that is not due yet, and has
    // none when asked.
    const prompt = monotonic() - this.#sleptAt < PROMPT
    this.#fruitless = prompt ? this.#fruitless + 1 : 0
    if (this.#fruitless <= MAX_FRUITLESS) {
      this.#wake()
      return
    }
    this.#state = 'paused'
    clearTimeout(this.#timer)
    const pause = Math.min(2 ** (this.#fruitless - MAX_FRUITLESS), MAX_PAUSE)
    this.#timer = setTimeout(() => this.#wake(), pause)
  }

  #wake(): void {
    clearTimeout(this.#timer)
    this.#state = 'awake'
    this.#owner.changed()
  }

  // CANT_DO makes gearmand queue the function's running jobs again, those on their way included.
  #retire(): void {
    if (this.#retiring.size === 0 || this.#inFlight > 0) return
    const connection = this.#link.connection
    if (connection === undefined) return
    for (const name of this.#retiring.keys()) {
      if (this.#origin?.runs(name)) continue
      this.#retiring.delete(name)
      encode(connection.output, PacketType.CANT_DO, name)
      // Registered anew, with another timeout.
      if (this.#abilities.has(name)) {
        this.#register(connection.output, name, this.#abilities.get(name))
        if (this.#state !== 'offline') this.#wake()
      }
      connection.flushSoon()
    }
    if (this.#retiring.size === 0) this.#owner.changed()
  }

  async #connect(): Promise<void> {
    try {
      await this.#link.open()
    } catch (cause) {
      this.#reconnect(cause as Fault)
    }
  }

  #reconnect(reason: Fault): void {
    if (this.#closed) return
    if (this.#up !== false) {
      this.#up = false
      this.#owner.down(this.#link.address.name, reason)
    }
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#connect(), this.#backoff.next())
  }

  #stop(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #append(packet: string): void {
    const connection = this.#link.connection
    if (connection === undefined) return
    connection.output.text(packet)
    connection.flushSoon()
  }
}
