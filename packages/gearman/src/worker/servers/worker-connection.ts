import {
  Backoff,
  type Connection,
  clearTimeout,
  type Fault,
  monotonic,
  type Output,
  setTimeout,
} from '@glammp/wire'
import { Heartbeat } from '../../link/heartbeat.js'
import { Link, type LinkOwner } from '../../link/link.js'
import { RECONNECT } from '../../link/retry.js'
import { bare, encode, PacketType } from '../../protocol/packet.js'
import { MalformedPacketError } from '../../protocol/packet-decoder.js'
import { Abilities } from './abilities.js'
import { Departure } from './departure.js'
import { Grabs } from './grabs.js'
import { JobConnection } from './job-connection.js'
import { WakeUps } from './wake-ups.js'
import type { WorkerConnectionOptions, WorkerConnectionOwner } from './worker-connection-owner.js'

const SLEEP = bare(PacketType.PRE_SLEEP)
const ECHO = bare(PacketType.ECHO_REQ)

/**
 * Milliseconds after which a server that had no job is asked again while all slots are in use: a
 * server that always has jobs would otherwise keep this connection from sleeping, and so from being
 * woken.
 */
const AGAIN = 50

/**
 * What is known of the server's queue: `offline` nothing, `awake` there may be jobs, `empty` a grab
 * came back without one, `asleep` it will wake this connection, `paused` it wakes for nothing,
 * `silent` it does not answer.
 */
type State = 'offline' | 'silent' | 'awake' | 'empty' | 'asleep' | 'paused'

/**
 * The worker role on one gearmand: abilities, grabs, sleep and wake. It connects again for as long
 * as it is not closed, and registers everything again each time.
 */
export class WorkerConnection implements LinkOwner {
  readonly #link: Link
  readonly #owner: WorkerConnectionOwner
  readonly #clientId: string | undefined
  readonly #pollInterval: number | undefined
  readonly #heartbeat: Heartbeat
  readonly #departure: Departure
  readonly #grabs: Grabs
  readonly #abilities: Abilities = new Abilities()
  readonly #backoff: Backoff = new Backoff(RECONNECT)
  readonly #wakeUps: WakeUps = new WakeUps()
  #origin: JobConnection | undefined
  #state: State = 'offline'
  #emptySince = 0
  #greeted = false
  #timer: NodeJS.Timeout | undefined
  #up: boolean | undefined
  #closed = false

