import { clearTimeout, monotonic, PendingQueue, setTimeout, wrong } from '@glammp/wire'
import { InvalidArgumentError } from '../errors.js'
import { milliseconds, wholeNumber } from '../options.js'

/** How often jobs of a function may start. */
export interface RateLimitOptions {
  /** Jobs that may start ... */
  readonly jobs: number
  /** ... within any stretch of this many milliseconds. */
  readonly per: number
}

/** @throws {@link InvalidArgumentError} */
export function checkRateLimit(given: RateLimitOptions): RateLimitOptions {
  if (typeof given !== 'object' || given === null) {
    throw new InvalidArgumentError(wrong('rateLimit', '{ jobs, per }', given))
  }
  return {
    jobs: wholeNumber('rateLimit.jobs', given.jobs, 1),
    per: milliseconds('rateLimit.per', given.per),
  }
}

/**
 * Limits the number of jobs within any stretch of time of a given length, over all servers. A grab
 * reserves its place when it is sent: an assigned job must be run, or it would be held back from
 * other workers.
 */
export class RateLimit {
  #options: RateLimitOptions
  readonly #opened: () => void
  /** When the jobs of the last stretch started. */
  readonly #starts: PendingQueue<number> = new PendingQueue()
  #reserved = 0
  #closed = false
  #timer: NodeJS.Timeout | undefined

  /** @param opened - called when a job may start again. */
  constructor(options: RateLimitOptions, opened: () => void) {
    this.#options = options
    this.#opened = opened
  }

  /** Whether one more job may be asked for now. */
  get open(): boolean {
    return !this.#closed && this.#starts.size + this.#reserved < this.#options.jobs
  }

  /** Sets another limit. */
  change(options: RateLimitOptions): void {
    this.#options = options
    this.#look()
  }

  /** A job was asked for. */
  reserve(): void {
    this.#reserved += 1
    this.#watch()
  }

  /** It arrived, and starts. */
  began(): void {
    this.#reserved -= 1
    this.#starts.push(monotonic())
    this.#watch()
  }

  /** They did not arrive. */
  returned(jobs: number): void {
    this.#reserved -= jobs
  }

  /** No more jobs. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /** If no place is left, forgets the starts that are past, and waits until the next one is. */
  #watch(): void {
    if (this.#closed || this.open) return
    const past = monotonic() - this.#options.per
    let oldest = this.#starts.peek()
    while (oldest !== undefined && oldest <= past) {
      this.#starts.shift()
      oldest = this.#starts.peek()
    }
    if (this.open || oldest === undefined || this.#timer !== undefined) return
    // One millisecond more: a timer may fire a fraction of one early.
    this.#timer = setTimeout(() => this.#look(), oldest - past + 1)
  }

  #look(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#watch()
    if (this.open) this.#opened()
  }
}
