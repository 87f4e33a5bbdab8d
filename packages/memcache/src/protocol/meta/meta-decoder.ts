import { Fault, latin1 } from '@glammp/wire'
import { ReplyKind } from '../reply.js'
import { ItemDecoder } from '../text/item-decoder.js'
import { readText } from '../text/text-line.js'
import { isValueLine, readValueLine } from '../text/value-line.js'

const SPACE = 32

/** The two letters of a code as one number. */
function code(letters: string): number {
  return letters.charCodeAt(0) * 256 + letters.charCodeAt(1)
}

const VA = code('VA')
/** Codes without a block, with what each of them means. */
const KINDS: ReadonlyMap<number, ReplyKind> = new Map<number, ReplyKind>([
  [code('HD'), ReplyKind.DONE],
  [code('EN'), ReplyKind.END],
  [code('NF'), ReplyKind.NOT_FOUND],
  [code('NS'), ReplyKind.NOT_STORED],
  [code('EX'), ReplyKind.EXISTS],
])

const CAS = 99 // c
const FLAGS = 102 // f
const WON = 87 // W
const STALE = 88 // X
const SENT = 90 // Z
const LEFT = 116 // t
const MINUS = 45

/** Replies of the meta commands, every one of them final, and of `get`, which is any number of values, then END. */
export class MetaDecoder extends ItemDecoder {
  protected override readLine(bytes: Buffer, start: number, end: number): number {
    const reply = this.reply
    reply.final = true
    if (end === start + 2 || bytes[start + 2] === SPACE) {
      const letters = (bytes[start] as number) * 256 + (bytes[start + 1] as number)
      if (letters === VA) {
        reply.kind = ReplyKind.VALUE
        return this.#readLength(bytes, start + 3, end)
      }
      const kind = KINDS.get(letters)
      if (kind !== undefined) {
        reply.kind = kind
        this.#readFlags(bytes, start + 2, end)
        return -1
      }
    }
    // The object is reused: clear what the last meta reply said.
    reply.stub = false
    this.#readFlags(bytes, end, end)
    if (isValueLine(bytes, start, end)) {
      const length = readValueLine(reply, bytes, start, end)
      reply.kind = ReplyKind.ITEM
      return length
    }
    readText(reply, bytes, start, end)
    return -1
  }

  #readLength(bytes: Buffer, start: number, end: number): number {
    let at = start
    let length = 0
    while (at < end && bytes[at] !== SPACE) length = length * 10 + digit(bytes, at++)
    if (at === start) throw new Fault('garbled', 'a value without a length')
    this.#readFlags(bytes, at, end)
    // Vivify makes an item of no bytes, and says with W or Z that its value is still to come.
    // false and wrapped empty strings have no bytes either, but flags; an empty string that was
    // invalidated is marked stale.
    const { claimed, flags, stale } = this.reply
    this.reply.stub = length === 0 && flags === 0 && claimed && !stale
    return length
  }

  // Each flag is one space, one letter, and its token.
  #readFlags(bytes: Buffer, start: number, end: number): void {
    const reply = this.reply
    reply.flags = 0
    reply.cas = ''
    reply.name.present = false
    reply.claimed = false
    reply.stale = false
    reply.left = -2
    reply.metaFlags.take(bytes, start, end)
    let at = start
    while (at < end) {
      const letter = bytes[at + 1]
      at += 2
      if (letter === FLAGS) {
        let flags = 0
        while (at < end && bytes[at] !== SPACE) flags = flags * 10 + digit(bytes, at++)
        reply.flags = flags
        continue
      }
      const token = at
      while (at < end && bytes[at] !== SPACE) at += 1
      if (letter === CAS) reply.cas = latin1(bytes, token, at)
      else if (letter === LEFT) reply.left = seconds(bytes, token, at)
      else if (letter === WON || letter === SENT) reply.claimed = true
      else if (letter === STALE) reply.stale = true
    }
  }
}

// -1 stands for an item that has no end.
function seconds(bytes: Buffer, start: number, end: number): number {
  if (bytes[start] === MINUS) return -1
  let value = 0
  for (let at = start; at < end; at += 1) value = value * 10 + digit(bytes, at)
  return value
}

function digit(bytes: Buffer, at: number): number {
  const value = (bytes[at] as number) - 48
  if (value >= 0 && value <= 9) return value
  throw new Fault('garbled', 'a number with something else in it')
}
