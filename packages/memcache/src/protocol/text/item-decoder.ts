import { AnnouncedBytes, Fault, kept } from '@glammp/wire'
import { Reply, type ReplySink } from '../reply.js'

const CR = 13
const LF = 10

/** No line of a reply is longer: a key has 250 bytes, the rest of a line less. */
const LONGEST_LINE = 65_536

/** memcached's upper limit of `-I`; a server that announces more is not memcached. */
const LARGEST_BLOCK = 2 ** 30

/**
 * The framing that meta and classic share: lines that end in LF, some followed by a block of
 * announced length and CR LF. Bytes are walked once; only an incomplete line waits for its rest,
 * and a block that comes in pieces is put together in memory of its own.
 */
export abstract class ItemDecoder {
  protected readonly reply: Reply = new Reply()
  readonly #sink: ReplySink
  #line: Buffer | undefined
  #block: AnnouncedBytes | undefined

  constructor(sink: ReplySink) {
    this.#sink = sink
  }

  /**
   * Reads the line between `start` and `end` into {@link reply}.
   *
   * @returns the length of the block that follows, or -1 if none does.
   */
  protected abstract readLine(bytes: Buffer, start: number, end: number): number

  push(chunk: Buffer): void {
    let at = 0
    if (this.#block !== undefined) at = this.#fillBlock(this.#block, chunk, 0)
    else if (this.#line !== undefined) at = this.#finishLine(this.#line, chunk)
    while (at < chunk.length) {
      const feed = lineFeed(chunk, at)
      if (feed === -1) {
        this.#line = checked(kept(chunk, at))
        return
      }
      at = this.#lineEnded(chunk, at, feed, chunk, feed + 1)
    }
  }

  // The line stands in `source`; what follows it stands in `chunk` from `next` on.
  #lineEnded(source: Buffer, start: number, feed: number, chunk: Buffer, next: number): number {
    const end = feed > start && source[feed - 1] === CR ? feed - 1 : feed
    const length = this.readLine(source, start, end)
    if (length < 0) {
      this.#sink.reply(this.reply)
      return next
    }
    if (length > LARGEST_BLOCK) throw new Fault('garbled', `a value of ${length} bytes announced`)
    if (next + length + 2 <= chunk.length) {
      this.#blockEnded(chunk, next, next + length)
      return next + length + 2
    }
    // What the reply refers to in its line must be kept until the block is whole.
    this.readLine(kept(source, start, end), 0, end - start)
    this.#block = new AnnouncedBytes(length + 2)
    return this.#fillBlock(this.#block, chunk, next)
  }

  #finishLine(head: Buffer, chunk: Buffer): number {
    const feed = chunk.indexOf(LF)
    const piece = feed === -1 ? chunk : chunk.subarray(0, feed + 1)
    const line = checked(Buffer.concat([head, piece]))
    if (feed === -1) {
      this.#line = line
      return chunk.length
    }
    this.#line = undefined
    return this.#lineEnded(line, 0, line.length - 1, chunk, feed + 1)
  }

  #fillBlock(block: AnnouncedBytes, chunk: Buffer, at: number): number {
    const next = block.take(chunk, at)
    const { whole } = block
    if (whole !== undefined) {
      this.#block = undefined
      this.#blockEnded(whole, 0, whole.length - 2)
    }
    return next
  }

  #blockEnded(bytes: Buffer, start: number, end: number): void {
    if (bytes[end] !== CR || bytes[end + 1] !== LF) {
      throw new Fault('garbled', 'a value is not as long as announced')
    }
    this.reply.bytes = bytes
    this.reply.start = start
    this.reply.end = end
    this.#sink.reply(this.reply)
  }
}

// Most lines have under 20 bytes: walking those is several times cheaper than a call of indexOf.
function lineFeed(chunk: Buffer, start: number): number {
  const near = Math.min(start + 48, chunk.length)
  for (let at = start; at < near; at += 1) if (chunk[at] === LF) return at
  return near === chunk.length ? -1 : chunk.indexOf(LF, near)
}

function checked(line: Buffer): Buffer {
  if (line.length > LONGEST_LINE) throw new Fault('garbled', 'a line without an end')
  return line
}