  constructor(options: WorkerConnectionOptions, owner: WorkerConnectionOwner) {
    this.#link = new Link(options, this)
    this.#clientId = options.clientId
    this.#pollInterval = options.pollInterval
    this.#owner = owner
    const { heartbeat: interval, timeout } = options
    const arrived = (): number => this.#departure.arrived
    const times = { interval, timeout, arrived }
    this.#heartbeat = new Heartbeat(this.#link, times, () => this.#ask(ECHO))
    this.#grabs = new Grabs(this.#link, timeout, (grabs) => {
      this.#state = 'silent'
      owner.returned(grabs)
      owner.changed()
    })
    this.#departure = new Departure(this.#link, this.#heartbeat, () => this.#ask(ECHO))
  }

  /** Name of the server. */
  get server(): string {
    return this.#link.address.name
  }

  /** Grabs that are not answered yet. */
  get inFlight(): number {
    return this.#grabs.inFlight
  }

  /** Jobs of this connection that have no final packet yet. */
  get running(): number {
    return this.#origin?.size ?? 0
  }

  get hungry(): boolean {
    if (this.#abilities.retiring) return false
    return this.#state === 'awake' || (this.idle && monotonic() - this.#emptySince > AGAIN)
  }

  get idle(): boolean {
    return this.#state === 'empty' && this.inFlight === 0
  }

  /** Whether a job of the function may arrive. */
  serves(wireName: string): boolean {
    return this.#abilities.has(wireName)
  }

  /** Connects, and again whenever the connection is lost. */
  start(): void {
    void this.#connect()
  }

  grab(): void {
    this.#ask(this.#grabs.packet)
    this.#grabs.sent()
  }

  sleep(): void {
    this.#state = 'asleep'
    this.#wakeUps.slept()
    this.#append(SLEEP)
    if (this.#pollInterval !== undefined) {
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => this.#wake(), this.#pollInterval)
    }
  }

  /**
   * Serves a function from now on.
   *
   * @param timeout - milliseconds after which gearmand takes a job back and gives it to another.
   */
  add(wireName: string, timeout: number | undefined): void {
    const connection = this.#link.connection
    const told = this.#abilities.add(wireName, timeout, connection?.output)
    if (connection === undefined) return
    if (told) {
      connection.flushSoon()
      // gearmand wakes nobody for jobs that were queued before the function was registered.
      this.#wake()
    } else {
      this.#retire()
      this.#owner.changed()
    }
  }

  /** Stops serving a function; its running jobs go on. */
  remove(wireName: string): void {
    this.#abilities.remove(wireName, this.#link.connection !== undefined)
    this.#retire()
  }

  /**
   * Disconnects once gearmand has all results, and does not reconnect; resolves when it has
   * disconnected.
   */
  leave(reason: Fault): Promise<void> {
    this.#stop()
    return this.#departure.leave(reason)
  }

  /** From now on drops the connection if an answer is due and nothing moves any more. */
  watch(): void {
    this.#departure.watch()
  }

  /** Disconnects at once and does not reconnect: gearmand queues the running jobs again. */
  close(reason: Fault): void {
    this.#stop()
    this.#link.close(reason)
  }

  /** @internal */
  greet(output: Output): void {
    if (this.#clientId !== undefined) encode(output, PacketType.SET_CLIENT_ID, this.#clientId)
    this.#abilities.greet(output)
    const connection = this.#link.connection as Connection
    this.#departure.began()
    this.#origin = new JobConnection(
      this.#link.address.name,
      connection,
      this.#grabs.isPerl,
      () => {
        this.#departure.resulted()
        this.#retire()
      },
    )
    this.#wakeUps.reset()
    this.#heartbeat.start()
    // A server that accepts connections and answers nothing gets no grab, and so no slot.
    this.#greeted = false
    this.#ask(ECHO)
    this.#heartbeat.expect(() => !this.#greeted)
  }

  /** @internal */
  packet(type: PacketType, args: readonly string[], data: Buffer): void {
    switch (type) {
      case PacketType.JOB_ASSIGN:
        if (!this.#grabs.isPerl) break
        this.#assigned(args, data)
        return
      case PacketType.JOB_ASSIGN_UNIQ:
      case PacketType.JOB_ASSIGN_ALL:
        this.#assigned(args, data)
        return
      case PacketType.NO_JOB:
        this.#welcomed()
        if (!this.#answered()) this.#owner.returned(1)
        this.#state = 'empty'
        this.#emptySince = monotonic()
        this.#retire()
        this.#owner.changed()
        return
      case PacketType.NOOP:
        this.#woken()
        return
      case PacketType.ERROR:
        // The result came too late: the job was cancelled, or taken back by a timeout of gearmand.
        if (args[0] === 'JOB_NOT_FOUND' || this.#grabs.refused(args[0])) return
        throw new MalformedPacketError(`gearmand refused a worker: ${args.join(' ')}`)
      case PacketType.ECHO_RES:
        this.#departure.answered()
        this.#welcomed()
        return
    }
    throw new MalformedPacketError(`packet type ${type} is not for a worker`)
  }

  /** @internal */
  lost(reason: Fault): void {
    const origin = this.#origin
    const grabs = this.#grabs.lost()
    this.#origin = undefined
    this.#greeted = false
    this.#state = 'offline'
    this.#abilities.lost()
    this.#heartbeat.stop()
    origin?.lost(reason)
    this.#departure.lost()
    this.#owner.returned(grabs)
    this.#reconnect(reason)
    this.#owner.changed()
  }

  #assigned(args: readonly string[], data: Buffer): void {
    const [handle = '', wireName = '', unique = '', reducer] = args
    this.#welcomed()
    const late = this.#answered()
    if (late) this.#owner.promised()
    this.#wakeUps.reset()
    // A grab that was sent before an empty one and answered after it: there are jobs again.
    if (this.#state === 'empty' || this.#state === 'silent') this.#state = 'awake'
    const origin = this.#origin as JobConnection
    const assignment = { handle, wireName, unique, reducer, data }
    this.#owner.assigned(assignment, origin, late)
    this.#retire()
    this.#owner.changed()
  }

  /** A grab was answered; whether its slot was lent. */
  #answered(): boolean {
    const lent = this.#grabs.answered()
    this.#backoff.reset()
    this.#departure.answered()
    return lent
  }

  /** A word of a job server's, on a new connection the first. */
  #welcomed(): void {
    if (this.#greeted) return
    this.#greeted = true
    this.#up = true
    this.#owner.up(this.#link.address.name)
    this.#wake()
  }

  #woken(): void {
    this.#welcomed()
    const pause = this.#wakeUps.woken()
    if (pause === 0) {
      this.#wake()
      return
    }
    this.#state = 'paused'
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#wake(), pause)
  }

  #wake(): void {
    clearTimeout(this.#timer)
    if (!this.#greeted) return
    this.#state = 'awake'
    this.#owner.changed()
  }

  #retire(): void {
    const connection = this.#link.connection
    if (!this.#abilities.retiring || this.inFlight > 0 || connection === undefined) return
    const runs = (wireName: string): boolean => this.#origin?.runs(wireName) === true
    const anew = this.#abilities.retire(connection.output, runs)
    connection.flushSoon()
    if (anew) this.#wake()
    if (!this.#abilities.retiring) this.#owner.changed()
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
    const delay = this.#backoff.next()
    this.#timer = setTimeout(() => void this.#connect(), delay)
    this.#owner.reconnecting(this.#link.address.name, this.#backoff.failures, delay)
  }

  #stop(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /** Sends what gearmand answers. */
  #ask(packet: string): void {
    this.#append(packet)
    this.#departure.asked()
  }

  #append(packet: string): void {
    const connection = this.#link.connection
    if (connection === undefined) return
    connection.output.text(packet)
    connection.flushSoon()
  }
}
