import { type Fault, ResourcePool, TransientSet } from '@glammp/wire'
import { Session } from './session.js'

/** How many connections there are to each server. */
export interface PoolOptions {
  /** Connections kept open even when idle. */
  readonly min: number
  /** Connections at most; calls wait while all of them are busy. */
  readonly max: number
}

/** Milliseconds after which an idle connection over `min` is closed, and how often one looks. */
const IDLE_TIMEOUT = 60_000
const IDLE_CHECK = 30_000

/**
 * The connections to one server. A session is borrowed when the one in use takes no more, and comes
 * back when nothing is in flight on it.
 */
export class SessionPool {
  readonly #pool: ResourcePool<Session>
  readonly #lent = new TransientSet<Session>()

  /** @param open - opens a session or throws a Fault. */
  constructor({ min, max }: PoolOptions, open: () => Promise<Session>) {
    this.#pool = new ResourcePool({
      min,
      max,
      idleTimeout: IDLE_TIMEOUT,
      idleCheck: IDLE_CHECK,
      open,
      close: (session) => session.end(),
    })
  }

  /**
   * Lends an open session; waits if all are lent.
   *
   * @returns the Fault if a new connection was needed and could not be opened.
   */
  async borrow(): Promise<Session | Fault> {
    const session = await this.#pool.borrow()
    if (!(session instanceof Session)) return session
    this.#lent.add(session)
    return session
  }

  /**
   * Milliseconds that are left of a time limit for a request that waits for a session: see
   * {@link Session.restOf}.
   */
  restOf(limit: number): number {
    let rest = 0
    for (const session of this.#lent) rest = Math.max(rest, session.restOf(limit))
    return rest
  }

  /** Takes a session back; one that has closed meanwhile leaves the pool. */
  giveBack(session: Session): void {
    this.#lent.delete(session)
    this.#pool.giveBack(session)
  }

  /** Closes those that are out now. */
  drop(reason: Fault): void {
    for (const session of [...this.#lent]) session.close(reason)
  }

  /** Closes every connection, each when it is given back. */
  close(): Promise<void> {
    return this.#pool.close()
  }
}
