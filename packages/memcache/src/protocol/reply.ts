import { latin1 } from '@glammp/wire'

/** The kinds of replies of a server, in all protocols. */
export const ReplyKind = {
  /** An item, or the number of an arithmetic command: `bytes` from `start` to `end`. */
  VALUE: 0,
  /** A retrieval found nothing, or has no more to find. */
  END: 1,
  /** Done: `HD`, `STORED`, `DELETED`, `TOUCHED`, `OK`. */
  DONE: 2,
  /** The condition of `add`, `replace`, `append` or `prepend` did not hold. */
  NOT_STORED: 3,
  /** Somebody else changed the item since its cas token was read. */
  EXISTS: 4,
  /** No such item. */
  NOT_FOUND: 5,
  /** A line of text that only the command that asked understands. */
  LINE: 6,
  /** `SERVER_ERROR`, with its text. */
  SERVER_ERROR: 7,
  /** `CLIENT_ERROR`, with its text. */
  CLIENT_ERROR: 8,
  /** `ERROR`: the server does not know the command. */
  UNKNOWN: 9,
  /**
   * An item named by its key, from a server that was asked for a list of them next to meta
   * commands.
   */
  ITEM: 10,
} as const

export type ReplyKind = (typeof ReplyKind)[keyof typeof ReplyKind]

const NOTHING = Buffer.alloc(0)

/** Stands for the key of the number that a classic counter is answered with: no key. */
const NOBODY = Buffer.from(' ')

/** The key that a classic server names with an item. */
export class ItemName {
  /** False if the protocol does not name the key. */
  present = false
  #bytes: Buffer = NOTHING
  #start = 0
  #end = 0

  /** Remembers its position. */
  take(bytes: Buffer, start: number, end: number): void {
    this.present = true
    this.#bytes = bytes
    this.#start = start
    this.#end = end
  }

  /** It is not a key that was asked for. */
  takeNobody(): void {
    this.take(NOBODY, 0, NOBODY.length)
  }

  /**
   * True if it is the wire key. Bytes are compared in place: making text of them would cost more.
   */
  is(wireKey: string): boolean {
    const start = this.#start
    const { length } = wireKey
    if (this.#end - start !== length) return false
    for (let at = 0; at < length; at += 1) {
      if (this.#bytes[start + at] !== wireKey.charCodeAt(at)) return false
    }
    return true
  }

  /** The wire key. */
  read(): string {
    return this.present ? latin1(this.#bytes, this.#start, this.#end) : ''
  }
}

/** The flags at the end of a meta reply's line, as the server wrote them. */
export class MetaFlags {
  #bytes: Buffer = NOTHING
  #start = 0
  #end = 0

  /** Remembers their position. */
  take(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes
    this.#start = start
    this.#end = end
  }

  /** Letter -> token, which is empty for flags that have none. */
  read(): Map<string, string> {
    const flags = new Map<string, string>()
    for (const flag of latin1(this.#bytes, this.#start, this.#end).split(' ')) {
      if (flag !== '') flags.set(flag.charAt(0), flag.slice(1))
    }
    return flags
  }
}

/**
 * One reply. A decoder fills the same object again and again, and `bytes` is the socket's own
 * chunk: to keep something, copy it before returning.
 */
export class Reply {
  kind: ReplyKind = ReplyKind.END
  /** True if no further reply to the same line of the request follows. */
  final = true
  /** Client flags of the item. */
  flags = 0
  /** Cas token of the item, or the empty string if it was not asked for. */
  cas = ''
  /** Key of the item, if the protocol repeats it. */
  readonly name: ItemName = new ItemName()
  /** The item was made by vivify and has no value yet. */
  stub = false
  /** Meta `X`: the item was marked stale. */
  stale = false
  /** Meta `W` or `Z`: a client has been told to compute the value, now or before. */
  claimed = false
  /** Meta `t`: seconds that the item still lives; -1: for ever; -2: not reported. */
  left = -2
  /** All flags of a meta reply, read on demand. */
  readonly metaFlags: MetaFlags = new MetaFlags()
  bytes: Buffer = NOTHING
  start = 0
  end = 0
  /** Text of a LINE or an error. */
  text = ''

  /** The block as text of one-byte characters. */
  content(): string {
    return latin1(this.bytes, this.start, this.end)
  }
}

/** The receiver of decoded replies. */
export interface ReplySink {
  reply(reply: Reply): void
}
