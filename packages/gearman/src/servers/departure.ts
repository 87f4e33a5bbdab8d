import { Fault, patiently, type Traffic } from '@glammp/wire'
import type { Link } from './link.js'

/** Bytes that kernels on the way may hold, and bytes a millisecond that the slowest line takes. */
const HELD = { most: 4 * 1024 * 1024, rate: 100 }

/** Milliseconds to read what has come. */
const READ = 20

export interface DepartureOptions {
  /** Milliseconds that gearmand may take for an answer. */
  readonly timeout: number
  readonly traffic: Traffic
}

/**
 * How a connection of a worker leaves: once gearmand has all results. It confirms none, but takes
 * packets in their order, so that an answer proves what was sent before its question.
 */
export class Departure {
  readonly #link: Link
  readonly #options: DepartureOptions
  readonly #ask: () => void
  #asked = 0
  #answered = 0
  /** The answers that prove the last result. */
  #needed = 0
  /** What had been sent at the last answer. */
  #proved = 0
  #reason: Fault | undefined
  #left: Promise<void> | undefined
  #resolve: () => void = () => {}

  /** @param ask Sends something that gearmand answers. */
  constructor(link: Link, options: DepartureOptions, ask: () => void) {
    this.#link = link
    this.#options = options
    this.#ask = ask
  }

  /** There is a new connection. */
  began(): void {
    this.#asked = 0
    this.#needed = 0
    this.#answered = 0
    this.#proved = this.#options.traffic.bytesOut
  }

  /** Something that gearmand answers was sent. */
  asked(): void {
    this.#asked += 1
  }

  /** It was answered. */
  answered(): void {
    this.#answered += 1
    this.#proved = this.#options.traffic.bytesOut
    if (this.#reason !== undefined && !this.#owes) this.#link.end(this.#reason)
  }

  /** A result was sent. */
  resulted(): void {
    this.#needed = this.#asked + 1
  }

  /** The connection is gone. */
  lost(): void {
    this.#resolve()
  }

  /** Resolves when it has left, or the connection is lost. */
  leave(reason: Fault): Promise<void> {
    this.#left ??= this.#leave(reason)
    return this.#left
  }

  /** From now on the connection is dropped where an answer is due and nothing moves any more. */
  watch(): void {
    const { connection } = this.#link
    // Of what kernels go on with this process sees nothing.
    const held = Math.min(this.#options.traffic.bytesOut - this.#proved, HELD.most)
    const limit = Math.ceil(this.#options.timeout + held / HELD.rate)
    connection?.onSilence(limit, () => {
      const { heard } = this.#link
      // A process that was busy all the time must read before it judges.
      patiently(READ, () => {
        if (this.#link.heard !== heard || this.#link.connection !== connection) return
        if (this.#asked === this.#answered) return
        this.#link.close(new Fault('timeout', `gearmand said nothing for ${limit} ms`))
      })
    })
  }

  get #owes(): boolean {
    return this.#answered < this.#needed
  }

  async #leave(reason: Fault): Promise<void> {
    if (this.#link.connection === undefined || !this.#owes) {
      this.#link.end(reason)
      return
    }
    this.#reason = reason
    if (this.#asked < this.#needed) this.#ask()
    this.watch()
    await new Promise<void>((resolve) => {
      this.#resolve = resolve
    })
  }
}
