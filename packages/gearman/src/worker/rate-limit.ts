import { clearTimeout, monotonic, PendingQueue, setTimeout } from '@glammp/wire'
import { InvalidArgumentError } from '../errors.js'
import { milliseconds, wholeNumber } from '../options.js'

/** How often jobs of a function may begin. */
export interface RateLimitOptions {
  /** Jobs that may begin ... */
  readonly jobs: number
  /** ... within so many milliseconds, wherever these begin. */
  readonly per: number
}

/** @throws {@link InvalidArgumentError} */
export function checkRateLimit(given: RateLimitOptions): RateLimitOptions {
  if (typeof given !== 'object' || given === null) {
    throw new InvalidArgumentError('rateLimit is { jobs, per }')
  }
  return {
    jobs: wholeNumber('rateLimit.jobs', given.jobs, 1),
    per: milliseconds('rateLimit.per', given.per),
  }
}

/**
 * At most so many jobs within any stretch of time of a given length, over all servers. A grab
 * reserves its place when it is sent: a job that came has to be run, or it would be held back from
 * other workers.
 */
export class RateLimit {
  #options: RateLimitOptions
  readonly #opened: () => void
  /** When the jobs of the last stretch began. */
  readonly #starts: PendingQueue<number> = new PendingQueue()
  #reserved = 0
  #closed = false
  #timer: NodeJS.Timeout | undefined

  /** @param opened Called when a job may begin again. */
  constructor(options: RateLimitOptions, opened: () => void) {
    this.#options = options
    this.#opened = opened
  }

  /** Whether one more job may be asked for now. */
  get open(): boolean {
    return !this.#closed && this.#starts.size + this.#reserved < this.#options.jobs
  }

  /** Another limit from now on. */
  change(options: RateLimitOptions): void {
    this.#options = options
    this.#look()
  }

  /** A job was asked for. */
  reserve(): void {
    this.#reserved += 1
    this.#watch()
  }

  /** It came, and begins. */
  began(): void {
    this.#reserved -= 1
    this.#starts.push(monotonic())
    this.#watch()
  }

  /** They did not come. */
  returned(jobs: number): void {
    this.#reserved -= jobs
  }

  /** No job any more. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /** Where no place is left, forgets the starts that are past, and waits for the next one to be. */
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
