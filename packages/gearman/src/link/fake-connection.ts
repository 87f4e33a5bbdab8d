import { type Connection, type ConnectionOwner, type ConnectOptions, Fault } from '@glammp/wire'
import { SocketlessConnection } from '@glammp/wire/fake-connection'
import { LAYOUTS, Magic, PacketType } from '../protocol/packet.js'
import { PacketDecoder } from '../protocol/packet-decoder.js'

type PacketName = keyof typeof PacketType

/** For tests: stands for wire's connection, with a gearmand at its end that the test plays itself. */
export class FakeConnection extends SocketlessConnection {
  /** What gearmand has: each packet by its name, its arguments and its data, with blanks between. */
  readonly packets: string[] = []
  /** False: nothing leaves the process any more. */
  takes = true
  #left = 0
  readonly #decoder: PacketDecoder
  #settle: ((sent: boolean) => void)[] = []

  constructor(owner: ConnectionOwner) {
    super(owner)
    this.#decoder = new PacketDecoder(Magic.REQUEST, 2 ** 20, (type, args, data) => {
      const parts = [LAYOUTS[type]?.name, ...args, ...(LAYOUTS[type]?.data ? [data] : [])]
      this.packets.push(parts.join(' '))
    })
  }

  /** Bytes that left the process. */
  get left(): number {
    return this.#left
  }

  /** The packets since the last call; gone from {@link packets}. */
  take(): string[] {
    return this.packets.splice(0)
  }

  /** gearmand sends a packet. */
  receive(name: PacketName, ...parts: (string | Buffer)[]): void {
    this.receiveBytes(response(name, ...parts))
  }

  /** The network fails. */
  lose(): void {
    this.close(new Fault('lost', 'connection lost'))
  }

  flush(): void {
    if (this.reason !== undefined || !this.takes) return
    const bytes = this.takeOutput()
    this.#left = this.output.appended
    if (bytes.length > 0) this.#decoder.push(bytes)
    for (const settle of this.#settle.splice(0)) settle(true)
  }

  flushSoon(): void {
    process.nextTick(() => this.flush())
  }

  sent(): Promise<boolean> {
    if (this.reason !== undefined) return Promise.resolve(false)
    if (this.output.empty) return Promise.resolve(true)
    this.flushSoon()
    return new Promise((resolve) => this.#settle.push(resolve))
  }

  override close(reason: Fault): void {
    for (const settle of this.#settle.splice(0)) settle(false)
    super.close(reason)
  }

  end(reason: Fault): void {
    this.flush()
    this.close(reason)
  }
}

/** For tests: what `Connection.open` reaches. */
export class FakeServer {
  /** All that were opened, in order. */
  readonly connections: FakeConnection[] = []
  /** Why no connection comes about. */
  refuses: Fault | undefined
  /** How often it was tried. */
  attempts = 0
  /** Called when there is a connection, before its opener knows. */
  onOpen: ((connection: FakeConnection) => void) | undefined
  #opened: (() => void)[] = []

  /** Stands for `Connection.open`. */
  readonly open = (_: ConnectOptions, owner: ConnectionOwner): Promise<Connection> => {
    this.attempts += 1
    if (this.refuses !== undefined) return Promise.reject(this.refuses)
    const connection = new FakeConnection(owner)
    this.connections.push(connection)
    this.onOpen?.(connection)
    for (const opened of this.#opened.splice(0)) opened()
    return Promise.resolve(connection as unknown as Connection)
  }

  /** The last connection that was opened, greeted. */
  async latest(): Promise<FakeConnection> {
    await settled()
    return this.connections.at(-1) as FakeConnection
  }

  /** The connection of this number, from 0; once it is there and was greeted. */
  async connection(index = 0): Promise<FakeConnection> {
    while (this.connections.length <= index) {
      await new Promise<void>((resolve) => this.#opened.push(resolve))
    }
    await settled()
    return this.connections[index] as FakeConnection
  }
}

/** The bytes of a packet from gearmand. */
export function response(name: PacketName, ...parts: (string | Buffer)[]): Buffer {
  const body = Buffer.concat(
    parts.flatMap((part, index) => [
      Buffer.from(index === 0 ? '' : '\0'),
      Buffer.from(part as string, 'latin1'),
    ]),
  )
  const header = Buffer.alloc(12)
  header.write(Magic.RESPONSE, 'latin1')
  header.writeUInt32BE(PacketType[name], 4)
  header.writeUInt32BE(body.length, 8)
  return Buffer.concat([header, body])
}

/** Once all that follows of itself has happened: ticks, promises, sockets that were read. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
