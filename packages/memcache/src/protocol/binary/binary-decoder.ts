import { AnnouncedBytes, Fault, latin1 } from '@glammp/wire'
import type { Decoder } from '../protocol.js'
import { Reply, ReplyKind, type ReplySink } from '../reply.js'
import { fullServer } from '../text/text-line.js'
import { HEADER_LENGTH, Opcode, opaqueOf, REPLY_MAGIC, Status } from './binary-packet.js'

/** memcached's upper limit of `-I`, and room for key and extras. */
const LARGEST_BODY = 2 ** 30 + 1024

/** Bytes of the number that an arithmetic command answers with. */
const NUMBER_LENGTH = 8

/**
 * Decodes replies of the binary protocol in the form of the text decoders. Packets that are whole
 * in a chunk are read in place; of one that comes in pieces, the header is collected in a small
 * Buffer, the body in memory of its own.
 */
export class BinaryDecoder implements Decoder {
  readonly #reply = new Reply()
  readonly #sink: ReplySink
  readonly #header: Buffer = Buffer.alloc(HEADER_LENGTH)
  #headerFilled = 0
  #body: AnnouncedBytes | undefined
  /** Requests whose last reply has come. */
  #answered = 0

  constructor(sink: ReplySink) {
    this.#sink = sink
  }

  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#body !== undefined) at = this.#fillBody(this.#body, chunk, at)
      else if (this.#headerFilled === 0 && chunk.length - at >= HEADER_LENGTH) {
        at = this.#headerEnded(chunk, at, chunk, at + HEADER_LENGTH)
      } else {
        at = this.#fillHeader(chunk, at)
      }
    }
  }

  #fillHeader(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#header, this.#headerFilled, at)
    this.#headerFilled += copied
    // Bytes that are not a reply must not wait for bytes that never come.
    if (this.#header[0] !== REPLY_MAGIC) throw notBinary(chunk)
    if (this.#headerFilled < HEADER_LENGTH) return at + copied
    this.#headerFilled = 0
    return this.#headerEnded(this.#header, 0, chunk, at + copied)
  }

  // The header stands in `source` from `start` on, its body in `chunk` from `next` on.
  #headerEnded(source: Buffer, start: number, chunk: Buffer, next: number): number {
    if (source[start] !== REPLY_MAGIC) throw notBinary(source)
    const length = source.readUInt32BE(start + 8)
    const keyLength = source.readUInt16BE(start + 2)
    const extrasLength = source[start + 4] as number
    if (length > LARGEST_BODY) throw new Fault('garbled', `a reply of ${length} bytes announced`)
    if (keyLength + extrasLength > length) {
      throw new Fault('garbled', 'a reply whose parts are longer than the whole')
    }
    if (source.readUInt32BE(start + 12) !== opaqueOf(this.#answered)) {
      throw new Fault('garbled', 'a reply to some other request')
    }
    if (next + length <= chunk.length) {
      this.#packetEnded(source, start, chunk, next, next + length)
      return next + length
    }
    if (source !== this.#header) source.copy(this.#header, 0, start, start + HEADER_LENGTH)
    this.#body = new AnnouncedBytes(length)
    return next
  }

  #fillBody(body: AnnouncedBytes, chunk: Buffer, at: number): number {
    const next = body.take(chunk, at)
    const { whole } = body
    if (whole !== undefined) {
      this.#body = undefined
      this.#packetEnded(this.#header, 0, whole, 0, whole.length)
    }
    return next
  }

  #packetEnded(header: Buffer, at: number, body: Buffer, start: number, end: number): void {
    const reply = this.#reply
    const opcode = header[at + 1] as number
    const status = header.readUInt16BE(at + 6)
    const keyStart = start + (header[at + 4] as number)
    reply.final = true
    reply.bytes = body
    reply.start = keyStart + header.readUInt16BE(at + 2)
    reply.end = end
    if (status !== Status.OK) readFailure(reply, opcode, status)
    else if (opcode === Opcode.GET || opcode === Opcode.GAT) readItem(reply, header, at, start)
    else if (opcode === Opcode.INCREMENT || opcode === Opcode.DECREMENT) readNumber(reply)
    else readAnswer(reply, opcode, latin1(body, keyStart, reply.start))
    if (reply.final) this.#answered += 1
    this.#sink.reply(reply)
  }
}

function notBinary(bytes: Buffer): Fault {
  if (bytes.toString('latin1', 0, 19) === 'ERROR Too many open') return fullServer()
  return new Fault('garbled', 'not a reply of the binary protocol')
}

function readItem(reply: Reply, header: Buffer, at: number, extras: number): void {
  reply.kind = ReplyKind.VALUE
  reply.flags = header[at + 4] === 4 ? reply.bytes.readUInt32BE(extras) : 0
  const high = header.readUInt32BE(at + 16)
  const low = header.readUInt32BE(at + 20)
  reply.cas = high === 0 ? String(low) : String((BigInt(high) << 32n) + BigInt(low))
}

// The text protocols answer with digits, and so does every Reply.
function readNumber(reply: Reply): void {
  if (reply.end - reply.start !== NUMBER_LENGTH) {
    throw new Fault('garbled', 'a number that is not of 64 bits')
  }
  const digits = Buffer.from(String(reply.bytes.readBigUInt64BE(reply.start)))
  reply.kind = ReplyKind.VALUE
  reply.flags = 0
  reply.cas = ''
  reply.bytes = digits
  reply.start = 0
  reply.end = digits.length
}

function readAnswer(reply: Reply, opcode: number, key: string): void {
  if (opcode === Opcode.STAT) {
    // Any number of packets with a name each, then one without.
    reply.kind = key === '' ? ReplyKind.END : ReplyKind.LINE
    reply.final = key === ''
    reply.text = `STAT ${key} ${reply.content()}`
  } else if (opcode === Opcode.VERSION) {
    reply.kind = ReplyKind.LINE
    reply.text = `VERSION ${reply.content()}`
  } else if (opcode === Opcode.NOOP) {
    reply.kind = ReplyKind.LINE
    reply.text = 'MN'
  } else {
    reply.kind = ReplyKind.DONE
  }
}

function readFailure(reply: Reply, opcode: number, status: number): void {
  reply.kind = kindOf(opcode, status)
  const text = reply.content()
  reply.text = text === '' ? `status 0x${status.toString(16)}` : text
}

function kindOf(opcode: number, status: number): ReplyKind {
  switch (status) {
    case Status.KEY_NOT_FOUND:
      if (opcode === Opcode.GET || opcode === Opcode.GAT) return ReplyKind.END
      if (opcode === Opcode.REPLACE) return ReplyKind.NOT_STORED
      // A section of the statistics that the server does not have.
      return opcode === Opcode.STAT ? ReplyKind.UNKNOWN : ReplyKind.NOT_FOUND
    case Status.KEY_EXISTS:
      return opcode === Opcode.ADD ? ReplyKind.NOT_STORED : ReplyKind.EXISTS
    case Status.NOT_STORED:
      return ReplyKind.NOT_STORED
    case Status.UNKNOWN_COMMAND:
      return ReplyKind.UNKNOWN
    case Status.INVALID_ARGUMENTS:
    case Status.NON_NUMERIC:
    case Status.AUTH_ERROR:
    case Status.AUTH_CONTINUE:
      return ReplyKind.CLIENT_ERROR
    default:
      // Too large, out of memory, busy, temporary failure, and what later servers may add.
      return ReplyKind.SERVER_ERROR
  }
}
