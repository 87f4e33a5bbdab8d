import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { nextTick, onRealTicks } from '../clock.js'
import { Fault } from '../fault.js'
import { patiently } from '../time/deadline.js'
import { onAbort } from '../time/on-abort.js'
import type { ServerAddress } from './address.js'
import { Output } from './output.js'
import { bytesTaken, dial, type TlsOptions } from './socket.js'
import { Traffic } from './traffic.js'

export interface ConnectOptions {
  readonly address: ServerAddress
  /** Milliseconds for the whole way: name lookup, TCP, TLS handshake. */
  readonly connectTimeout: number
  /** Present: the connection is encrypted. */
  readonly tls?: TlsOptions | undefined
  /** Counts what goes over the connection. */
  readonly traffic?: Traffic | undefined
  /** Aborts connecting. */
  readonly signal?: AbortSignal | undefined
}

/** The owner of a connection: a decoder with the requests that wait for it. */
export interface ConnectionOwner {
  /**
   * Bytes came in; the buffer is reused once this has returned: see {@link kept}. What it throws
   * closes the connection as garbled.
   */
  received(chunk: Buffer): void
  /** The connection is gone; called exactly once, and last. */
  closed(reason: Fault): void
}

/** Called once the kernel took bytes, or will not. */
type Taken = (error?: Error | null) => void

/** Milliseconds of silence before the kernel asks whether the peer still lives. */
const KEEP_ALIVE_DELAY = 30_000

/**
 * One socket: TCP, TLS or unix. Writes of one tick leave as one write, bytes that come in go to the
 * owner, and it closes once, with one reason. It never reconnects: a lost connection is replaced by
 * another one.
 */
export class Connection {
  /** What is to be sent; appended to by the encoders, sent by {@link flush}. */
  readonly output: Output = new Output()
  /** True over TLS. */
  readonly encrypted: boolean
  readonly #socket: Socket
  readonly #owner: ConnectionOwner
  readonly #traffic: Traffic
  #reason: Fault | undefined
  #flushing = false
  #drain: ((open: boolean) => void) | undefined
  #drained: Promise<boolean> | undefined
  #sent: Promise<boolean> | undefined
  #settleSent: ((sent: boolean) => void) | undefined

