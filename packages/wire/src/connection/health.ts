import { monotonic } from '../clock.js'
import type { Fault } from '../fault.js'
import { Backoff, type BackoffOptions } from '../time/backoff.js'

/** Called when a server goes down or comes up. */
export interface HealthOwner {
  /** The first failure after the server was up (or never tried). */
  down(reason: Fault): void
  /** The first success after the server was down. */
  up(): void
  /** A failure, the `attempt`th in a row: the server rests for `delay` milliseconds. */
  reconnecting(attempt: number, delay: number): void
}

/**
 * Whether one server may be tried now. After a failure it rests for a back-off, in which callers
 * are refused at once instead of waiting for one more connection attempt; the first caller after
 * that tries it again, so a server that is back is found without a timer.
 */
export class Health {
  readonly #backoff: Backoff
  readonly #owner: HealthOwner
  #reason: Fault | undefined
  #restUntil = 0

  constructor(options: BackoffOptions, owner: HealthOwner) {
    this.#backoff = new Backoff(options)
    this.#owner = owner
  }

  /** The last failure while the server is down, else `undefined`. */
  get reason(): Fault | undefined {
    return this.#reason
  }

  /** The last failure while the server rests and must not be tried, else `undefined`. */
  get resting(): Fault | undefined {
    if (this.#reason === undefined) return undefined
    return monotonic() < this.#restUntil ? this.#reason : undefined
  }

  /** Counts a failed attempt. */
  failed(reason: Fault): void {
    const first = this.#reason === undefined
    const rest = this.#backoff.next()
    this.#reason = reason
    this.#restUntil = monotonic() + rest
    if (first) this.#owner.down(reason)
    this.#owner.reconnecting(this.#backoff.failures, rest)
  }

  /** Counts a success. */
  succeeded(): void {
    if (this.#reason === undefined) return
    this.#reason = undefined
    this.#backoff.reset()
    this.#owner.up()
  }
}
