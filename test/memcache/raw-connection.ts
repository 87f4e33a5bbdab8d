import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'

/** A value that is shorter than its line says takes some of these, and no more. */
const PADDING = 'mn\r\n'.repeat(8)

let asked = 0

/** A connection on which bytes are sent as they are. */
export class RawConnection implements AsyncDisposable {
  /** All that came, a character a byte, without the marks of `ask`. */
  answers = ''
  readonly #socket: Socket
  #unsent = ''
  #ended = false
  #wake: () => void = () => undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.setEncoding('latin1')
    socket.on('error', () => undefined)
    socket.on('data', (text: string) => {
      this.answers += text
      this.#wake()
    })
    socket.on('close', () => {
      this.#ended = true
      this.#wake()
    })
  }

  static async open(place: {
    readonly host: string
    readonly port: number
  }): Promise<RawConnection> {
    const socket = connect(place.port, place.host)
    await once(socket, 'connect')
    return new RawConnection(socket)
  }

  /** Sends this later, with what is asked next. */
  add(text: string): void {
    this.#unsent += text
  }

  /**
   * Sends, and gives what was answered to that.
   *
   * @param pauses - the lengths of the first pieces in which it is sent.
   */
  async ask(text: string, pauses: readonly number[] = []): Promise<string> {
    asked += 1
    const before = this.answers.length
    const mark = `EN Omark${asked}\r\n`
    let left = `${this.#unsent}${text}${PADDING}mg no:such:key Omark${asked}\r\n`
    this.#unsent = ''
    for (const length of pauses) {
      if (length >= left.length) break
      this.#socket.write(left.slice(0, length), 'latin1')
      left = left.slice(length)
      await setImmediate()
    }
    this.#socket.write(left, 'latin1')
    while (!this.answers.endsWith(mark) && !this.#ended) {
      await this.#news()
    }
    this.answers = this.answers.replace(mark, '<end>\r\n')
    return this.answers.slice(before)
  }

  /** Sends, and gives the answer that comes, or `closed`. */
  async step(text: string): Promise<string> {
    this.answers = ''
    this.#socket.write(text, 'latin1')
    while (!/(^|\n)(END|MN|STORED|[A-Z_]+ .*)\r\n$/.test(this.answers) && !this.#ended)
      await this.#news()
    return this.#ended ? 'closed' : this.answers
  }

  #news(): Promise<void> {
    return new Promise((wake) => {
      this.#wake = wake
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy()
    if (!this.#ended) await once(this.#socket, 'close')
  }
}
