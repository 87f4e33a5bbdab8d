import { every, Fault } from '@glammp/wire'
import { createPool, type Pool } from 'generic-pool'
import { afterReading } from './after-reading.js'
import { Session } from './session.js'

/** How many connections there are to each server. */
export interface PoolOptions {
  /** Connections kept open even when idle. */
  readonly min: number
  /** Connections at most; calls wait while all of them have enough to do. */
  readonly max: number
}

/** Milliseconds after which an idle connection over `min` is closed, and how often one looks. */
const IDLE_TIMEOUT = 60_000
const IDLE_CHECK = 30_000

/** What generic-pool calls by its timer. */
interface Evicting {
  _evict(): void
}

/**
 * generic-pool tries again and again for as long as somebody waits when `create` rejects. So it
 * never does: a failed opening is lent like a session, and the borrower sees what it got.
 */
class FailedOpening {
  readonly fault: Fault
  readonly number: number

  constructor(fault: Fault, number: number) {
    this.fault = fault
    this.number = number
  }
}

/**
 * The connections to one server. A session is borrowed when the one in use takes no more, and comes
 * back when nothing is in flight on it.
 */
export class SessionPool {
  readonly #pool: Pool<Session | FailedOpening>
  readonly #lent = new Set<Session>()
  #openings = 0
  #closed = false
  #stop: (() => void) | undefined

  /** @param open - opens a session or throws a Fault. */
  constructor(options: PoolOptions, open: () => Promise<Session>) {
    this.#pool = createPool<Session | FailedOpening>(
      {
        create: () => {
          this.#openings += 1
          const number = this.#openings
          return open().catch((error: unknown) => {
            const fault =
              error instanceof Fault ? error : new Fault('connect', String(error), error)
            return new FailedOpening(fault, number)
          })
        },
        destroy: async (resource) => {
          if (resource instanceof Session) resource.end()
        },
      },
      {
        min: options.min,
        max: options.max,
        autostart: false,
        fifo: false,
        // By its own timer it would hear a test's fake clock.
        evictionRunIntervalMillis: 0,
        softIdleTimeoutMillis: IDLE_TIMEOUT,
        // The hard one, 30 s unless set, would take the connections of `min` too.
        idleTimeoutMillis: Number.MAX_SAFE_INTEGER,
        numTestsPerEvictionRun: options.max,
      },
    )
  }

  /**
   * Lends a session that is open, waiting for one if all are out.
   *
   * @returns the Fault where a new connection was needed and did not come about.
   */
  async borrow(): Promise<Session | Fault> {
    const before = this.#openings
    for (;;) {
      if (this.#closed) return new Fault('closed', 'the client is closed')
      this.#stop ??= every(IDLE_CHECK, () => (this.#pool as unknown as Evicting)._evict())
      const resource = await this.#pool.acquire()
      if (resource instanceof Session) {
        // One that lay idle may be at its end, where nobody has read it yet: nothing is lost on it so.
        if (resource.silent) await new Promise<void>(afterReading)
        if (resource.reason === undefined) {
          this.#lent.add(resource)
          return resource
        }
        await this.#pool.destroy(resource)
      } else {
        await this.#pool.destroy(resource)
        // One that failed before this call says nothing about the server now.
        if (resource.number > before) return resource.fault
      }
    }
  }

  /** Milliseconds that are left of a time limit for who waits for a session: see {@link Session.restOf}. */
  restOf(limit: number): number {
    let rest = 0
    for (const session of this.#lent) rest = Math.max(rest, session.restOf(limit))
    return rest
  }

  /** Takes a session back; one that has closed meanwhile leaves the pool. */
  giveBack(session: Session): void {
    this.#lent.delete(session)
    const done =
      session.reason === undefined ? this.#pool.release(session) : this.#pool.destroy(session)
    // It rejects only for what was not borrowed, which here cannot be.
    done.then(undefined, () => {})
  }

  /** Closes every connection, each when it is given back. */
  async close(): Promise<void> {
    this.#closed = true
    this.#stop?.()
    await this.#pool.drain()
    await this.#pool.clear()
  }
}
