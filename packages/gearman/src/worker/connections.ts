import { Fault, type ServerAddress, Traffic } from '@glammp/wire'
import { InvalidArgumentError } from '../errors.js'
import type { MeteredServer } from '../observing/metrics.js'
import type { WorkerFunction } from './functions.js'
import { RateLimit } from './rate-limit.js'
import { WorkerConnection } from './servers/worker-connection.js'
import type {
  WorkerConnectionOptions,
  WorkerConnectionOwner,
} from './servers/worker-connection-owner.js'
import type { Grabbing, Slots } from './slots.js'

/** A connection that asks for no job while its function is at its limit. */
class LimitedSource implements Grabbing {
  readonly connection: WorkerConnection
  readonly #limit: RateLimit

  constructor(connection: WorkerConnection, limit: RateLimit) {
    this.connection = connection
    this.#limit = limit
  }

  get hungry(): boolean {
    return this.connection.hungry && this.#limit.open
  }

  get idle(): boolean {
    return this.connection.idle && this.#limit.open
  }

  grab(): void {
    this.#limit.reserve()
    this.connection.grab()
  }

  sleep(): void {
    this.connection.sleep()
  }
}

/** The connections of one function that has a rate limit. */
interface Limited {
  readonly limit: RateLimit
  readonly sources: Map<string, LimitedSource>
}

/**
 * The worker's connections: one per server for all functions, and one per server for each function
 * with a rate limit. A worker cannot refuse a job, and gearmand gives it one of any function that
 * the connection has; sending CANT_DO to get none for a while would have running jobs queued again.
 */
export class Connections {
  readonly #options: Omit<WorkerConnectionOptions, 'address' | 'traffic'>
  readonly #slots: Slots
  readonly #owner: WorkerConnectionOwner
  readonly #addresses: Map<string, ServerAddress> = new Map()
  readonly #traffic: Map<string, Traffic> = new Map()
  readonly #common: Map<string, WorkerConnection> = new Map()
  readonly #limited: Map<string, Limited> = new Map()
  /** Of functions that were removed, until their running jobs are done. */
  readonly #leaving: Set<LimitedSource> = new Set()
  /** Without a job, until gearmand has what they sent. */
  readonly #departing: Set<WorkerConnection> = new Set()
  readonly #functions: Map<string, WorkerFunction> = new Map()
  #started = false

  constructor(
    options: Omit<WorkerConnectionOptions, 'address' | 'traffic'>,
    slots: Slots,
    owner: WorkerConnectionOwner,
  ) {
    this.#options = options
    this.#slots = slots
    this.#owner = owner
  }

