import { Fault, latin1 } from '@glammp/wire'
import { ReplyKind } from '../reply.js'
import { ItemDecoder } from '../text/item-decoder.js'
import { readText } from '../text/text-line.js'
import { isValueLine, readValueLine } from '../text/value-line.js'

const KINDS: ReadonlyMap<string, ReplyKind> = new Map<string, ReplyKind>([
  ['STORED', ReplyKind.DONE],
  ['DELETED', ReplyKind.DONE],
  ['TOUCHED', ReplyKind.DONE],
  ['NOT_STORED', ReplyKind.NOT_STORED],
  ['EXISTS', ReplyKind.EXISTS],
  ['NOT_FOUND', ReplyKind.NOT_FOUND],
])

/** The answer to `config get cluster`: key, flags, length. */
const CONFIG = /^CONFIG (\S+) (\d{1,10}) (\d{1,10})$/
const NUMBER = /^\d{1,20} *$/

/** Replies of the classic commands: a retrieval is any number of values, then END. */
export class ClassicDecoder extends ItemDecoder {
  protected override readLine(bytes: Buffer, start: number, end: number): number {
    const reply = this.reply
    if (isValueLine(bytes, start, end)) return readValueLine(reply, bytes, start, end)
    const line = latin1(bytes, start, end)
    if (line.startsWith('CONFIG ')) {
      const parts = CONFIG.exec(line)
      if (parts === null) throw new Fault('garbled', `not a value: ${line.slice(0, 300)}`)
      reply.kind = ReplyKind.VALUE
      reply.final = false
      reply.name.takeNobody()
      reply.flags = Number(parts[2])
      reply.cas = ''
      return Number(parts[3])
    }
    const kind = KINDS.get(line)
    reply.final = true
    if (kind !== undefined) {
      reply.kind = kind
    } else if (NUMBER.test(line)) {
      reply.kind = ReplyKind.VALUE
      reply.name.takeNobody()
      reply.flags = 0
      reply.cas = ''
      reply.bytes = bytes
      reply.start = start
      reply.end = end
    } else {
      readText(reply, bytes, start, end)
    }
    return -1
  }
}
