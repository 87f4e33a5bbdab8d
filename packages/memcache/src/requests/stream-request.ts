import type { Output } from '@glammp/wire'
import type { Protocol } from '../protocol/protocol.js'
import { type Reply, ReplyKind } from '../protocol/reply.js'
import { refusal } from './refusal.js'
import { Request } from './request.js'

/**
 * A command that is answered by any number of lines: `lru_crawler metadump`, `watch`. It settles
 * with the ending, if there is one. Needs a connection of its own.
 */
export class StreamRequest extends Request<void> {
  /** Resolves when the first line or `OK` has come. */
  readonly accepted: Promise<void>
  readonly #line: string
  readonly #sink: (text: string) => void
  #accept: () => void = () => {}

  /** @param sink - receives every line. */
  constructor(command: string, line: string, sink: (text: string) => void) {
    super(command, undefined)
    this.#line = line
    this.#sink = sink
    const first = new Promise<void>((resolve) => {
      this.#accept = resolve
    })
    this.accepted = Promise.race([first, this.promise])
    // The reader of the stream sees its failure; it need not be handled at the start as well.
    this.accepted.catch(() => {})
  }

  get repeatable(): boolean {
    return false
  }

  encode(protocol: Protocol, out: Output): number {
    protocol.line(this.#line, out)
    return Number.POSITIVE_INFINITY
  }

  accept(reply: Reply): void {
    if (reply.kind === ReplyKind.LINE) {
      this.#accept()
      this.#sink(reply.text)
    } else if (reply.kind === ReplyKind.DONE) {
      this.#accept()
    } else {
      this.course.awaited = 1
      if (reply.kind === ReplyKind.END) this.succeed()
      else this.fail(refusal(reply, this))
    }
  }
}
