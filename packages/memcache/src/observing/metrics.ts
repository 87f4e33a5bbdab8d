import {
  type Deadlines,
  Histogram,
  type HistogramSummary,
  Traffic,
  type TrafficMetrics,
  trafficMetrics,
} from '@glammp/wire'
import type { Request, RequestObserver } from '../requests/request.js'

/**
 * Milliseconds from call to answer, on a clock that is read once a tick: under load all answers of
 * one batch have the same.
 */
export interface LatencyMetrics extends HistogramSummary {}

/** The outcomes of the calls of one command. */
export interface CommandMetrics {
  /**
   * Requests that were settled: one per server for commands of many keys, one per key for
   * `setMany`.
   */
  readonly calls: number
  /** Keys that were read and found. */
  readonly hits: number
  /** Keys that were read and not found. */
  readonly misses: number
  /** Failed calls by the `code` or name of the error. */
  readonly errors: Readonly<Record<string, number>>
  /** Of all of them, including failed ones. */
  readonly latency: LatencyMetrics
}

/**
 * A snapshot of a client's counters, which only grow, except `pending` and `open`. The totals also
 * count removed servers.
 */
export interface MemcacheMetrics extends TrafficMetrics {
  /** By the name of the method; `get chunk` and the like are the parts of large values. */
  readonly commands: Readonly<Record<string, CommandMetrics>>
  /** By address. A removed server disappears when what was under way on it is finished. */
  readonly servers: Readonly<Record<string, TrafficMetrics>>
  /** Of all commands. */
  readonly latency: LatencyMetrics
}

/** The numbers of a server. */
export interface MeteredServer {
  readonly address: { readonly name: string }
  readonly pending: number
}

class Counters {
  calls = 0
  hits = 0
  misses = 0
  readonly errors = new Map<string, number>()
  readonly latency = new Histogram()
}

/** Counts the outcomes of requests, at the price of a few additions each. */
export class Metrics implements RequestObserver {
  readonly #clock: Deadlines
  readonly #commands = new Map<string, Counters>()
  readonly #traffic = new Map<string, Traffic>()
  /** Of removed servers. */
  readonly #departed = new Traffic()
  #lastCommand = ''
  #lastCounters = new Counters()

  constructor(clock: Deadlines) {
    this.#clock = clock
  }

  settled(request: Request): void {
    const counters = this.#countersOf(request.command)
    counters.calls += 1
    // No time of its own: the deadline says when it began. One that no server took has none.
    const { due, allowance, errorCode, hits } = request.course
    counters.latency.record(due === 0 ? 0 : this.#clock.now - due + allowance)
    if (errorCode !== undefined) {
      counters.errors.set(errorCode, (counters.errors.get(errorCode) ?? 0) + 1)
    } else if (hits >= 0) {
      counters.hits += hits
      counters.misses += request.keyCount - hits
    }
  }

  trafficOf(server: string): Traffic {
    let traffic = this.#traffic.get(server)
    if (traffic === undefined) {
      traffic = new Traffic()
      this.#traffic.set(server, traffic)
    }
    return traffic
  }

  /**
   * A server was removed and its connections are closed: what they carried is only in the totals.
   */
  forget(server: string): void {
    const traffic = this.#traffic.get(server)
    if (traffic === undefined) return
    this.#traffic.delete(server)
    this.#departed.add(traffic)
  }

  /** @param running - the current servers. */
  snapshot(running: readonly MeteredServer[]): MemcacheMetrics {
    const latency = new Histogram()
    const commands: Record<string, CommandMetrics> = {}
    for (const [command, counters] of this.#commands) {
      const { calls, hits, misses, errors } = counters
      latency.add(counters.latency)
      const summary = counters.latency.summary()
      commands[command] = {
        calls,
        hits,
        misses,
        errors: Object.fromEntries(errors),
        latency: summary,
      }
    }
    const pending = new Map<string, number>()
    for (const { address, pending: waiting } of running) {
      pending.set(address.name, (pending.get(address.name) ?? 0) + waiting)
    }
    const total = new Traffic()
    total.add(this.#departed)
    const servers: Record<string, TrafficMetrics> = {}
    for (const [server, traffic] of this.#traffic) {
      servers[server] = trafficMetrics(traffic, pending.get(server) ?? 0)
      total.add(traffic)
    }
    const waiting = [...pending.values()].reduce((sum, count) => sum + count, 0)
    return { ...trafficMetrics(total, waiting), commands, servers, latency: latency.summary() }
  }

  // A batch is mostly one command again and again.
  #countersOf(command: string): Counters {
    if (command === this.#lastCommand) return this.#lastCounters
    let counters = this.#commands.get(command)
    if (counters === undefined) {
      counters = new Counters()
      this.#commands.set(command, counters)
    }
    this.#lastCommand = command
    this.#lastCounters = counters
    return counters
  }
}