  /** @throws {@link InvalidArgumentError} for a server that is already in the list. */
  addServer(address: ServerAddress): void {
    if (this.#addresses.has(address.name)) {
      throw new InvalidArgumentError(`server ${address.name} is listed twice`)
    }
    this.#addresses.set(address.name, address)
    const traffic = new Traffic()
    this.#traffic.set(address.name, traffic)
    const connection = new WorkerConnection({ ...this.#options, address, traffic }, this.#owner)
    for (const fn of this.#functions.values()) {
      if (fn.rateLimit === undefined) connection.add(fn.wireName, fn.serverTimeout)
    }
    this.#common.set(address.name, connection)
    this.#slots.add(connection)
    if (this.#started) connection.start()
    for (const [wireName, limited] of this.#limited) {
      const fn = this.#functions.get(wireName)
      if (fn !== undefined) this.#addSource(fn, limited, address)
    }
  }

  /** Serves a function from now on, or with new settings. */
  add(fn: WorkerFunction): void {
    const before = this.#functions.get(fn.wireName)
    this.#functions.set(fn.wireName, fn)
    if (fn.rateLimit === undefined) {
      if (before?.rateLimit !== undefined) this.#removeLimited(fn.wireName)
      for (const connection of this.#common.values()) connection.add(fn.wireName, fn.serverTimeout)
      return
    }
    if (before !== undefined && before.rateLimit === undefined) this.#removeCommon(fn.wireName)
    const limited = this.#limited.get(fn.wireName)
    if (limited !== undefined) {
      limited.limit.change(fn.rateLimit)
      for (const { connection } of limited.sources.values()) {
        connection.add(fn.wireName, fn.serverTimeout)
      }
      return
    }
    const made = {
      limit: new RateLimit(fn.rateLimit, () => this.#owner.changed()),
      sources: new Map<string, LimitedSource>(),
    }
    this.#limited.set(fn.wireName, made)
    for (const address of this.#addresses.values()) this.#addSource(fn, made, address)
  }

  /** Stops serving a function; its running jobs go on. */
  remove(wireName: string): void {
    const fn = this.#functions.get(wireName)
    this.#functions.delete(wireName)
    if (fn?.rateLimit === undefined) this.#removeCommon(wireName)
    else this.#removeLimited(wireName)
  }

  /** Whether a job of the function may arrive. */
  serves(wireName: string): boolean {
    for (const connection of this.#all()) if (connection.serves(wireName)) return true
    return false
  }

  /** The servers with the traffic of their connections, and their running jobs. */
  *metered(): Iterable<MeteredServer> {
    const connections = [...this.#all()]
    for (const [name, traffic] of this.#traffic) {
      const own = connections.filter((connection) => connection.server === name)
      yield { name, traffic, pending: own.reduce((sum, { running }) => sum + running, 0) }
    }
  }

  /** Connects to all servers. */
  start(): void {
    this.#started = true
    for (const connection of this.#all()) connection.start()
  }

  /** Disconnects from servers where there is nothing left to do. */
  sweep(): void {
    for (const source of this.#leaving) {
      const { connection } = source
      if (connection.inFlight + connection.running > 0) continue
      this.#slots.remove(source)
      this.#leaving.delete(source)
      this.#departing.add(connection)
      void connection.leave(new Fault('closed', 'its function was removed')).then(() => {
        this.#departing.delete(connection)
        this.#owner.changed()
      })
    }
  }

  /**
   * Closes connections without a job or a grab: none of their jobs would be queued again. From now
   * on one that owes an answer and does not move is dropped.
   */
  leaveIdle(reason: Fault): void {
    this.#stop()
    for (const connection of this.#all()) {
      if (connection.inFlight + connection.running === 0) void connection.leave(reason)
      else connection.watch()
    }
  }

  /** Closes all; resolves when gearmand has all results. */
  async leave(reason: Fault): Promise<void> {
    this.#stop()
    await Promise.all(Array.from(this.#all(), (connection) => connection.leave(reason)))
  }

  /** Drops all at once: gearmand queues the running jobs again. */
  close(reason: Fault): void {
    this.#stop()
    for (const connection of this.#all()) connection.close(reason)
  }

  #addSource(fn: WorkerFunction, { limit, sources }: Limited, address: ServerAddress): void {
    const traffic = this.#traffic.get(address.name) ?? new Traffic()
    const connection = new WorkerConnection(
      { ...this.#options, address, traffic },
      {
        assigned: (assignment, origin, late) => {
          limit.began()
          this.#owner.assigned(assignment, origin, late)
        },
        promised: () => {
          limit.reserve()
          this.#owner.promised()
        },
        returned: (grabs) => {
          limit.returned(grabs)
          this.#owner.returned(grabs)
        },
        changed: () => this.#owner.changed(),
        // The connection for all functions reports the state of the server.
        up: () => {},
        down: () => {},
        reconnecting: () => {},
      },
    )
    const source = new LimitedSource(connection, limit)
    connection.add(fn.wireName, fn.serverTimeout)
    sources.set(address.name, source)
    this.#slots.add(source)
    if (this.#started) connection.start()
  }

  #removeCommon(wireName: string): void {
    for (const connection of this.#common.values()) connection.remove(wireName)
  }

  #removeLimited(wireName: string): void {
    const limited = this.#limited.get(wireName)
    if (limited === undefined) return
    this.#limited.delete(wireName)
    limited.limit.close()
    for (const source of limited.sources.values()) this.#leaving.add(source)
    this.sweep()
  }

  #stop(): void {
    for (const { limit } of this.#limited.values()) limit.close()
  }

  *#all(): Iterable<WorkerConnection> {
    yield* this.#common.values()
    for (const { sources } of this.#limited.values()) {
      for (const { connection } of sources.values()) yield connection
    }
    for (const { connection } of this.#leaving) yield connection
    yield* this.#departing
  }
}
