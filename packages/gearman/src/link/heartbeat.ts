import { clearTimeout, Fault, patiently, setTimeout } from '@glammp/wire'
import type { Link } from './link.js'
import { heldFor } from './upload.js'

export interface HeartbeatOptions {
  /** Milliseconds of silence before the peer is asked whether it still lives; 0: never. */
  readonly interval: number
  /** Milliseconds that it may take to answer. */
  readonly timeout: number
  /** How many bytes of the connection the peer is known to have received. */
  readonly arrived: () => number
}

/**
 * Detects a peer that disappeared silently (power, network, a frozen process): TCP alone reports it
 * after hours, or when the next write is not acknowledged. The peer is asked after a silence; while
 * bytes move in either direction, there is no silence.
 */
export class Heartbeat {
  readonly #link: Link
  readonly #options: HeartbeatOptions
  readonly #ask: () => void
  #timer: NodeJS.Timeout | undefined
  #forget: (() => void) | undefined
  /** Whether the answer that is waited for is still to come. */
  #due: (() => boolean) | undefined
  #heard = 0
  /** How many bytes had left, and how many there were to send. */
  #left = 0
  #written = 0

  /** @param ask - sends something that the peer answers. */
  constructor(link: Link, options: HeartbeatOptions, ask: () => void) {
    this.#link = link
    this.#options = options
    this.#ask = ask
    link.onReceived = () => this.#received()
  }

  /** A connection was opened. */
  start(): void {
    this.#listen()
  }

  /** The connection is gone. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#forget?.()
    this.#due = undefined
  }

  /** Closes the connection if nothing moves any more while an answer is due. */
  expect(due: () => boolean): void {
    const { connection } = this.#link
    if (connection === undefined) return
    this.stop()
    this.#due = due
    // What the kernel takes at once says nothing about the peer.
    connection.flush()
    this.#note()
    const time =
      this.#options.timeout + heldFor(connection.output.appended - this.#options.arrived())
    this.#forget = patiently(time, () => {
      if (this.#link.connection !== connection) return
      if (!due()) this.#listen()
      else if (this.#alive) this.expect(due)
      else this.#link.close(new Fault('timeout', `no answer within ${time} ms`))
    })
  }

  // The wait ends with the answer: for as long as one is armed, a timer ticks.
  #received(): void {
    if (this.#due !== undefined && !this.#due()) this.#listen()
  }

  #listen(): void {
    this.stop()
    if (this.#options.interval === 0) return
    this.#note()
    this.#timer = setTimeout(() => {
      if (this.#alive) {
        this.#listen()
        return
      }
      const { heard } = this.#link
      this.#ask()
      this.expect(() => this.#link.heard === heard)
    }, this.#options.interval)
    this.#timer.unref()
  }

  #note(): void {
    const { connection, heard } = this.#link
    if (connection === undefined) return
    this.#heard = heard
    this.#left = connection.left
    this.#written = connection.output.appended
  }

  /** Whether anything has moved since, or could not move; what was written since does not count. */
  get #alive(): boolean {
    const { connection, heard, held } = this.#link
    if (held || heard !== this.#heard) return true
    return Math.min(connection?.left ?? 0, this.#written) > this.#left
  }
}
