import type { ConnectionOwner, ConnectOptions, Fault } from '@glammp/wire'
import { SocketlessConnection } from '@glammp/wire/fake-connection'
import type { SessionConnection } from './session.js'

/** A connection without a socket, for unit tests: what was written can be read, and what comes is given. */
export class FakeConnection extends SocketlessConnection implements SessionConnection {
  readonly options: ConnectOptions
  readonly encrypted: boolean
  /** The kernel takes no more. */
  congested = false
  unsent = 0
  /** What each write held. */
  readonly writes: string[] = []
  /** It was ended in good order: with so many milliseconds of patience. */
  ended: number | undefined = undefined
  /** Says that the peer has closed a connection that was ended. */
  gone: () => void = () => {}
  readonly #wrote: (connection: FakeConnection, bytes: string) => void
  #taken: (() => void)[] = []

  constructor(
    options: ConnectOptions,
    owner: ConnectionOwner,
    wrote: (connection: FakeConnection, bytes: string) => void,
  ) {
    super(owner)
    this.options = options
    this.encrypted = options.tls !== undefined
    this.#wrote = wrote
  }

  flush(taken?: () => void): number {
    if (this.reason !== undefined || this.output.empty) return 0
    const bytes = this.takeOutput().toString('latin1')
    this.writes.push(bytes)
    if (taken !== undefined) this.#taken.push(taken)
    this.#wrote(this, bytes)
    return bytes.length
  }

  /** The kernel takes what was written. */
  takes(): void {
    for (const taken of this.#taken.splice(0)) taken()
  }

  /** Text comes in, in one piece. */
  receive(text: string): void {
    this.receiveBytes(Buffer.from(text, 'latin1'))
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
