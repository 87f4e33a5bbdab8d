import {
  Histogram,
  type HistogramSummary,
  Traffic,
  type TrafficMetrics,
  trafficMetrics,
} from '@glammp/wire'

/** Milliseconds that jobs took, up to a quarter too high. */
export interface LatencyMetrics extends HistogramSummary {}

/** The outcomes of the jobs of one function. */
export interface FunctionMetrics {
  /** Jobs that are over. */
  readonly jobs: number
  /**
   * The number of jobs by outcome. Of a client: `complete`, `queued` in the background, or the
   * `code` of the error. Of a worker: `complete`, `fail`, `exception`, `timeout` or `lost`.
   */
  readonly outcomes: Readonly<Record<string, number>>
  /**
   * Of a client from the call on, on a clock that is read once a tick; of a worker from the
   * assignment on.
   */
  readonly latency: LatencyMetrics
}

/** A snapshot of counters, which only grow, except `pending` and `open`. */
export interface GearmanMetrics extends TrafficMetrics {
  /** By the name of the function, without the namespace; of the first 1,000 names. */
  readonly functions: Readonly<Record<string, FunctionMetrics>>
  /** By address. */
  readonly servers: Readonly<Record<string, TrafficMetrics>>
  /** Of all functions. */
  readonly latency: LatencyMetrics
}

/** The numbers of a server. */
export interface MeteredServer {
  readonly name: string
  readonly traffic: Traffic
  readonly pending: number
}

/** A caller that invents any number of names must not fill the memory. */
const MAX_NAMES = 1_000

class Counters {
  readonly outcomes = new Map<string, number>()
  readonly latency = new Histogram()
}

/** Counts the outcomes of jobs, at the price of a few additions each. */
export class JobMeter {
  readonly #functions = new Map<string, Counters>()
  readonly #others = new Counters()

  /** @param duration - milliseconds. */
  record(name: string, outcome: string, duration: number): void {
    const { outcomes, latency } = this.#countersOf(name)
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    latency.record(duration)
  }

  snapshot(servers: Iterable<MeteredServer>): GearmanMetrics {
    const latency = new Histogram()
    latency.add(this.#others.latency)
    // Pairs, because a function may be called `__proto__`.
    const functions: [name: string, metrics: FunctionMetrics][] = []
    for (const [name, counters] of this.#functions) {
      latency.add(counters.latency)
      const summary = counters.latency.summary()
      const outcomes = Object.fromEntries(counters.outcomes)
      functions.push([name, { jobs: summary.count, outcomes, latency: summary }])
    }
    const total = new Traffic()
    let waiting = 0
    const each: Record<string, TrafficMetrics> = {}
    for (const { name, traffic, pending } of servers) {
      total.add(traffic)
      waiting += pending
      each[name] = trafficMetrics(traffic, pending)
    }
    return {
      ...trafficMetrics(total, waiting),
      functions: Object.fromEntries(functions),
      servers: each,
      latency: latency.summary(),
    }
  }

  #countersOf(name: string): Counters {
    let counters = this.#functions.get(name)
    if (counters === undefined) {
      if (this.#functions.size >= MAX_NAMES) return this.#others
      counters = new Counters()
      this.#functions.set(name, counters)
    }
    return counters
  }
}
