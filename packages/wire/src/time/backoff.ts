/** Bounds of a back-off, in milliseconds. */
export interface BackoffOptions {
  /** Upper bound of the first wait. */
  readonly base: number
  /** Upper bound of every wait. */
  readonly cap: number
  /** Source of randomness, 0 to under 1; `Math.random` if absent. */
  readonly random?: (() => number) | undefined
}

/**
 * Exponential back-off with full jitter: the n-th wait is random between 0 and `base * 2^n`, never
 * over `cap`, so that clients which lost the same server do not come back in step.
 */
export class Backoff {
  readonly #options: BackoffOptions
  #failures = 0

  constructor(options: BackoffOptions) {
    this.#options = options
  }

  /** How many failures in a row were counted. */
  get failures(): number {
    return this.#failures
  }

  /** Counts a failure; returns how many milliseconds to wait before the next attempt. */
  next(): number {
    const { base, cap, random = Math.random } = this.#options
    // 2^30 is above every sensible cap; without the bound the power becomes Infinity.
    const bound = Math.min(cap, base * 2 ** Math.min(this.#failures, 30))
    this.#failures += 1
    return random() * bound
  }

  /** Counts a success: the next failure waits as the first did. */
  reset(): void {
    this.#failures = 0
  }
}
