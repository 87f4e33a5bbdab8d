/** Bounds of a back-off, in milliseconds. */
export interface BackoffOptions {
  /** Upper bound of the first wait. */
  readonly base: number
  /** Upper bound of every wait. */
  readonly cap: number
  /** Share of a wait that is random, 0 to 1; 1 if absent. */
  readonly jitter?: number | undefined
  /** Source of randomness, 0 to under 1; `Math.random` if absent. */
  readonly random?: (() => number) | undefined
}

/**
 * The wait after so many failures in a row: at most `base * 2^failures`, never over `cap`, and random, so
 * that clients which failed at the same time do not come back in step.
 *
 * @param failures - those before the last one.
 */
export function backOff(failures: number, options: BackoffOptions): number {
  const { base, cap, jitter = 1, random = Math.random } = options
  // 2^30 is above every sensible cap; without the bound the power becomes Infinity.
  const bound = Math.min(cap, base * 2 ** Math.min(failures, 30))
  return bound * (1 - jitter + jitter * random())
}

/** Counts the failures for {@link backOff}. */
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
    const wait = backOff(this.#failures, this.#options)
    this.#failures += 1
    return wait
  }

  /** Counts a success: the next failure waits as the first did. */
  reset(): void {
    this.#failures = 0
  }
}
