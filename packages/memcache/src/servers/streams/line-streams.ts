import { type Fault, orAborted, reasonOf } from '@glammp/wire'
import { ClosedError } from '../../errors.js'
import { failure } from '../connection/failure.js'
import type { Session } from '../connection/session.js'
import { LineStream } from './line-stream.js'

/** The connections to one server for commands that are answered by any number of lines. */
export class LineStreams {
  readonly #server: string
  readonly #open: () => Promise<Session>
  readonly #streams = new Set<LineStream>()
  #closed = false

  /**
   * @param server - its name, for errors.
   * @param open - opens a session or throws a Fault.
   */
  constructor(server: string, open: () => Promise<Session>) {
    this.#server = server
    this.#open = open
  }

  /**
   * @param timeout - milliseconds until the server must have accepted it.
   * @param silence - milliseconds that may pass between two lines; `undefined`: any number.
   * @param signal - ends the stream, or the wait for it, at once with its reason.
   * @throws MemcacheError
   */
  async open(
    command: string,
    line: string,
    timeout: number,
    silence: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<LineStream> {
    const server = this.#server
    const closed = (): ClosedError => new ClosedError('the client is closed', { command })
    if (this.#closed) throw closed()
    signal?.throwIfAborted()
    const opening = this.#open()
    let session: Session
    try {
      session = await orAborted(opening, signal)
      signal?.throwIfAborted()
    } catch (error) {
      if (signal?.aborted) {
        // Nobody waits for the connection any more, even if it opens.
        opening.then(
          (late) => late.end(),
          () => {},
        )
        throw reasonOf(signal)
      }
      throw failure(error as Fault, { command, server })
    }
    if (this.#closed) {
      session.end()
      throw closed()
    }
    const stream = new LineStream(session, server, command, line, silence, signal)
    this.#streams.add(stream)
    void stream.ended.then(() => this.#streams.delete(stream))
    try {
      await stream.accepted(timeout)
    } catch (error) {
      stream.close()
      throw error
    }
    return stream
  }

  /** Ends all of them, and opens no more. */
  close(): void {
    this.#closed = true
    for (const stream of this.#streams) stream.close()
  }
}
