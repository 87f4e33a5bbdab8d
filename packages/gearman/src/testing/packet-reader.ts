import { kept } from '@glammp/wire'
import { LAYOUTS, type Layout, type Packet } from './packets.js'

/** What takes in packets and lines. */
export interface Intake {
  packet(packet: Packet): void
  /** A line of the text protocol, a character for each byte, its LF included. */
  line(line: string): void
  /** What came is neither, and nothing behind it is read. */
  broken(): void
}

/** A packet of which not all has come. */
interface Unfinished {
  readonly type: number
  readonly layout: Layout
  readonly isRequest: boolean
  readonly args: string[]
  /** Bytes to come. Below 0 if an argument went beyond the length that the header says. */
  left: number
}

const HEADER = 12
/** gearmand's buffer: a header, an argument or a line has to fit in. */
const BUFFER = 8_192
const EMPTY = Buffer.alloc(0)

/** Cuts the bytes of a connection into packets and lines. */
export class PacketReader {
  readonly #intake: Intake
  #bytes: Buffer = EMPTY
  #position = 0
  #unfinished: Unfinished | undefined
  /** Of its data; `undefined` until its arguments are complete. */
  #pieces: Buffer[] | undefined
  #stopped = false

  constructor(intake: Intake) {
    this.#intake = intake
  }

  read(chunk: Buffer): void {
    if (this.#stopped) return
    const before = this.#bytes.subarray(this.#position)
    this.#bytes = before.length === 0 ? chunk : Buffer.concat([before, chunk])
    this.#position = 0
    while (!this.#stopped && this.#step()) {}
    if (!this.#stopped) this.#bytes = kept(this.#bytes, this.#position)
    this.#position = 0
  }

  /** Reads no more. */
  stop(): void {
    this.#stopped = true
    this.#bytes = EMPTY
    this.#pieces = undefined
  }

  get #available(): number {
    return this.#bytes.length - this.#position
  }

  /** Goes on by one part; false if more has to come. */
  #step(): boolean {
    if (this.#pieces !== undefined) return this.#readData(this.#pieces)
    if (this.#unfinished !== undefined) return this.#readArgument(this.#unfinished)
    if (this.#available === 0) return false
    return this.#bytes[this.#position] === 0 ? this.#readHeader() : this.#readLine()
  }

  #readLine(): boolean {
    const length = this.#lengthTo(0x0a)
    if (length === undefined) return false
    this.#intake.line(this.#take(length))
    return true
  }

  #readHeader(): boolean {
    if (this.#available < HEADER) return false
    const at = this.#position
    const magic = this.#bytes.toString('latin1', at, at + 4)
    const type = this.#bytes.readUInt32BE(at + 4)
    const layout = LAYOUTS[type]
    if ((magic !== '\0REQ' && magic !== '\0RES') || layout === undefined) return this.#break()
    const left = this.#bytes.readUInt32BE(at + 8)
    this.#position += HEADER
    this.#unfinished = { type, layout, isRequest: magic === '\0REQ', args: [], left }
    return true
  }

  #readArgument(packet: Unfinished): boolean {
    const { args, data } = packet.layout
    if (packet.args.length === args.length) {
      if (packet.left < 0) return this.#break()
      this.#pieces = []
      return true
    }
    if (data === undefined && packet.args.length === args.length - 1) return this.#readLast(packet)
    const length = this.#lengthTo(0)
    if (length === undefined) return false
    packet.args.push(this.#take(length).slice(0, -1))
    packet.left -= length
    return true
  }

  /** The last argument of a packet without data goes to the end of the packet. */
  #readLast(packet: Unfinished): boolean {
    const { left } = packet
    if (left < 0 || left > BUFFER || left > this.#available) {
      return this.#available > BUFFER ? this.#break() : false
    }
    packet.args.push(this.#take(left))
    packet.left = 0
    return true
  }

  #readData(pieces: Buffer[]): boolean {
    const packet = this.#unfinished
    if (packet === undefined) return false
    const end = Math.min(this.#bytes.length, this.#position + packet.left)
    if (end > this.#position) {
      pieces.push(kept(this.#bytes, this.#position, end))
      packet.left -= end - this.#position
      this.#position = end
    }
    if (packet.left > 0) return false
    this.#unfinished = undefined
    this.#pieces = undefined
    const { type, layout, isRequest, args } = packet
    const [only = EMPTY] = pieces
    const data = pieces.length > 1 ? Buffer.concat(pieces) : only
    this.#intake.packet({ type, layout, isRequest, args, data })
    return true
  }

  /** How many bytes there are up to this one, included; `undefined` while it has not come. */
  #lengthTo(byte: number): number | undefined {
    const found = this.#bytes.indexOf(byte, this.#position)
    const length = found < 0 ? this.#available : found + 1 - this.#position
    if (length > BUFFER) this.#break()
    return found < 0 || length > BUFFER ? undefined : length
  }

  #take(length: number): string {
    const start = this.#position
    this.#position += length
    return this.#bytes.toString('latin1', start, this.#position)
  }

  #break(): false {
    this.stop()
    this.#intake.broken()
    return false
  }
}