  /**
   * Opens a connection.
   *
   * @throws {@link Fault} of kind `connect`, `timeout` or, aborted by the signal, `closed`.
   */
  static open(options: ConnectOptions, owner: ConnectionOwner): Promise<Connection> {
    const { address, connectTimeout, tls, signal } = options
    return new Promise((resolve, reject) => {
      const socket = dial(address, tls, (chunk) => {
        if (connection !== undefined) connection.#received(chunk)
      })
      let connection: Connection | undefined
      let release: (() => void) | undefined
      const settle = (fault?: Fault): void => {
        forget()
        release?.()
        socket.removeAllListeners()
        if (fault === undefined) {
          const traffic = options.traffic ?? new Traffic()
          connection = onRealTicks(() => new Connection(socket, owner, traffic))
          resolve(connection)
        } else {
          socket.on('error', ignore)
          socket.destroy()
          reject(fault)
        }
      }
      const abort = (): void => {
        settle(new Fault('closed', 'connecting was aborted', signal?.reason))
      }
      // The sockets have been read by then: a process that was busy meanwhile may already have a
      // connection.
      const forget = patiently(connectTimeout, () => {
        settle(new Fault('timeout', `no connection within ${connectTimeout} ms`))
      })
      socket.once('error', (cause) => {
        settle(new Fault('connect', `no connection: ${cause.message}`, cause))
      })
      socket.once('close', () => {
        settle(new Fault('connect', 'no connection: closed by the server'))
      })
      socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
        settle()
      })
      if (signal?.aborted) abort()
      else release = signal && onAbort(signal, abort)
    })
  }

  private constructor(socket: Socket, owner: ConnectionOwner, traffic: Traffic) {
    this.encrypted = socket instanceof TLSSocket
    this.#socket = socket
    this.#owner = owner
    this.#traffic = traffic
    traffic.opened += 1
    // With Nagle's algorithm each round of small requests waits for a delayed acknowledgement.
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY)
    // Over TLS, and where the one buffer cannot be used.
    socket.on('data', (chunk: Buffer) => {
      this.#received(chunk)
    })
    socket.on('drain', () => {
      this.#settleDrain(true)
    })
    socket.on('end', () => {
      this.close(new Fault('lost', 'the server closed the connection'))
    })
    socket.on('error', (cause) => {
      this.close(new Fault('lost', `connection lost: ${cause.message}`, cause))
    })
    socket.on('close', () => {
      this.close(new Fault('lost', 'connection lost'))
    })
  }

  /** Why it is closed, or `undefined` while it is open. */
  get reason(): Fault | undefined {
    return this.#reason
  }

  /** How many of the bytes appended to {@link output} the kernel took; over TLS nearly so. */
  get left(): number {
    return bytesTaken(this.#socket) ?? this.output.appended - this.#socket.writableLength
  }

  /** True while the kernel takes no more bytes and what is written piles up in the process. */
  get congested(): boolean {
    return this.#socket.writableNeedDrain
  }

  /** Bytes that were appended to {@link output} and wait in the process. */
  get unsent(): number {
    return this.output.appended - this.left
  }

  /**
   * Resolves when the connection is no longer {@link congested}: to true once the kernel took what
   * had piled up, to false if the connection closed before.
   */
  drained(): Promise<boolean> {
    if (this.#reason !== undefined) return Promise.resolve(false)
    if (!this.congested) return Promise.resolve(true)
    this.#drained ??= new Promise((resolve) => {
      this.#drain = resolve
    })
    return this.#drained
  }

  /**
   * Sends what was appended so far by the end of the tick.
   *
   * @returns true once the kernel took it, false if the connection closed before.
   */
  sent(): Promise<boolean> {
    if (this.#reason !== undefined) return Promise.resolve(false)
    if (this.output.empty) return this.drained()
    this.#sent ??= new Promise((resolve) => {
      this.#settleSent = resolve
    })
    this.flushSoon()
    return this.#sent
  }

  /**
   * Sends all of {@link output} in one write.
   *
   * @param taken - called when the kernel has taken the bytes; not called if there are none.
   * @returns the number of bytes.
   */
  flush(taken?: () => void): number {
    if (this.#reason !== undefined || this.output.empty) return 0
    const told = this.#settleSent === undefined ? taken : this.#andSent(taken)
    return onRealTicks(() => this.#send(told))
  }

  /** Sends all of {@link output} at the end of the tick, with whatever else is appended until then. */
  flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    nextTick(() => {
      this.#flushing = false
      this.flush()
    })
  }

  /** Reads no further until {@link resume}: bytes wait in the kernel, then at the peer. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    onRealTicks(() => this.#socket.resume())
  }

  /** Closes at once; what was not sent yet is dropped. */
  close(reason: Fault): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#socket.removeAllListeners()
    this.#socket.on('error', ignore)
    this.#socket.destroy()
    this.#settleDrain(false)
    this.#settleSent?.(false)
    this.#traffic.closed += 1
    this.#owner.closed(reason)
  }

  /**
   * Sends what is left, then closes.
   *
   * @param patience - milliseconds of silence allowed to the peer, which may never answer the FIN.
   * @param gone - called when the peer has closed it too, and so has read everything, or when it
   *   was dropped.
   * @returns a function that drops it at once.
   */
  end(reason: Fault, patience = 1_000, gone: () => void = ignore): () => void {
    const socket = this.#socket
    const drop = (): void => void socket.destroy()
    if (this.#reason !== undefined) return drop
    this.flush()
    this.#reason = reason
    socket.removeAllListeners()
    socket.on('error', ignore)
    socket.on('close', gone)
    onRealTicks(() => socket.end().resume())
    socket.setTimeout(patience, drop)
    this.#settleDrain(false)
    this.#traffic.closed += 1
    this.#owner.closed(reason)
    return drop
  }

  #settleDrain(open: boolean): void {
    this.#drain?.(open)
    this.#drain = undefined
    this.#drained = undefined
  }

  #received(chunk: Buffer): void {
    if (this.#reason !== undefined) return
    this.#traffic.bytesIn += chunk.length
    try {
      this.#owner.received(chunk)
    } catch (cause) {
      this.close(
        cause instanceof Fault
          ? cause
          : new Fault('garbled', cause instanceof Error ? cause.message : String(cause), cause),
      )
    }
  }

  #send(taken: Taken | undefined): number {
    const parts = this.output.take()
    if (parts.length === 1) return this.#write(parts[0] as string | Uint8Array, taken)
    let bytes = 0
    const last = parts.length - 1
    this.#socket.cork()
    for (const [index, part] of parts.entries()) {
      bytes += this.#write(part, index === last ? taken : undefined)
    }
    this.#socket.uncork()
    return bytes
  }

  /** Callers that wait in {@link sent} are told too. */
  #andSent(taken: (() => void) | undefined): Taken {
    const settle = this.#settleSent
    this.#sent = undefined
    this.#settleSent = undefined
    return (error) => {
      settle?.(!error)
      taken?.()
    }
  }

  #write(part: string | Uint8Array, taken?: Taken): number {
    // Text has one byte a character.
    this.#traffic.bytesOut += part.length
    if (typeof part === 'string') this.#socket.write(part, 'latin1', taken)
    else this.#socket.write(part, taken)
    return part.length
  }
}

// A socket that is given up may still report an error, which nobody is waiting for.
function ignore(): void {}
