import { type Fault, PendingQueue } from '@glammp/wire'
import type { Heartbeat } from '../../link/heartbeat.js'
import type { Link } from '../../link/link.js'

/**
 * How a connection of a worker ends: once gearmand has all results. gearmand does not confirm
 * results, but handles packets in order, so an answer proves that it has what was sent before its
 * query.
 */
export class Departure {
  readonly #link: Link
  readonly #heartbeat: Heartbeat
  readonly #ask: () => void
  /** Queries without an answer: how many bytes the connection sends up to the end of each. */
  readonly #asked: PendingQueue<number> = new PendingQueue()
  #lastAsked = 0
  #arrived = 0
  /** The bytes up to the end of the last result. */
  #needed = 0
  #reason: Fault | undefined
  #left: Promise<void> | undefined
  #resolve: () => void = () => {}

  /** @param ask - sends something that gearmand answers. */
  constructor(link: Link, heartbeat: Heartbeat, ask: () => void) {
    this.#link = link
    this.#heartbeat = heartbeat
    this.#ask = ask
  }

  /** How many bytes of the connection gearmand has received, as its answers prove. */
  get arrived(): number {
    return this.#arrived
  }

  /** There is a new connection. */
  began(): void {
    this.#asked.drain()
    this.#lastAsked = 0
    this.#arrived = 0
    this.#needed = 0
  }

  /** Something that gearmand answers was written. */
  asked(): void {
    this.#lastAsked = this.#written
    this.#asked.push(this.#lastAsked)
  }

  /** It was answered. */
  answered(): void {
    this.#arrived = this.#asked.shift() ?? this.#arrived
    if (this.#reason !== undefined && !this.#owes) this.#link.end(this.#reason)
  }

  /** A result was written. */
  resulted(): void {
    this.#needed = this.#written
  }

  /** The connection is lost. */
  lost(): void {
    this.#resolve()
  }

  /** Resolves when it has ended, or the connection is lost. */
  leave(reason: Fault): Promise<void> {
    this.#left ??= this.#leave(reason)
    return this.#left
  }

  /** From now on the connection is dropped if an answer is due and nothing moves any more. */
  watch(): void {
    this.#heartbeat.expect(() => this.#asked.size > 0)
  }

  get #owes(): boolean {
    return this.#arrived < this.#needed
  }

  get #written(): number {
    return this.#link.connection?.output.appended ?? 0
  }

  async #leave(reason: Fault): Promise<void> {
    if (this.#link.connection === undefined || !this.#owes) {
      this.#link.end(reason)
      return
    }
    this.#reason = reason
    if (this.#lastAsked < this.#needed) this.#ask()
    this.watch()
    await new Promise<void>((resolve) => {
      this.#resolve = resolve
    })
  }
}
