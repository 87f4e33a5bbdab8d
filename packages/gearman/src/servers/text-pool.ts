import { afterReads, every, Fault } from '@glammp/wire'
import { createPool, type Pool } from 'generic-pool'
import type { TextSession } from './text-session.js'

/** Connections to one server: an admin is one person, or one monitor. */
const MAX_SESSIONS = 4

/** Milliseconds after which an idle connection is closed, and how often one looks. */
const IDLE_TIMEOUT = 30_000
const IDLE_CHECK = 10_000

/** What generic-pool calls by its timer. */
interface Evicting {
  _evict(): void
}

/**
 * generic-pool tries again and again for as long as somebody waits when `create` rejects. So it never
 * does: a failed opening is lent like a session, and the borrower sees what it got.
 */
class FailedOpening {
  readonly fault: Fault
  readonly number: number

  constructor(fault: Fault, number: number) {
    this.fault = fault
    this.number = number
  }
}

/** Lends the admin connections of one server; the only file that knows generic-pool. */
export class TextPool {
  readonly #pool: Pool<TextSession | FailedOpening>
  readonly #closing: AbortController = new AbortController()
  #openings = 0
  #stop: (() => void) | undefined

  /** @param open - opens a session or throws a Fault; the signal gives it up. */
  constructor(open: (signal: AbortSignal) => Promise<TextSession>) {
    this.#pool = createPool<TextSession | FailedOpening>(
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
          if (!(resource instanceof FailedOpening)) {
            resource.close(new Fault('closed', 'not needed now'))
          }
        },
      },
      {
        min: 0,
        max: MAX_SESSIONS,
        autostart: false,
        fifo: false,
        // By its own timer it would hear a test's fake clock.
        evictionRunIntervalMillis: 0,
        softIdleTimeoutMillis: IDLE_TIMEOUT,
        numTestsPerEvictionRun: MAX_SESSIONS,
      },
    )
  }

  /** An open session, or the Fault where a new connection was needed and did not come about. */
  async borrow(): Promise<TextSession | Fault> {
    const before = this.#openings
    if (!this.#closing.signal.aborted) {
      this.#stop ??= every(IDLE_CHECK, () => (this.#pool as unknown as Evicting)._evict())
    }
    for (;;) {
      const resource = await this.#pool.acquire()
      if (resource instanceof FailedOpening) {
        await this.#pool.destroy(resource)
        // One that failed for an earlier call says nothing about the server now.
        if (resource.number > before) return resource.fault
      } else {
        // The server may have closed an idle one while this process was busy, or frozen.
        if (resource.used) await new Promise<void>(afterReads)
        if (resource.reason === undefined) return resource
        await this.#pool.destroy(resource)
      }
    }
  }

  /** Takes a session back; one that has closed leaves the pool. */
  giveBack(session: TextSession): void {
    const done =
      session.reason === undefined ? this.#pool.release(session) : this.#pool.destroy(session)
    // It rejects only for what was not borrowed, which here cannot be.
    done.then(undefined, () => {})
  }

  /** Closes every connection, each when it is given back, and opens none any more. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#stop?.()
    await this.#pool.drain()
    await this.#pool.clear()
  }
}
