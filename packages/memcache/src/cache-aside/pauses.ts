import { backOff, monotonic } from '@glammp/wire'
import { LOAD_REST } from '../requests/retry.js'

/** Keys remembered at most; the one that has waited longest goes first. */
const MOST = 1_000

interface Pause {
  readonly failures: number
  readonly end: number
}

/** Which keys are not computed anew for a while, since that failed. */
export class Pauses {
  readonly #pauses = new Map<string, Pause>()

  /** True while the key rests. */
  has(id: string): boolean {
    if (this.#pauses.size === 0) return false
    const pause = this.#pauses.get(id)
    return pause !== undefined && monotonic() < pause.end
  }

  /** Counts a failure; returns the milliseconds for which the key now rests. */
  failed(id: string): number {
    const before = this.#pauses.get(id)?.failures ?? 0
    const delay = Math.round(backOff(before, LOAD_REST))
    this.#pauses.delete(id)
    this.#pauses.set(id, { failures: before + 1, end: monotonic() + delay })
    if (this.#pauses.size > MOST) {
      const [oldest] = this.#pauses.keys()
      if (oldest !== undefined) this.#pauses.delete(oldest)
    }
    return delay
  }

  succeeded(id: string): void {
    this.#pauses.delete(id)
  }
}
