import { type Connection, clearTimeout, Fault, patiently, setTimeout } from '@glammp/wire'
import type { Link } from './link.js'

export interface HeartbeatOptions {
  /** Milliseconds of silence before the peer is asked whether it still lives; 0: never. */
  readonly interval: number
  /** Milliseconds that it may take to answer. */
  readonly timeout: number
}

/**
 * Finds a peer that is gone without a word (power, network, a frozen process) while nobody waits
 * for an answer: TCP alone tells of it after hours, or when the next write is not acknowledged.
 */
export class Heartbeat {
  readonly #link: Link
  readonly #options: HeartbeatOptions
  readonly #ask: () => void
  #timer: NodeJS.Timeout | undefined
  #forget: (() => void) | undefined
  #heard = 0

  /** @param ask Sends something that the peer answers. */
  constructor(link: Link, options: HeartbeatOptions, ask: () => void) {
    this.#link = link
    this.#options = options
    this.#ask = ask
  }

  /** A connection was opened. */
  start(): void {
    if (this.#options.interval > 0) this.#listen()
  }

  /** The connection is gone. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#forget?.()
  }

  #listen(): void {
    this.#heard = this.#link.heard
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      if (this.#link.held || this.#link.heard !== this.#heard) {
        this.#listen()
        return
      }
      this.#ask()
      const connection = this.#link.connection
      this.#forget = patiently(this.#options.timeout, () => this.#judge(connection))
    }, this.#options.interval)
    this.#timer.unref()
  }

  #judge(asked: Connection | undefined): void {
    if (asked === undefined || this.#link.connection !== asked) return
    if (this.#link.held || this.#link.heard !== this.#heard) {
      this.#listen()
      return
    }
    const { timeout } = this.#options
    this.#link.close(new Fault('timeout', `no answer to a heartbeat within ${timeout} ms`))
  }
}
