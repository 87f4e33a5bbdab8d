import { Fault } from '@glammp/wire'
import { createPool, type Pool } from 'generic-pool'
import type { TextSession } from './text-session.js'

/** Connections to one server: an admin is one person, or one monitor. */
const MAX_SESSIONS = 4

/** Milliseconds after which an idle connection is closed, and how often one looks. */
const IDLE_TIMEOUT = 30_000
const IDLE_CHECK = 10_000

/** Lends the admin connections of one server; the only file that knows generic-pool. */
export class TextPool {
  readonly #pool: Pool<TextSession | Fault>

  /** @param open - opens a session or throws a Fault. */
  constructor(open: () => Promise<TextSession>) {
    this.#pool = createPool<TextSession | Fault>(
      {
        // generic-pool tries again and again for as long as somebody waits when `create` rejects.
        // So it never does: the failure is lent, and the borrower sees what it got.
        create: () =>
          open().catch((error: unknown) =>
            error instanceof Fault ? error : new Fault('connect', String(error), error),
          ),
        destroy: async (resource) => {
          if (!(resource instanceof Fault)) resource.close(new Fault('closed', 'not needed now'))
        },
      },
      {
        min: 0,
        max: MAX_SESSIONS,
        autostart: false,
        fifo: false,
        evictionRunIntervalMillis: IDLE_CHECK,
        softIdleTimeoutMillis: IDLE_TIMEOUT,
        numTestsPerEvictionRun: MAX_SESSIONS,
      },
    )
  }

  /** An open session, or the Fault where a new connection did not come about. */
  async borrow(): Promise<TextSession | Fault> {
    for (;;) {
      const resource = await this.#pool.acquire()
      if (!(resource instanceof Fault) && resource.reason === undefined) return resource
      await this.#pool.destroy(resource)
      // A lent session may have been closed by the server meanwhile: the next one is newer.
      if (resource instanceof Fault) return resource
    }
  }

  /** Takes a session back; one that has closed leaves the pool. */
  giveBack(session: TextSession): void {
    const done =
      session.reason === undefined ? this.#pool.release(session) : this.#pool.destroy(session)
    // It rejects only for what was not borrowed, which here cannot be.
    done.then(undefined, () => {})
  }

  /** Closes every connection, each when it is given back. */
  async close(): Promise<void> {
    await this.#pool.drain()
    await this.#pool.clear()
  }
}
