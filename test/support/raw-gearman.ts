import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const ECHO_REQ = 16

/** A packet to a server: arguments with NULs between them. */
export function request(type: number, ...args: readonly string[]): Buffer {
  const body = Buffer.from(args.join('\0'))
  const header = Buffer.from('\0REQ\0\0\0\0\0\0\0\0', 'latin1')
  header.writeUInt32BE(type, 4)
  header.writeUInt32BE(body.length, 8)
  return Buffer.concat([header, body])
}

/** A connection that says what a test wants. */
export class RawPeer {
  readonly #socket: Socket
  #received = Buffer.alloc(0)
  #fences = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk])
    })
  }

  static async connect(port: number): Promise<RawPeer> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new RawPeer(socket)
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  /** Sends a packet; resolves with what came until it was answered. */
  ask(type: number, ...args: readonly string[]): Promise<string[]> {
    this.#socket.write(request(type, ...args))
    return this.heard()
  }

  /** Sends text; resolves with what came until it was answered. */
  async say(text: string): Promise<string> {
    this.#socket.write(text)
    return (await this.#untilFence()).toString()
  }

  /** What has come until now: the number of each packet, and its arguments. */
  async heard(): Promise<string[]> {
    let bytes = await this.#untilFence()
    const packets: string[] = []
    while (bytes.length > 0) {
      const end = 12 + bytes.readUInt32BE(8)
      const body = bytes.toString('utf8', 12, end).replaceAll('\0', '|')
      packets.push(`${bytes.readUInt32BE(4)} ${body}`.trim())
      bytes = bytes.subarray(end)
    }
    return packets
  }

  end(): void {
    this.#socket.destroy()
  }

  async #untilFence(): Promise<Buffer> {
    this.#fences += 1
    const fence = `fence ${this.#fences}`
    this.#socket.write(request(ECHO_REQ, fence))
    while (!this.#received.includes(fence)) await once(this.#socket, 'data')
    const bytes = this.#received.subarray(0, this.#received.indexOf(fence) - 12)
    this.#received = this.#received.subarray(bytes.length + 12 + fence.length)
    return bytes
  }
}
