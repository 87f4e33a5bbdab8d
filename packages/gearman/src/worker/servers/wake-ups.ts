import { monotonic } from '@glammp/wire'
import { wakeUpPause } from '../../link/retry.js'

/** A wake-up within this many milliseconds of falling asleep may be one for nothing. */
const PROMPT = 20

/**
 * Detects wake-ups for nothing: gearmand 1.1.20 wakes a connection again and again for a job that
 * is not due yet, and has none when asked.
 */
export class WakeUps {
  #sleptAt = 0
  #fruitless = 0

  /** The connection falls asleep. */
  slept(): void {
    this.#sleptAt = monotonic()
  }

  /** It was woken: milliseconds to pause before it asks for jobs, 0 for none. */
  woken(): number {
    const prompt = monotonic() - this.#sleptAt < PROMPT
    this.#fruitless = prompt ? this.#fruitless + 1 : 0
    return wakeUpPause(this.#fruitless)
  }

  /** There was a job, or there is a new connection. */
  reset(): void {
    this.#fruitless = 0
  }
}
