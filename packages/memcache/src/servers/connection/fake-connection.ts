import { type ConnectionOwner, type ConnectOptions, Fault, latin1, Output } from '@glammp/wire'
import type { SessionConnection } from './session.js'

/** A connection without a socket, for unit tests: what was written can be read, and what comes is given. */
export class FakeConnection implements SessionConnection {
  readonly output: Output = new Output()
  readonly options: ConnectOptions
  readonly encrypted: boolean
  reason: Fault | undefined = undefined
  /** The kernel takes no more. */
  congested = false
  unsent = 0
  paused = false
  /** What each write held. */
  readonly writes: string[] = []
  /** It was ended in good order: with so many milliseconds of patience. */
  ended: number | undefined = undefined
  /** Says that the peer has closed a connection that was ended. */
  gone: () => void = () => {}
  readonly #owner: ConnectionOwner
  readonly #wrote: (connection: FakeConnection, bytes: string) => void
  #taken: (() => void)[] = []

  constructor(
    options: ConnectOptions,
    owner: ConnectionOwner,
    wrote: (connection: FakeConnection, bytes: string) => void,
  ) {
    this.options = options
    this.encrypted = options.tls !== undefined
    this.#owner = owner
    this.#wrote = wrote
  }

  flush(taken?: () => void): number {
    if (this.reason !== undefined || this.output.empty) return 0
    const bytes = this.output
      .take()
      .map((part) => (typeof part === 'string' ? part : latin1(part)))
      .join('')
    this.writes.push(bytes)
    if (taken !== undefined) this.#taken.push(taken)
    this.#wrote(this, bytes)
    return bytes.length
  }

  /** The kernel takes what was written. */
  takes(): void {
    for (const taken of this.#taken.splice(0)) taken()
  }

  /** Bytes come in, in one piece; as on a real one what their owner throws closes it. */
  receive(text: string): void {
    if (this.reason !== undefined) return
    try {
      this.#owner.received(Buffer.from(text, 'latin1'))
    } catch (cause) {
      this.close(cause instanceof Fault ? cause : new Fault('garbled', String(cause), cause))
    }
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  close(reason: Fault): void {
    if (this.reason !== undefined) return
    this.reason = reason
    this.#owner.closed(reason)
  }

  end(reason: Fault, patience = 0, gone: () => void = () => {}): () => void {
    if (this.reason !== undefined) return gone
    this.flush()
    this.ended = patience
    this.gone = gone
    this.close(reason)
    return gone
  }
}

/** What opens {@link FakeConnection}s, and the server behind them. */
export class FakeNetwork {
  /** All that were opened, in order. */
  readonly connections: FakeConnection[] = []
  /** Why none is opened; `undefined`: it is. */
  refusal: Fault | undefined = undefined
  /** What each command line is answered, at once after the tick; `undefined`: nothing. */
  answer: (line: string, connection: FakeConnection) => string | undefined = () => undefined

  readonly connect = async (
    options: ConnectOptions,
    owner: ConnectionOwner,
  ): Promise<FakeConnection> => {
    if (this.refusal !== undefined) throw this.refusal
    const connection = new FakeConnection(options, owner, (own, bytes) => this.#wrote(own, bytes))
    this.connections.push(connection)
    return connection
  }

  /** Everything that was written, one text a write. */
  get writes(): readonly string[] {
    return this.connections.flatMap(({ writes }) => writes)
  }

  #wrote(connection: FakeConnection, bytes: string): void {
    const answers = bytes
      .split('\r\n')
      .slice(0, -1)
      .map((line) => this.answer(line, connection) ?? '')
      .join('')
    if (answers !== '') queueMicrotask(() => connection.receive(answers))
  }
}
