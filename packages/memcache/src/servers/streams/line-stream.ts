import { Fault, onAbort, patiently, reasonOf } from '@glammp/wire'
import { StreamRequest } from '../../requests/stream-request.js'
import { failure } from '../connection/failure.js'
import type { Session } from '../connection/session.js'

/** Lines that may wait for the reader before the socket is paused, and when it goes on. */
const FULL = 4_096
const LOW = 1_024

/**
 * The lines that a server sends without an end, on a connection of their own. A reader that is slow
 * slows the server: nothing is dropped here, and no more is kept than {@link FULL}.
 */
export class LineStream implements AsyncIterable<string> {
  readonly #session: Session
  readonly #request: StreamRequest
  readonly #silence: number | undefined
  /** Resolves when the stream is over, for whatever reason. */
  readonly ended: Promise<void>
  #lines: string[] = []
  #next = 0
  #over = false
  #failure: unknown
  #wake: (() => void) | undefined

  /**
   * @param server - its name, for errors.
   * @param silence - milliseconds without a line after which the server counts as hung;
   * `undefined`: it may be silent for any time.
   * @param signal - ends the stream with its reason; not aborted yet.
   */
  constructor(
    session: Session,
    server: string,
    command: string,
    line: string,
    silence: number | undefined,
    signal: AbortSignal | undefined,
  ) {
    this.#session = session
    this.#silence = silence
    this.#request = new StreamRequest(command, line, (text) => this.#take(text))
    this.#request.course.server = server
    if (signal !== undefined) {
      this.#request.course.release = onAbort(signal, () => {
        this.#lines = []
        this.#next = 0
        this.#request.fail(reasonOf(signal))
        this.close()
      })
    }
    this.ended = this.#request.promise.then(
      () => this.#end(undefined),
      (error: unknown) => this.#end(error),
    )
    session.send([this.#request], {
      answered: () => {},
      dropped: () => {},
      goesOn: () => {},
      abandoned: (_, end) => end(() => {}),
      lost: (request, reason) => request.fail(failure(reason, request.details())),
      finished: () => {},
    })
  }

  /** Resolves when the server has accepted the command. @throws MemcacheError */
  async accepted(timeout: number): Promise<void> {
    const forget = patiently(timeout, () => this.#hang())
    try {
      await this.#request.accepted
    } finally {
      forget()
    }
  }

  /** Ends the stream and its connection. */
  close(): void {
    this.#session.close(new Fault('closed', 'the reader has stopped'))
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    try {
      for (;;) {
        if (this.#next < this.#lines.length) {
          yield this.#lines[this.#next++] as string
          this.#forgetRead()
        } else if (this.#failure !== undefined) throw this.#failure
        else if (this.#over) return
        else await this.#more()
      }
    } finally {
      this.close()
    }
  }

  #take(text: string): void {
    this.#lines.push(text)
    if (this.#lines.length - this.#next >= FULL) this.#session.pause()
    this.#wake?.()
  }

  #forgetRead(): void {
    if (this.#next < LOW) return
    this.#lines = this.#lines.slice(this.#next)
    this.#next = 0
    if (this.#lines.length <= LOW) this.#session.resume()
  }

  #end(error: unknown): void {
    this.#over = true
    this.#failure = error
    this.#wake?.()
  }

  #hang(): void {
    const fault = new Fault('timeout', 'the server sends nothing more')
    this.#request.fail(failure(fault, this.#request.details()))
    this.#session.close(fault)
  }

  async #more(): Promise<void> {
    const forget =
      this.#silence === undefined ? undefined : patiently(this.#silence, () => this.#hang())
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#wake = undefined
    forget?.()
  }
}
