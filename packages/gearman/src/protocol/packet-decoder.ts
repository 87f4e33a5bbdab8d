import { AnnouncedBytes, kept } from '@glammp/wire'
import { HEADER_LENGTH, LAYOUTS, type Magic, type PacketType } from './packet.js'

/**
 * Receives the packets that the bytes contain.
 *
 * @param args - the arguments, each as the text of its bytes.
 * @param data - the opaque part; empty in packets without one.
 */
export type PacketSink = (type: PacketType, args: readonly string[], data: Buffer) => void

/** Bytes that are not the protocol's. */
export class MalformedPacketError extends Error {}

const NO_DATA: Buffer = Buffer.alloc(0)
const NO_ARGS: readonly string[] = []
const NUL = 0

/**
 * Bytes to packets, however the bytes are cut into chunks. A packet that lies inside one chunk is
 * read in place; one that does not is put together in memory of its own.
 */
export class PacketDecoder {
  readonly #magic: Buffer
  readonly #limit: number
  readonly #sink: PacketSink
  readonly #header: Buffer = Buffer.alloc(HEADER_LENGTH)
  #headerSize = 0
  #type: number = 0
  #body: AnnouncedBytes | undefined

  /**
   * @param magic - what every packet in this direction begins with.
   * @param limit - the most bytes of a body: a greater length is invalid.
   */
  constructor(magic: Magic, limit: number, sink: PacketSink) {
    this.#magic = Buffer.from(magic, 'latin1')
    this.#limit = limit
    this.#sink = sink
  }

  /** True if a packet has begun and is not complete. */
  get begun(): boolean {
    return this.#body !== undefined
  }

  /**
   * Reads the next bytes and hands over every packet that they complete.
   *
   * @throws {@link MalformedPacketError}; the decoder is of no use after that.
   */
  push(chunk: Buffer): void {
    let at = 0
    if (this.#body !== undefined) at = this.#fillBody(chunk, 0, this.#body)
    else if (this.#headerSize > 0) at = this.#fillHeader(chunk, 0)
    // From here on no packet is begun, or the chunk is used up.
    const end = chunk.length
    while (end - at >= HEADER_LENGTH) {
      this.#checkMagic(chunk, at, 4)
      const type = chunk.readUInt32BE(at + 4)
      const length = chunk.readUInt32BE(at + 8)
      const start = at + HEADER_LENGTH
      if (end - start < length) {
        at = this.#fillBody(chunk, start, this.#begin(type, length))
      } else {
        at = start + length
        this.#emit(type, chunk, start, at)
      }
    }
    if (at < end) this.#fillHeader(chunk, at)
  }

  #fillHeader(chunk: Buffer, from: number): number {
    const copied = chunk.copy(this.#header, this.#headerSize, from)
    this.#headerSize += copied
    this.#checkMagic(this.#header, 0, Math.min(4, this.#headerSize))
    if (this.#headerSize < HEADER_LENGTH) return chunk.length
    this.#headerSize = 0
    const body = this.#begin(this.#header.readUInt32BE(4), this.#header.readUInt32BE(8))
    return this.#fillBody(chunk, from + copied, body)
  }

  #begin(type: number, length: number): AnnouncedBytes {
    if (length > this.#limit) {
      throw new MalformedPacketError(
        `a packet of ${length} bytes was announced, more than the ${this.#limit} allowed`,
      )
    }
    this.#type = type
    const body = new AnnouncedBytes(length)
    this.#body = body
    return body
  }

  #fillBody(chunk: Buffer, from: number, body: AnnouncedBytes): number {
    const next = body.take(chunk, from)
    const { whole } = body
    if (whole !== undefined) {
      this.#body = undefined
      this.#emit(this.#type, whole, 0, whole.length)
    }
    return next
  }

  #checkMagic(bytes: Buffer, at: number, count: number): void {
    for (let index = 0; index < count; index += 1) {
      if (bytes[at + index] !== this.#magic[index]) {
        const seen = JSON.stringify(bytes.toString('latin1', at, Math.min(bytes.length, at + 12)))
        throw new MalformedPacketError(`these bytes do not begin a gearman packet: ${seen}`)
      }
    }
  }

  #emit(type: number, bytes: Buffer, start: number, end: number): void {
    const layout = LAYOUTS[type]
    if (layout === undefined) throw new MalformedPacketError(`unknown packet type ${type}`)
    const count = layout.args
    if (count === 0) {
      const data = layout.data ? kept(bytes, start, end) : NO_DATA
      this.#sink(type as PacketType, NO_ARGS, data)
      return
    }
    const args: string[] = []
    let from = start
    // Without data the last argument ends with the packet, with data a NUL ends it too.
    const ended = layout.data ? count : count - 1
    while (args.length < ended) {
      const nul = bytes.indexOf(NUL, from)
      if (nul === -1 || nul >= end) {
        throw new MalformedPacketError(
          `${layout.name} has ${args.length + 1} of ${count} arguments${layout.data ? ' and no data' : ''}`,
        )
      }
      args.push(bytes.toString('latin1', from, nul))
      from = nul + 1
    }
    if (layout.data) {
      this.#sink(type as PacketType, args, kept(bytes, from, end))
      return
    }
    args.push(bytes.toString('latin1', from, end))
    this.#sink(type as PacketType, args, NO_DATA)
  }
}
