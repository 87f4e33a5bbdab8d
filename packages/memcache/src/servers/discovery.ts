import { clearTimeout, type Fault, monotonic, setTimeout } from '@glammp/wire'
import { type MemcacheError, NoServerError } from '../errors.js'
import { type ClusterConfiguration, ClusterRequest, nameOf } from '../requests/cluster-request.js'
import type { Server } from './server.js'

export interface DiscoveryOptions {
  /** Milliseconds between two questions. */
  readonly interval: number
}

/** Milliseconds between two questions at least, however often a server fails. */
const LEAST_INTERVAL = 1_000

/**
 * How often in a row a list that is not newer than the known one must be received. Nodes that lag
 * behind report an older one for a moment; a cluster that was created again under the same name
 * counts from one.
 */
const CONVINCING = 3

/**
 * Keeps the list of servers as a configuration endpoint reports it: asks when it is first needed,
 * then at an interval, and sooner when a server cannot be reached, because it may have been
 * replaced.
 */
export class Discovery {
  readonly #endpoints: readonly Server[]
  readonly #options: DiscoveryOptions
  readonly #timeout: number
  readonly #found: (nodes: ClusterConfiguration['nodes']) => void
  #known: ClusterConfiguration | undefined
  #contradictions = 0
  #asking: Promise<void> | undefined
  #askedAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  /**
   * @param endpoints - asked in turn until one answers.
   * @param timeout - milliseconds for one question.
   * @param found - called with every new list; if it throws because the list is invalid, it is
   *   called with it again.
   */
  constructor(
    endpoints: readonly Server[],
    options: DiscoveryOptions,
    timeout: number,
    found: (nodes: ClusterConfiguration['nodes']) => void,
  ) {
    this.#endpoints = endpoints
    this.#options = options
    this.#timeout = timeout
    this.#found = found
  }

  /**
   * What a call waits for before servers are known; `undefined` from then on.
   *
   * @throws MemcacheError of the last endpoint, if none answers.
   */
  ready(): Promise<void> | undefined {
    return this.#known === undefined ? this.ask() : undefined
  }

  /** Asks now, unless a request is under way. */
  ask(): Promise<void> {
    this.#asking ??= this.#askAll().finally(() => {
      this.#asking = undefined
      this.#askLater()
    })
    return this.#asking
  }

  /** A server cannot be reached: asks soon. */
  hurry(): void {
    if (this.#stopped || monotonic() - this.#askedAt < LEAST_INTERVAL) return
    this.ask().catch(() => {})
  }

  async close(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await Promise.all(this.#endpoints.map((endpoint) => endpoint.close()))
  }

  /** Asks no more, and waits for no answer. */
  drop(reason: Fault): void {
    void this.close()
    for (const endpoint of this.#endpoints) endpoint.drop(reason)
  }

  async #askAll(): Promise<void> {
    this.#askedAt = monotonic()
    let failure: MemcacheError | undefined
    for (const endpoint of this.#endpoints) {
      try {
        this.#take(await endpoint.submit(new ClusterRequest(), this.#timeout))
        return
      } catch (error) {
        failure = error as MemcacheError
      }
    }
    throw failure ?? new NoServerError('there is no configuration endpoint')
  }

  #take(configuration: ClusterConfiguration | undefined): void {
    if (configuration === undefined) throw new NoServerError('the endpoint names no servers')
    if (this.#stopped || !this.#isNews(configuration)) return
    try {
      this.#found(configuration.nodes)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      const message = `the endpoint names invalid servers: ${reason}`
      throw new NoServerError(message, { cause })
    }
    this.#known = configuration
    this.#contradictions = 0
  }

  #isNews({ version, nodes }: ClusterConfiguration): boolean {
    const known = this.#known
    if (known === undefined || version > known.version) return true
    if (version === known.version && isEqual(nodes, known.nodes)) {
      this.#contradictions = 0
      return false
    }
    this.#contradictions += 1
    return this.#contradictions >= CONVINCING
  }

  #askLater(): void {
    clearTimeout(this.#timer)
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      this.ask().catch(() => {})
    }, this.#options.interval)
    this.#timer.unref()
  }
}

function isEqual(
  some: ClusterConfiguration['nodes'],
  others: ClusterConfiguration['nodes'],
): boolean {
  return String(some.map(nameOf)) === String(others.map(nameOf))
}
