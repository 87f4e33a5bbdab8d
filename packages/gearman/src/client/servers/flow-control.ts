import { Alarm, type Deadlines } from '@glammp/wire'
import type { Link } from '../../link/link.js'

/** A reader that cannot take more from a connection now. */
export interface HoldOwner {
  /** The connection was held for it as long as the others may wait: it gets no more. */
  overdue(): void
}

/** How a job's listener keeps the packets from coming. */
export interface Flow {
  /**
   * Stops reading from the connection for a while; calling it several times has the effect of one
   * call.
   */
  hold(holder: HoldOwner): void
  /** Undoes that. */
  release(holder: HoldOwner): void
}

/** Milliseconds that one holder may keep others on the connection waiting. */
const MAX_HOLD = 1_000

/**
 * Holds a connection while somebody cannot take what comes. Gearman has no flow control: gearmand
 * keeps in its memory, without a limit, what a client does not read, and the worker keeps sending.
 * So back-pressure means leaving the bytes with gearmand. All jobs of a client share the
 * connection, and while others wait on it one holder may stop it only for a moment at a time.
 */
export class FlowControl implements Flow {
  readonly #link: Link
  readonly #deadlines: Deadlines
  readonly #shared: () => boolean
  readonly #time: number
  readonly #holds: Map<HoldOwner, Alarm> = new Map()

  /**
   * @param timeout - milliseconds that others wait for an answer.
   * @param shared - whether anybody else waits on the connection.
   */
  constructor(link: Link, deadlines: Deadlines, timeout: number, shared: () => boolean) {
    this.#link = link
    this.#deadlines = deadlines
    this.#shared = shared
    this.#time = Math.min(MAX_HOLD, timeout / 2)
  }

  hold(holder: HoldOwner): void {
    if (this.#holds.has(holder)) return
    const alarm = new Alarm(() => this.#expired(holder, alarm))
    this.#holds.set(holder, alarm)
    this.#deadlines.add(alarm, this.#time)
    this.#link.hold()
  }

  release(holder: HoldOwner): void {
    const alarm = this.#holds.get(holder)
    if (alarm === undefined) return
    this.#holds.delete(holder)
    this.#deadlines.remove(alarm)
    if (this.#holds.size === 0) this.#link.release()
  }

  /** The connection is gone. */
  reset(): void {
    for (const alarm of this.#holds.values()) this.#deadlines.remove(alarm)
    this.#holds.clear()
  }

  #expired(holder: HoldOwner, alarm: Alarm): void {
    if (this.#shared()) {
      this.release(holder)
      holder.overdue()
    } else {
      this.#deadlines.add(alarm, this.#time)
    }
  }
}
