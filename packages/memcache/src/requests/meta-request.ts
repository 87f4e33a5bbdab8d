import { kept, type Output } from '@glammp/wire'
import { ClientError } from '../errors.js'
import type { Key } from '../key.js'
import type { Protocol } from '../protocol/protocol.js'
import { type Reply, ReplyKind } from '../protocol/reply.js'
import { refusal } from './refusal.js'
import { Request } from './request.js'

/** The reply of a meta command. */
export interface MetaReply {
  /**
   * `found` is `VA`, `HD` or `OK`; `missing` is `EN` or `NF`; `exists` is `EX` (another cas token);
   * `not-stored` is `NS`.
   */
  readonly status: 'found' | 'missing' | 'exists' | 'not-stored'
  /** Return flags: letter -> token; the server's `W`, `X` and `Z` among them. */
  readonly flags: ReadonlyMap<string, string>
  /** The block of a `VA`; absent otherwise. */
  readonly value: Buffer | undefined
}

const STATUSES: ReadonlyMap<ReplyKind, MetaReply['status']> = new Map<
  ReplyKind,
  MetaReply['status']
>([
  [ReplyKind.VALUE, 'found'],
  [ReplyKind.DONE, 'found'],
  [ReplyKind.END, 'missing'],
  [ReplyKind.NOT_FOUND, 'missing'],
  [ReplyKind.EXISTS, 'exists'],
  [ReplyKind.NOT_STORED, 'not-stored'],
])

/** A meta command with flags of the caller's choice: what leases, inspection and raw access need. */
export class MetaRequest extends Request<MetaReply> {
  readonly #wireKey: string
  readonly #line: string
  readonly #block: string | Uint8Array | undefined

  /**
   * @param line - the command without its line end; with every part checked by the caller.
   * @param block - for `ms`: the data, whose length is in the line.
   */
  constructor(
    command: string,
    key: Key,
    wireKey: string,
    line: string,
    block?: string | Uint8Array | undefined,
  ) {
    super(command, key)
    this.#wireKey = wireKey
    this.#line = line
    this.#block = block
    this.course.bytes = block?.length ?? 0
  }

  get repeatable(): boolean {
    return false
  }

  override get wireKeys(): readonly string[] {
    return [this.#wireKey]
  }

  override get carriesBlock(): boolean {
    return this.#block !== undefined
  }

  encode(protocol: Protocol, out: Output): number {
    if (!protocol.hasMeta) {
      // The server was replaced; a line that every server knows keeps the replies in step.
      protocol.line('version', out)
      return 1
    }
    out.text(`${this.#line}\r\n`)
    if (this.#block === undefined) return 1
    if (typeof this.#block === 'string') out.text(this.#block)
    else out.bytes(this.#block)
    out.text('\r\n')
    return 1
  }

  accept(reply: Reply): void {
    const status = STATUSES.get(reply.kind)
    if (status !== undefined) {
      const found = reply.kind === ReplyKind.VALUE
      // EN is the miss of a retrieval; the other commands have another code for it.
      if (found) this.course.hits = reply.stub ? 0 : 1
      else if (reply.kind === ReplyKind.END) this.course.hits = 0
      this.course.result = status
      if (found) this.course.bytes = reply.end - reply.start
      const value = found ? kept(reply.bytes, reply.start, reply.end) : undefined
      this.succeed({ status, flags: reply.metaFlags.read(), value })
    } else if (reply.kind === ReplyKind.LINE && reply.text.startsWith('VERSION ')) {
      const message = `${this.command}: ${this.course.server} does not speak the meta protocol`
      this.fail(new ClientError(message, this.details()))
    } else {
      this.fail(refusal(reply, this))
    }
  }
}
