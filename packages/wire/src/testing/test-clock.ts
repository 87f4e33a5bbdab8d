import { clearTimeout, monotonic, setTimeout } from '../clock.js'

/** The time of a server, which a test can move. */
export interface ServerClock {
  /** Milliseconds since 1970. */
  now(): number
  /**
   * Moves the time forward, for this server alone. What is due by then happens before this returns.
   *
   * @param seconds - zero or more; parts of a second count.
   * @throws TypeError for any other number.
   */
  advance(seconds: number): void
}

interface Alarm {
  readonly due: number
  readonly ring: () => void
}

/** A timer that waits longer than this would ring at once. */
const LONGEST_WAIT = 2 ** 31 - 1

/** The real time, whatever timers a test has faked. */
const realTime = (): number => performanceOrigin + monotonic()
const performanceOrigin = Date.now() - monotonic()

/** A clock and its alarms. */
export class TestClock implements ServerClock {
  readonly #source: () => number
  #advanced = 0
  /** By the time they are due. */
  #alarms: Alarm[] = []
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(source: () => number = realTime) {
    this.#source = source
  }

  now(): number {
    return this.#source() + this.#advanced
  }

  advance(seconds: number): void {
    if (!(seconds >= 0 && seconds < Number.POSITIVE_INFINITY)) {
      throw new TypeError(`seconds are a number from 0, not ${seconds}`)
    }
    this.#advanced += seconds * 1_000
    this.#ring()
  }

  /** Calls back when so many milliseconds have gone by; what it returns takes that back. */
  after(milliseconds: number, ring: () => void): () => void {
    const alarm = { due: this.now() + milliseconds, ring }
    const later = this.#alarms.findIndex(({ due }) => due > alarm.due)
    this.#alarms.splice(later < 0 ? this.#alarms.length : later, 0, alarm)
    this.#wait()
    return () => {
      const index = this.#alarms.indexOf(alarm)
      if (index >= 0) this.#alarms.splice(index, 1)
    }
  }

  /** The time goes on, and alarms wait for `start`. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  start(): void {
    this.#stopped = false
    this.#ring()
  }

  /** No alarm rings any more. */
  close(): void {
    this.stop()
    this.#alarms = []
  }

  #ring(): void {
    while (!this.#stopped) {
      const [next] = this.#alarms
      if (next === undefined || next.due > this.now()) break
      this.#alarms.shift()
      next.ring()
    }
    this.#wait()
  }

  #wait(): void {
    clearTimeout(this.#timer)
    const [next] = this.#alarms
    if (next === undefined || this.#stopped) return
    // A caller's clock may stand still: then it is asked again and again, though not without a pause.
    const wait = Math.min(Math.max(1, next.due - this.now()), LONGEST_WAIT)
    this.#timer = setTimeout(() => this.#ring(), wait)
    this.#timer.unref()
  }
}
