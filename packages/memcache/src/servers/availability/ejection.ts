import type { Fault } from '@glammp/wire'
import { backOff, clearTimeout, monotonic, setTimeout } from '@glammp/wire'
import { GOOD_CONDUCT, LAST_HOPE, probing } from '../../requests/retry.js'

/** When a failing server is left out. */
export interface EjectionOptions {
  /** Failures in a row after which the server is left out. */
  readonly failures: number
  /** Milliseconds until it is first asked whether it is back; doubled for each time it is not. */
  readonly cooldown: number
}

/** The effects of an ejection. */
export interface EjectionOwner {
  ejected(reason: Fault): void
  rejoined(): void
  /** Asks the server something; rejects if it does not answer. */
  probe(): Promise<unknown>
}

/**
 * Whether a server is left out for failing. It comes back only when it has answered a probe, and
 * one that fails again soon after is left out for longer, so that a server which flaps does not
 * flip the ring with it.
 */
export class Ejection {
  readonly #options: EjectionOptions | undefined
  readonly #owner: EjectionOwner
  #failures = 0
  #reason: Fault | undefined
  #rounds = 0
  #rejoinedAt = 0
  /** When it was left out, or the last probe had failed. */
  #waitsSince = 0
  /** When the next probe is made; `undefined` while one is under way. */
  #probedAt: number | undefined
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  /** @param options - `undefined`: no server is ever left out. */
  constructor(options: EjectionOptions | undefined, owner: EjectionOwner) {
    this.#options = options
    this.#owner = owner
  }

  /** The last failure while the server is left out, else `undefined`. */
  get reason(): Fault | undefined {
    return this.#reason
  }

  /** Counts a failure: a connection that could not be opened or ended before the answers. */
  failed(reason: Fault): void {
    if (this.#options === undefined || this.#reason !== undefined || this.#stopped) return
    this.#failures += 1
    if (this.#failures < this.#options.failures) return
    if (monotonic() - this.#rejoinedAt > GOOD_CONDUCT) this.#rounds = 0
    this.#reason = reason
    this.#owner.ejected(reason)
    this.#wait(this.#options)
  }

  /** Counts a success: failures are counted in a row. */
  succeeded(): void {
    this.#failures = 0
  }

  /**
   * No other server is left, and callers are refused: the next probe comes within a second of the
   * last one.
   */
  hurry(): void {
    if (this.#options === undefined || this.#reason === undefined || this.#stopped) return
    if (this.#probedAt === undefined) return
    const soon = this.#waitsSince + LAST_HOPE
    if (this.#probedAt > soon) this.#probeAt(soon, this.#options)
  }

  /** Stops asking. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #wait(options: EjectionOptions): void {
    const wait = backOff(this.#rounds, probing(options.cooldown))
    this.#rounds += 1
    this.#waitsSince = monotonic()
    this.#probeAt(this.#waitsSince + wait, options)
  }

  #probeAt(time: number, options: EjectionOptions): void {
    this.#probedAt = time
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#probe(options), Math.max(0, time - monotonic()))
    this.#timer.unref()
  }

  async #probe(options: EjectionOptions): Promise<void> {
    this.#probedAt = undefined
    try {
      await this.#owner.probe()
    } catch {
      if (!this.#stopped) this.#wait(options)
      return
    }
    this.#failures = 0
    this.#reason = undefined
    this.#rejoinedAt = monotonic()
    this.#owner.rejoined()
  }
}
