import {
  Connection,
  type ConnectionOwner,
  type Fault,
  type Output,
  type ServerAddress,
  type TlsOptions,
  type Traffic,
  tlsFor,
} from '@glammp/wire'
import { Magic, type PacketType } from '../protocol/packet.js'
import { PacketDecoder } from '../protocol/packet-decoder.js'

/** One of the two roles that a connection to gearmand can have. */
export interface LinkOwner {
  /** Appends the first packets of every new connection. */
  greet(output: Output): void
  /** A packet came in. What it throws closes the connection as garbled. */
  packet(type: PacketType, args: readonly string[], data: Buffer): void
  /** An open connection is lost. */
  lost(reason: Fault): void
}

export interface LinkOptions {
  readonly address: ServerAddress
  /** Milliseconds. */
  readonly connectTimeout: number
  readonly tls: TlsOptions | undefined
  /** Counts what goes over the connections. */
  readonly traffic: Traffic
}

/**
 * The longest packet taken from a server: a greater length is invalid, not a result. Memory is taken
 * as its bytes arrive.
 */
const MAX_PACKET = 2 ** 31

/** Bytes of a large packet that count as progress. */
const SLOWEST = 1_024

/**
 * One gearmand and the connection to it, which is replaced as often as needed: each begins with the
 * owner's greeting.
 */
export class Link implements ConnectionOwner {
  readonly address: ServerAddress
  readonly #options: LinkOptions
  readonly #owner: LinkOwner
  #decoder: PacketDecoder | undefined
  #connection: Connection | undefined
  #opening: Promise<Connection> | undefined
  #abort: AbortController | undefined
  #heard = 0
  #moves = 0
  #bytesSince = 0
  /** Called when bytes came in and the packets in them were dealt with. */
  onReceived: () => void = () => {}
  #held = false

  constructor(options: LinkOptions, owner: LinkOwner) {
    this.address = options.address
    this.#options = options
    this.#owner = owner
  }

  /** The open connection, if there is one. */
  get connection(): Connection | undefined {
    return this.#connection
  }

  /** Counts what came in, to distinguish silence from slowness. */
  get heard(): number {
    return this.#heard
  }

  /**
   * Counts what came of large packets: beginnings and kilobytes. A server that drips bytes would be
   * waited for for days.
   */
  get moves(): number {
    return this.#moves
  }

  /** True in the middle of a packet. */
  get receiving(): boolean {
    return this.#decoder?.begun === true
  }

  /** True while nothing is read: silence has its reason on this side then. */
  get held(): boolean {
    return this.#held
  }

  /** Reads nothing from the connection until {@link release}. */
  hold(): void {
    this.#held = true
    this.#connection?.pause()
  }

  release(): void {
    if (!this.#held) return
    this.#held = false
    this.#heard += 1
    this.#connection?.resume()
  }

  /**
   * Connects, unless that is already under way.
   *
   * @throws {@link Fault}
   */
  open(): Promise<Connection> {
    if (this.#connection !== undefined) return Promise.resolve(this.#connection)
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  /** Aborts connecting, and drops an open connection with what it had still to send. */
  close(reason: Fault): void {
    this.#abort?.abort(reason)
    this.#connection?.close(reason)
  }

  /** Aborts connecting; an open connection is closed after sending what it had still to send. */
  end(reason: Fault): void {
    this.#abort?.abort(reason)
    this.#connection?.end(reason)
  }

  async #open(): Promise<Connection> {
    const { address, connectTimeout, tls, traffic } = this.#options
    const abort = new AbortController()
    this.#abort = abort
    const connection = await Connection.open(
      { address, connectTimeout, tls: tlsFor(address, tls), traffic, signal: abort.signal },
      this,
    )
    // Closed between the handshake and this continuation.
    if (abort.signal.aborted) {
      const reason: Fault = abort.signal.reason
      connection.close(reason)
      throw reason
    }
    // Lost since: nothing would tell of it any more.
    if (connection.reason !== undefined) throw connection.reason
    this.#decoder = new PacketDecoder(Magic.RESPONSE, MAX_PACKET, (type, args, data) => {
      // The owner may have closed the connection over a packet before this one.
      if (this.#connection === connection) this.#owner.packet(type, args, data)
    })
    this.#connection = connection
    this.#owner.greet(connection.output)
    connection.flushSoon()
    return connection
  }

  /** @internal */
  received(chunk: Buffer): void {
    this.#heard += 1
    const wasReceiving = this.receiving
    this.#decoder?.push(chunk)
    this.#bytesSince += chunk.length
    if (this.#bytesSince >= SLOWEST || (!wasReceiving && this.receiving)) {
      this.#moves += 1
      this.#bytesSince = 0
    }
    this.onReceived()
  }

  /** @internal */
  closed(reason: Fault): void {
    const wasOpen = this.#connection !== undefined
    this.#connection = undefined
    this.#decoder = undefined
    this.#held = false
    if (wasOpen) this.#owner.lost(reason)
  }
}
