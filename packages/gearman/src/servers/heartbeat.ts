import { type Connection, clearTimeout, Fault, patiently, setTimeout } from '@glammp/wire'
import type { Link } from './link.js'
import { heldFor } from './upload.js'

export interface HeartbeatOptions {
  /** Milliseconds of silence before the peer is asked whether it still lives; 0: never. */
  readonly interval: number
  /** Milliseconds that it may take to answer. */
  readonly timeout: number
}

/**
 * Finds a peer that is gone without a word (power, network, a frozen process) while nobody waits
 * for an answer: TCP alone tells of it after hours, or when the next write is not acknowledged. It is
 * not silent while bytes go, in either direction.
 */
export class Heartbeat {
  readonly #link: Link
  readonly #options: HeartbeatOptions
  readonly #ask: () => void
  #timer: NodeJS.Timeout | undefined
  #forget: (() => void) | undefined
  #heard = 0
  /** How many bytes had left, of how many that were to. */
  #left = 0
  #written = 0
  /** Bytes that were sent when the peer was heard last. */
  #arrived = 0

  /** @param ask Sends something that the peer answers. */
  constructor(link: Link, options: HeartbeatOptions, ask: () => void) {
    this.#link = link
    this.#options = options
    this.#ask = ask
  }

  /** A connection was opened. */
  start(): void {
    this.#arrived = 0
    if (this.#options.interval > 0) this.#listen()
  }

  /** The connection is gone. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#forget?.()
  }

  #listen(): void {
    this.#note()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      if (this.#alive) {
        this.#listen()
        return
      }
      // Before the question, which would count as something that moves.
      this.#note()
      this.#ask()
      const { connection } = this.#link
      if (connection === undefined) return
      const { timeout } = this.#options
      const time = timeout + heldFor(connection.output.appended - this.#arrived)
      this.#forget = patiently(time, () => this.#judge(connection, time))
    }, this.#options.interval)
    this.#timer.unref()
  }

  #judge(asked: Connection, time: number): void {
    if (this.#link.connection !== asked) return
    if (this.#alive) this.#listen()
    else this.#link.close(new Fault('timeout', `no answer to a heartbeat within ${time} ms`))
  }

  #note(): void {
    const { connection, heard } = this.#link
    if (connection === undefined) return
    if (heard !== this.#heard) this.#arrived = connection.left
    this.#heard = heard
    this.#left = connection.left
    this.#written = connection.output.appended
  }

  /** Whether anything has moved since, or could not; what the kernel took at once says nothing of the peer. */
  get #alive(): boolean {
    const { connection, heard, held } = this.#link
    if (held || heard !== this.#heard) return true
    return Math.min(connection?.left ?? 0, this.#written) > this.#left
  }
}
