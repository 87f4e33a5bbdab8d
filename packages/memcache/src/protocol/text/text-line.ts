import { Fault, latin1 } from '@glammp/wire'
import { type Reply, ReplyKind } from '../reply.js'

const ERRORS = [
  ['SERVER_ERROR', ReplyKind.SERVER_ERROR],
  ['CLIENT_ERROR', ReplyKind.CLIENT_ERROR],
  ['ERROR', ReplyKind.UNKNOWN],
] as const

/**
 * What a server at its connection limit sends to a new connection, in text whatever its protocol,
 * before it closes it.
 */
const FULL = /^too many open connections/i

/** No command was carried out: treat it as if there were no connection. */
export function fullServer(): Fault {
  return new Fault('connect', 'no connection: the server has too many connections')
}

/** The lines that administrative commands end with, used with both text protocols. */
const ENDINGS: ReadonlyMap<string, ReplyKind> = new Map<string, ReplyKind>([
  ['END', ReplyKind.END],
  ['OK', ReplyKind.DONE],
  ['RESET', ReplyKind.DONE],
])

/** Reads a line that meta and classic have in common: an error, an ending, or a line of text. */
export function readText(reply: Reply, bytes: Buffer, start: number, end: number): void {
  const line = latin1(bytes, start, end)
  const ending = ENDINGS.get(line)
  reply.final = true
  if (ending !== undefined) {
    reply.kind = ending
    return
  }
  for (const [word, kind] of ERRORS) {
    // `ERROR: shutdown not enabled` has a colon where the others have a space.
    if (line.startsWith(word) && !/\w/.test(line.charAt(word.length))) {
      reply.kind = kind
      reply.text = line.slice(word.length).replace(/^:?\s*/, '')
      if (kind === ReplyKind.UNKNOWN && FULL.test(reply.text)) throw fullServer()
      return
    }
  }
  reply.kind = ReplyKind.LINE
  reply.text = line
  // `stats` is any number of these lines, then END.
  reply.final = !line.startsWith('STAT ')
}
