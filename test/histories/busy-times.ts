/** Milliseconds between two looks at the clock. */
const STEP = 5

/** When this process did not come to look at its timers: it was busy, or had no processor. */
export class BusyTimes {
  readonly #gaps: { readonly end: number; readonly length: number }[] = []
  readonly #timer: NodeJS.Timeout

  constructor() {
    let last = performance.now()
    this.#timer = setInterval(() => {
      const now = performance.now()
      if (now - last > 2 * STEP) this.#gaps.push({ end: now, length: now - last - STEP })
      last = now
    }, STEP)
  }

  /** Milliseconds of such gaps between two moments. */
  between(start: number, end: number): number {
    return this.#gaps
      .filter((gap) => gap.end >= start && gap.end - gap.length <= end)
      .reduce((sum, { length }) => sum + length, 0)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
