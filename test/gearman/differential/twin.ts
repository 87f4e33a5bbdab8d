import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { request } from '../../support/raw-gearman.js'

const ECHO_REQ = 16
const HEADER = 12

/** One connection, of which all that comes is kept. */
class Line {
  readonly #socket: Socket
  #received = ''
  #fences = 0
  isOpen = true

  constructor(socket: Socket) {
    this.#socket = socket.setNoDelay()
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.isOpen = false
    })
    socket.on('data', (chunk) => {
      this.#received += chunk.toString('latin1')
    })
  }

  async write(pieces: readonly Buffer[]): Promise<void> {
    for (const piece of pieces) {
      if (!this.isOpen) return
      this.#socket.write(piece)
      if (pieces.length > 1) await new Promise(setImmediate)
    }
  }

  /** Sends no more, and waits until the server has done the same. */
  async end(): Promise<void> {
    this.#socket.end()
    while (this.isOpen) await once(this.#socket, 'close')
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** Waits until all that was written is answered, or the connection is closed. */
  async fence(): Promise<void> {
    this.#fences += 1
    const fence = `\x01fence ${this.#fences}\x02`
    if (this.isOpen) this.#socket.write(request(ECHO_REQ, fence))
    const gone = new Promise((resolve) => this.#socket.once('close', resolve))
    let found = this.#received.indexOf(fence)
    while (this.isOpen && found < 0) {
      await Promise.race([gone, new Promise((resolve) => this.#socket.once('data', resolve))])
      found = this.#received.indexOf(fence)
    }
    if (found < 0) return
    this.#received =
      this.#received.slice(0, found - HEADER) + this.#received.slice(found + fence.length)
  }

  /** What has come since the last time. */
  take(): string {
    const received = this.#received
    this.#received = ''
    return received
  }
}

/** One of the two servers, and some connections to it. */
export class Twin {
  readonly #port: number
  readonly #lines = new Map<number, Line>()

  constructor(port: number) {
    this.#port = port
  }

  /** Says something on a connection; resolves with what came on each of them. */
  async say(place: number, pieces: readonly Buffer[], isLast: boolean): Promise<string[]> {
    const line = await this.#line(place)
    await line.write(pieces)
    await (isLast ? line.end() : line.fence())
    // The end of a connection has its effects a little later.
    const fences = line.isOpen ? 1 : 3
    const others = [...this.#lines.values()].filter((each) => each !== line)
    for (let count = 0; count < fences; count += 1) {
      await Promise.all(others.map((other) => other.fence()))
    }
    const said = [...this.#lines]
      .map(([at, each]) => {
        const heard = each.take()
        // Whether an answer leaves before gearmand sees the end of the client is chance.
        return `${at}${each.isOpen ? '' : ' closed'}: ${isLast && each === line ? '' : heard}`
      })
      .sort()
    if (!line.isOpen) this.#lines.delete(place)
    return said
  }

  close(): void {
    for (const line of this.#lines.values()) line.destroy()
    this.#lines.clear()
  }

  async #line(place: number): Promise<Line> {
    const known = this.#lines.get(place)
    if (known !== undefined) return known
    const socket = connect(this.#port, '127.0.0.1')
    await once(socket, 'connect')
    const line = new Line(socket)
    this.#lines.set(place, line)
    await line.fence()
    return line
  }
}
