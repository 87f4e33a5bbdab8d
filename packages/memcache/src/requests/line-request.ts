import { Fault, type Output } from '@glammp/wire'
import type { Protocol } from '../protocol/protocol.js'
import { type Reply, ReplyKind } from '../protocol/reply.js'
import { refusal } from './refusal.js'
import { Request } from './request.js'

/**
 * The form of the lines that answer a command; other commands are answered by any line, or by a
 * refusal as text.
 */
const FORMS: Readonly<Record<string, RegExp>> = { version: /^VERSION /, stats: /^STAT / }

/** An answer is not longer, unless whoever answers is not memcached: `stats conns` has 5 lines a connection. */
const MOST_LINES = 1_000_000
const LONGEST = 2 ** 26

/**
 * An administrative command, as in the text protocols. Resolves to the lines of text that came back
 * before the ending (`END`, `OK`, `RESET`), which may be empty.
 */
export class LineRequest extends Request<string[]> {
  readonly #line: string
  readonly #word: string
  readonly #pattern: RegExp | undefined
  readonly #lines: string[] = []
  #length = 0

  /** @param anyAnswer - one of another form is an answer too. */
  constructor(command: string, line: string, anyAnswer = false) {
    super(command, undefined)
    this.#line = line
    this.#word = /^\w*/.exec(line)?.[0] ?? ''
    this.#pattern = anyAnswer ? undefined : FORMS[this.#word]
  }

  override get word(): string | undefined {
    // Proxies answer `version`.
    return this.#word === 'version' ? undefined : this.#word
  }

  get repeatable(): boolean {
    return false
  }

  override get readOnly(): boolean {
    return !this.sweeps
  }

  override get sweeps(): boolean {
    return this.#line.startsWith('flush_all')
  }

  encode(protocol: Protocol, out: Output): number {
    protocol.line(this.#line, out)
    return 1
  }

  accept(reply: Reply): void {
    if (reply.kind === ReplyKind.LINE) this.#take(reply.text)
    else if (reply.kind !== ReplyKind.END && reply.kind !== ReplyKind.DONE) {
      this.fail(refusal(reply, this))
      return
    }
    if (reply.final) this.succeed(this.#lines)
  }

  #take(text: string): void {
    if (this.#pattern?.test(text) === false) {
      throw new Fault('garbled', 'an answer that belongs to another command')
    }
    this.#lines.push(text)
    this.#length += text.length
    if (this.#lines.length > MOST_LINES || this.#length > LONGEST) {
      throw new Fault('garbled', `an answer of over ${MOST_LINES} lines or ${LONGEST} bytes`)
    }
  }
}
