import type { Output } from '@glammp/wire'
import { refusal } from './refusal.js'
import { type Reply, ReplyKind } from './reply.js'
import { type Protocol, Request } from './request.js'

/**
 * An administrative command, by the words of the text protocols. Resolves to the lines of
 * text that came back before the ending (`END`, `OK`, `RESET`), which may be none.
 */
export class LineRequest extends Request<string[]> {
  readonly #line: string
  readonly #lines: string[] = []

  constructor(command: string, line: string) {
    super(command, undefined)
    this.#line = line
  }

  get repeatable(): boolean {
    return false
  }

  encode(protocol: Protocol, out: Output): number {
    protocol.line(this.#line, out)
    return 1
  }

  accept(reply: Reply): void {
    if (reply.kind === ReplyKind.LINE) this.#lines.push(reply.text)
    else if (reply.kind !== ReplyKind.END && reply.kind !== ReplyKind.DONE) {
      this.fail(refusal(reply, this))
      return
    }
    if (reply.final) this.succeed(this.#lines)
  }
}
