import type { Socket } from 'node:net'
import { clearTimeout, monotonic, onRealTicks, queueMicrotask, setTimeout } from '../clock.js'
import { latin1 } from '../values/byte-text.js'

/** What a server does with the bytes of one connection. */
export interface Reader {
  /** Bytes in the order in which they came; the reader may keep them. */
  read(chunk: Buffer): void
  /** The connection is gone. Called once, and nothing after it. */
  gone(): void
}

/** The faults that the server was asked for. */
export interface Faults {
  readonly frozen: boolean
  /** Milliseconds between an answer and its leaving. */
  readonly delay: number
}

/** Bytes that wait, or `undefined` for the end of the connection. */
interface Held {
  readonly due: number
  readonly bytes: readonly (string | Uint8Array)[] | undefined
}

/** A larger value leaves as it is, without a copy. */
const SMALL = 2_048

/** One accepted connection. */
export class Peer {
  readonly #socket: Socket
  readonly #faults: Faults
  #reader: Reader | undefined
  #bytes: (string | Uint8Array)[] = []
  #text = ''
  #scheduled = false
  #held: Held[] = []
  /** What gives the rest of a long answer. */
  #source: Iterator<string> | undefined
  #pulling = false
  #timer: NodeJS.Timeout | undefined
  #full = false
  #gone = false

  constructor(socket: Socket, faults: Faults) {
    this.#socket = socket
    this.#faults = faults
    socket.setNoDelay(true)
    // What went wrong is no business of a server: the connection is gone, which `close` says too.
    socket.on('error', () => undefined)
    socket.on('close', () => this.#leave())
    socket.on('drain', () => {
      this.#full = false
      this.resume()
    })
  }

  /** The IP address of the other side; empty if it is gone, and for a unix socket. */
  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? ''
  }

  /** The port of the other side; 0 if it is gone, and for a unix socket. */
  get remotePort(): number {
    return this.#socket.remotePort ?? 0
  }

  /** Begins to read. */
  open(reader: Reader): void {
    this.#reader = reader
    this.#socket.on('data', (chunk: Buffer) => reader.read(chunk))
    this.resume()
  }

  /** Writes behind what was written before; a character of text is a byte. */
  write(bytes: string | Uint8Array): void {
    if (typeof bytes === 'string') this.#text += bytes
    else if (bytes.length < SMALL) this.#text += latin1(bytes)
    else {
      this.#takeText()
      this.#bytes.push(bytes)
    }
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => this.#flush())
  }

  /** Bytes that were written and wait here, since the other side does not read them. */
  get backlog(): number {
    let bytes = this.#text.length + this.#socket.writableLength
    for (const part of this.#bytes) bytes += part.length
    for (const held of this.#held) for (const part of held.bytes ?? []) bytes += part.length
    return bytes
  }

  /**
   * Writes a long answer as the other side takes it. Until all of it is written the reader should run
   * nothing else.
   */
  writeFrom(pieces: Iterator<string>): void {
    this.#source = pieces
    this.#pull()
  }

  /** Ends the connection behind what was written, and reads no more. */
  end(): void {
    this.#flush()
    this.#reader = undefined
    this.#socket.removeAllListeners('data').resume()
    this.#hold(undefined)
  }

  /** Ends the connection now. */
  destroy(): void {
    this.#socket.destroy()
  }

  /** To be called when a fault begins. */
  pause(): void {
    this.#socket.pause()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** To be called when a fault ends: goes on where nothing else is in the way. */
  resume(): void {
    if (this.#faults.frozen || this.#gone) return
    if (!this.#full) this.#socket.resume()
    this.#release()
    this.#pull()
  }

  #pull(): void {
    if (this.#pulling) return
    this.#pulling = true
    while (this.#source !== undefined && !this.#full && this.#held.length === 0 && !this.#gone) {
      const source = this.#source
      const piece = source.next()
      if (piece.done !== true) {
        this.write(piece.value)
        this.#flush()
      } else if (source === this.#source) {
        this.#source = undefined
      }
    }
    this.#pulling = false
  }

  #takeText(): void {
    if (this.#text === '') return
    this.#bytes.push(this.#text)
    this.#text = ''
  }

  #flush(): void {
    this.#scheduled = false
    this.#takeText()
    if (this.#bytes.length === 0) return
    const bytes = this.#bytes
    this.#bytes = []
    this.#hold(bytes)
  }

  #hold(bytes: Held['bytes']): void {
    this.#held.push({ due: this.#faults.delay === 0 ? 0 : monotonic() + this.#faults.delay, bytes })
    if (!this.#faults.frozen && this.#timer === undefined) this.#release()
  }

  /** Sends all whose time has come. */
  #release(): void {
    this.#timer = undefined
    const now = monotonic()
    for (;;) {
      const [next] = this.#held
      if (next === undefined || this.#gone) return
      if (next.due > now) {
        this.#timer = setTimeout(() => this.#release(), Math.ceil(next.due - now))
        return
      }
      this.#held.shift()
      onRealTicks(() => this.#send(next.bytes))
      if (this.#held.length === 0) this.#pull()
    }
  }

  #send(bytes: Held['bytes']): void {
    const socket = this.#socket
    if (bytes === undefined) {
      socket.end()
      return
    }
    let taken = true
    socket.cork()
    for (const part of bytes) {
      taken = typeof part === 'string' ? socket.write(part, 'latin1') : socket.write(part)
    }
    socket.uncork()
    // Who does not read its answers is not read either, or they would pile up here.
    if (taken || socket.writableLength === 0) return
    this.#full = true
    socket.pause()
  }

  #leave(): void {
    this.#gone = true
    clearTimeout(this.#timer)
    this.#held = []
    this.#source = undefined
    this.#reader?.gone()
    this.#reader = undefined
  }
}
