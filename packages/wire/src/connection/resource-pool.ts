import { createPool, type Pool } from 'generic-pool'
import { every } from '../clock.js'
import { Fault } from '../fault.js'
import { afterReads } from '../time/deadline.js'

/** What a pool lends: a connection with its protocol. */
export interface Resource {
  /** Why it is closed, or `undefined` while it is open. */
  readonly reason: Fault | undefined
  /** True if the peer may have closed it and that has not been read yet. */
  readonly silent: boolean
}

export interface ResourcePoolOptions<T extends Resource> {
  /** Kept open even when idle. */
  readonly min: number
  /** The most there are at once; borrowers wait while all of them are lent. */
  readonly max: number
  /** Milliseconds after which an idle one over `min` is closed. */
  readonly idleTimeout: number
  /** How often one looks for those, in milliseconds. */
  readonly idleCheck: number
  /**
   * Opens one; the signal aborts that.
   *
   * @throws Fault
   */
  readonly open: (signal: AbortSignal) => Promise<T>
  /** Closes one that is not lent. */
  readonly close: (resource: T) => void
}

/** What generic-pool calls by its timer. */
interface Evicting {
  _evict(): void
}

/**
 * generic-pool tries again and again for as long as somebody waits when `create` rejects. So it
 * never rejects: a failed opening is lent like a resource, and the borrower checks what it got.
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
        // Its own timer would follow a test's fake clock.
        evictionRunIntervalMillis: 0,
        softIdleTimeoutMillis: idleTimeout,
        // The hard one, 30 s unless set, would take those of `min` too.
        idleTimeoutMillis: Number.MAX_SAFE_INTEGER,
        numTestsPerEvictionRun: max,
      },
    )
  }

  /**
   * Lends an open one; waits if all are lent.
   *
   * @returns the Fault if a new one was needed and could not be opened.
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
        // An idle one may have been closed by the peer: it is checked, so that no request is lost
        // on it.
        if (resource.silent) await new Promise<void>(afterReads)
        if (resource.reason === undefined) return resource
        await this.#pool.destroy(resource)
      }
    }
  }

  /** Takes one back; if it has closed meanwhile, it leaves the pool. */
  giveBack(resource: T): void {
    const done =
      resource.reason === undefined ? this.#pool.release(resource) : this.#pool.destroy(resource)
    // It rejects only for what was not borrowed, which cannot happen here.
    done.then(undefined, () => {})
  }

  /** Closes all of them, each when it is given back, and opens no more. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#stop?.()
    await this.#pool.drain()
    await this.#pool.clear()
  }
}
