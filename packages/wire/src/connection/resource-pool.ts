import { createPool, type Pool } from 'generic-pool'
import { every } from '../clock.js'
import { Fault } from '../fault.js'
import { afterReads } from '../time/deadline.js'

/** What a pool lends: a connection with what is spoken on it. */
export interface Resource {
  /** Why it is closed, or `undefined` while it is open. */
  readonly reason: Fault | undefined
  /** True where its end may have come, and nobody has read it yet. */
  readonly silent: boolean
}

export interface ResourcePoolOptions<T extends Resource> {
  /** Kept open even when idle. */
  readonly min: number
  /** At most; who borrows waits while all of them are out. */
  readonly max: number
  /** Milliseconds after which an idle one over `min` is closed. */
  readonly idleTimeout: number
  /** How often one looks for those, in milliseconds. */
  readonly idleCheck: number
  /**
   * Opens one; the signal gives it up.
   *
   * @throws Fault
   */
  readonly open: (signal: AbortSignal) => Promise<T>
  /** Closes one that nobody has. */
  readonly close: (resource: T) => void
}

/** What generic-pool calls by its timer. */
interface Evicting {
  _evict(): void
}

/**
 * generic-pool tries again and again for as long as somebody waits when `create` rejects. So it
 * never does: a failed opening is lent like a resource, and the borrower sees what it got.
 */
class FailedOpening {
  readonly fault: Fault
  readonly number: number

  constructor(fault: Fault, number: number) {
    this.fault = fault
    this.number = number
  }
}

/** Lends connections, one borrower each; the only file that knows generic-pool. */
export class ResourcePool<T extends Resource> {
  readonly #pool: Pool<T | FailedOpening>
  readonly #idleCheck: number
  readonly #closing: AbortController = new AbortController()
  #openings = 0
  #stop: (() => void) | undefined

  constructor({ min, max, idleTimeout, idleCheck, open, close }: ResourcePoolOptions<T>) {
    this.#idleCheck = idleCheck
    this.#pool = createPool<T | FailedOpening>(
      {
        create: () => {
          this.#openings += 1
          const number = this.#openings
          return open(this.#closing.signal).catch((error: unknown) => {
            const fault =
              error instanceof Fault ? error : new Fault('connect', String(error), error)
            return new FailedOpening(fault, number)
          })
        },
        destroy: async (resource) => {
          if (!(resource instanceof FailedOpening)) close(resource)
        },
      },
      {
        min,
        max,
        autostart: false,
        fifo: false,
        // By its own timer it would hear a test's fake clock.
        evictionRunIntervalMillis: 0,
        softIdleTimeoutMillis: idleTimeout,
        // The hard one, 30 s unless set, would take those of `min` too.
        idleTimeoutMillis: Number.MAX_SAFE_INTEGER,
        numTestsPerEvictionRun: max,
      },
    )
  }

  /**
   * Lends one that is open, waiting for one if all are out.
   *
   * @returns the Fault where a new one was needed and did not come about.
   */
  async borrow(): Promise<T | Fault> {
    const before = this.#openings
    for (;;) {
      if (this.#closing.signal.aborted) return new Fault('closed', 'the client is closed')
      this.#stop ??= every(this.#idleCheck, () => (this.#pool as unknown as Evicting)._evict())
      const resource = await this.#pool.acquire()
      if (resource instanceof FailedOpening) {
        await this.#pool.destroy(resource)
        // One that failed before this call says nothing about the server now.
        if (resource.number > before) return resource.fault
      } else {
        // One that lay idle may be at its end: nothing is lost on it so.
        if (resource.silent) await new Promise<void>(afterReads)
        if (resource.reason === undefined) return resource
        await this.#pool.destroy(resource)
      }
    }
  }

  /** Takes one back; where it has closed meanwhile it leaves the pool. */
  giveBack(resource: T): void {
    const done =
      resource.reason === undefined ? this.#pool.release(resource) : this.#pool.destroy(resource)
    // It rejects only for what was not borrowed, which here cannot be.
    done.then(undefined, () => {})
  }

  /** Closes all of them, each when it is given back, and opens none any more. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#stop?.()
    await this.#pool.drain()
    await this.#pool.clear()
  }
}
