import { connect, type Socket } from 'node:net'
import { request } from '../../../support/raw-gearman.js'
import { clock } from './handler.js'

const ECHO_REQ = 16
/** Milliseconds between two looks, and those that an answer or a look may be late. */
const EVERY = 50
const LATE = 120

/**
 * Asks a gearmand again and again without the package: what is slow here is slow for everybody, by
 * a machine that has too much to do, by a disk, or by a server that stands still.
 */
export class Canary {
  readonly #port: number
  readonly #slow: (from: number, until: number) => void
  readonly #timer: NodeJS.Timeout
  #socket: Socket | undefined
  #asked: number | undefined
  #looked = clock()

  /** @param slow - called with the clock's times of the question and of its answer. */
  constructor(port: number, slow: (from: number, until: number) => void) {
    this.#port = port
    this.#slow = slow
    this.#timer = setInterval(() => this.#look(), EVERY)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#socket?.destroy()
  }

  #look(): void {
    const now = clock()
    if (now - this.#looked > EVERY + LATE) this.#slow(this.#looked, now)
    this.#looked = now
    if (this.#socket === undefined) this.#connect()
    else if (this.#asked === undefined) {
      this.#asked = now
      this.#socket.write(request(ECHO_REQ, 'canary'))
    }
  }

  #connect(): void {
    const socket = connect(this.#port, '127.0.0.1')
    this.#socket = socket
    this.#asked = clock()
    socket.write(request(ECHO_REQ, 'canary'))
    socket.on('data', () => this.#answered())
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#socket = undefined
      this.#answered()
    })
  }

  #answered(): void {
    const now = clock()
    if (this.#asked !== undefined && now - this.#asked > LATE) this.#slow(this.#asked, now)
    this.#asked = undefined
  }
}
