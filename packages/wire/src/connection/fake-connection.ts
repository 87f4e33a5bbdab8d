import { Fault } from '../fault.js'
import type { ConnectionOwner } from './connection.js'
import { Output } from './output.js'

/**
 * For unit tests of the packages: a connection without a socket, which closes once, with one
 * reason, as a real one does. What comes in is given; who extends it sees what leaves.
 */
export abstract class SocketlessConnection {
  readonly output: Output = new Output()
  reason: Fault | undefined = undefined
  paused = false
  readonly #owner: ConnectionOwner

  constructor(owner: ConnectionOwner) {
    this.#owner = owner
  }

  /** Bytes come in, in one piece; what their owner throws closes the connection. */
  receiveBytes(bytes: Buffer): void {
    if (this.reason !== undefined) return
    try {
      this.#owner.received(bytes)
    } catch (cause) {
      this.close(cause instanceof Fault ? cause : new Fault('garbled', messageOf(cause), cause))
    }
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  close(reason: Fault): void {
    if (this.reason !== undefined) return
    this.reason = reason
    this.#owner.closed(reason)
  }

  /** What was appended to {@link output} leaves it. */
  protected takeOutput(): Buffer {
    const parts = this.output.take().map((part) => Buffer.from(part as string, 'latin1'))
    return Buffer.concat(parts)
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
