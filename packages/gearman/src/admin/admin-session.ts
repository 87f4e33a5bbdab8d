import { Connection, type ConnectionOwner, type ConnectOptions, Fault } from '@glammp/wire'
import { encodeCommand, type TextCommand, TextDecoder } from '../protocol/text.js'

/** The caller that waits for an answer. */
interface Asker {
  readonly list: boolean
  readonly fenced: true | undefined
  readonly resolve: (lines: string[]) => void
  readonly reject: (fault: Fault) => void
}

/** One connection that speaks gearmand's admin text: one command at a time. */
export class AdminSession implements ConnectionOwner {
  readonly #decoder: TextDecoder = new TextDecoder()
  #connection: Connection | undefined
  #reason: Fault | undefined
  #asker: Asker | undefined
  #used = false

  /** @throws {@link Fault} */
  static async open(options: ConnectOptions): Promise<AdminSession> {
    const session = new AdminSession()
    session.#connection = await Connection.open(options, session)
    return session
  }

  private constructor() {}

  /** Why it is closed, `undefined` while it is open. */
  get reason(): Fault | undefined {
    return this.#reason
  }

  /**
   * True if something was asked already: the server may have closed it while nobody was reading.
   */
  get silent(): boolean {
    return this.#used
  }

  /**
   * The lines of the answer.
   *
   * @throws {@link Fault} if none will come; then the session is closed.
   */
  ask(command: TextCommand): Promise<string[]> {
    return new Promise((resolve, reject) => {
      if (this.#reason !== undefined || this.#connection === undefined) {
        reject(this.#reason)
        return
      }
      this.#used = true
      const { list, fenced } = command
      this.#asker = { list, fenced, resolve, reject }
      this.#connection.output.text(encodeCommand(command))
      this.#connection.flush()
    })
  }

  close(reason: Fault): void {
    this.#connection?.close(reason)
  }

  /** @internal */
  received(chunk: Buffer): void {
    const asker = this.#asker
    if (asker === undefined) throw new Fault('garbled', 'an answer without a request')
    const lines = this.#decoder.push(chunk, asker.list, asker.fenced)
    if (lines === undefined) return
    this.#asker = undefined
    asker.resolve(lines)
  }

  /** @internal */
  closed(reason: Fault): void {
    this.#reason = reason
    this.#asker?.reject(reason)
    this.#asker = undefined
  }
}
