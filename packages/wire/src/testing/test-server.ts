import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { onRealTicks } from '../clock.js'
import { type Faults, Peer, type Reader } from './peer.js'
import { type ServerClock, TestClock } from './test-clock.js'

/** Where a server in the process listens. */
export interface ListenOptions {
  /** TCP port; by default a free one. */
  readonly port?: number | undefined
  /** The IP address or host name to listen at; 127.0.0.1 by default. */
  readonly host?: string | undefined
  /** Path of a unix socket to listen at, in place of host and port. */
  readonly path?: string | undefined
  /** Speaks TLS, with these settings of `node:tls`: `key`, `cert`, `ca`, `requestCert`, ... */
  readonly tls?: TlsOptions | undefined
  /** What the server takes for the time, in milliseconds since 1970; by default the real time. */
  readonly clock?: (() => number) | undefined
}

/** How many requests are remembered, at least, and how many bytes of them at most. */
const REMEMBERED = 10_000
const REMEMBERED_BYTES = 64 << 20

/** A server inside this process: real sockets, and faults on request. */
export abstract class TestServer<Request> implements AsyncDisposable {
  protected readonly alarms: TestClock
  readonly #options: ListenOptions
  readonly #faults: { -readonly [Name in keyof Faults]: Faults[Name] } = { frozen: false, delay: 0 }
  readonly #sockets = new Set<Socket>()
  readonly #peers = new Set<Peer>()
  /** Accepted while the server is frozen. */
  #waiting: Socket[] = []
  #requests: Request[] = []
  #sizes: number[] = []
  #bytes = 0
  #listener: Server | undefined
  readonly #tls: Server | undefined
  #place: { readonly host: string; readonly port: number } | undefined
  #closed = false

  protected constructor(options: ListenOptions) {
    this.#options = options
    this.alarms = new TestClock(options.clock)
    if (options.tls !== undefined) this.#tls = this.#secure(options.tls)
  }

  /** Takes in a connection: what reads it. */
  protected abstract connected(peer: Peer): Reader

  /** `host:port`, `[host]:port` for IPv6, or `unix:/path`: what clients take as a server. */
  get address(): string {
    const { path } = this.#options
    if (path !== undefined) return `unix:${path}`
    const { host, port } = this
    return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  }

  /** Where it listens; empty for a unix socket. */
  get host(): string {
    return this.#place?.host ?? ''
  }

  /** TCP port; 0 for a unix socket. */
  get port(): number {
    return this.#place?.port ?? 0
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#sockets.size
  }

  /** The time by which this server goes. */
  get clock(): ServerClock {
    return this.alarms
  }

  /**
   * What clients asked, the oldest first: the last 10,000 of all connections, or some more. They are fewer
   * where they have more than 64 MiB.
   */
  get requests(): readonly Request[] {
    return this.#requests
  }

  /**
   * From now on it does nothing, as a process that got SIGSTOP: connections stay open, new ones are
   * accepted, and no answer comes. What was answered before is under way.
   */
  freeze(): void {
    if (this.#faults.frozen) return
    this.#faults.frozen = true
    this.alarms.stop()
    for (const peer of this.#peers) peer.pause()
  }

  /** Ends `freeze`: what came meanwhile is read and answered. */
  thaw(): void {
    if (!this.#faults.frozen || this.#closed) return
    this.#faults.frozen = false
    const waiting = this.#waiting
    this.#waiting = []
    for (const socket of waiting) this.#adopt(socket)
    for (const peer of this.#peers) peer.resume()
    this.alarms.start()
  }

  /** From now on new connections are refused; open ones stay (see `dropConnections`). */
  refuse(): void {
    this.#listener?.close()
    this.#listener = undefined
  }

  /**
   * Ends `refuse`: listens again at the same address.
   *
   * @throws an error of Node, such as `EADDRINUSE` if another program has taken the port meanwhile.
   */
  async accept(): Promise<void> {
    if (this.#closed) throw new Error('this server is closed')
    if (this.#listener !== undefined) return
    const { host = '127.0.0.1', port = 0, path } = this.#options
    // A frozen server does not begin to speak, and TLS begins with speaking.
    const listener = createServer({ pauseOnConnect: true }, (socket) => this.#take(socket))
    this.#listener = listener
    const place = path === undefined ? { host, port: this.#place?.port ?? port } : { path }
    try {
      const listening = once(listener, 'listening')
      onRealTicks(() => listener.listen({ ...place, exclusive: true }))
      await listening
    } catch (error) {
      if (this.#listener === listener) this.#listener = undefined
      throw error
    }
    listener.on('error', () => undefined)
    if (path !== undefined) return
    const { address, port: given } = listener.address() as AddressInfo
    this.#place = { host: address, port: given }
  }

  /** Ends all open connections, as the end of a server's process does. */
  dropConnections(): void {
    this.#waiting = []
    for (const socket of this.#sockets) socket.destroy()
  }

  /**
   * From now on every answer leaves so much later; 0 ends that.
   *
   * @param milliseconds - zero or more.
   * @throws TypeError for any other number.
   */
  delay(milliseconds: number): void {
    if (!(milliseconds >= 0 && milliseconds < 2 ** 31)) {
      throw new TypeError(`milliseconds are a number from 0, not ${milliseconds}`)
    }
    this.#faults.delay = milliseconds
  }

  /** Ends all connections and gives the address back; resolves when nothing is left. */
  async close(): Promise<void> {
    this.#closed = true
    const listener = this.#listener
    const ended = listener?.listening ? once(listener, 'close') : undefined
    this.refuse()
    this.alarms.close()
    this.dropConnections()
    await Promise.all([
      ended,
      ...[...this.#sockets].map((socket) => new Promise((gone) => socket.once('close', gone))),
    ])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Remembers a request, for `requests`, and about how many bytes it has. */
  protected remember(request: Request, bytes: number): void {
    if (this.#requests.length >= 2 * REMEMBERED) this.#forget(REMEMBERED)
    while (this.#bytes + bytes > REMEMBERED_BYTES && this.#requests.length > 0) {
      this.#forget(Math.ceil(this.#requests.length / 2))
    }
    this.#requests.push(request)
    this.#sizes.push(bytes)
    this.#bytes += bytes
  }

  /** The array that a test holds stays as it is. */
  #forget(count: number): void {
    this.#requests = this.#requests.slice(count)
    this.#sizes = this.#sizes.slice(count)
    this.#bytes = this.#sizes.reduce((sum, size) => sum + size, 0)
  }

  #take(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => this.#sockets.delete(socket))
    if (this.#closed) socket.destroy()
    else if (this.#faults.frozen) this.#waiting.push(socket)
    else this.#adopt(socket)
  }

  #adopt(socket: Socket): void {
    // The client speaks first in TLS too; it begins when it is known.
    if (this.#tls === undefined) this.#begin(socket)
    else this.#tls.emit('connection', socket)
  }

  #begin(socket: Socket): void {
    const peer = new Peer(socket, this.#faults)
    this.#peers.add(peer)
    socket.on('close', () => this.#peers.delete(peer))
    peer.open(this.connected(peer))
    if (this.#faults.frozen) peer.pause()
  }

  /** Does the handshakes, and listens nowhere. */
  #secure(options: TlsOptions): Server {
    return createTlsServer(options, (socket) => this.#begin(socket)).on(
      'tlsClientError',
      // A client that fails the handshake would else be left alone.
      (_error, socket) => socket.destroy(),
    )
  }
}
