import type { Output } from '@glammp/wire'
import type { Key } from '../key.js'
import { shorterExptime } from '../keys/ttl.js'
import type { Protocol, StorageFields } from '../protocol/protocol.js'
import { type Reply, ReplyKind } from '../protocol/reply.js'
import { refusal } from './refusal.js'
import { Request } from './request.js'

/** The outcome of a storage command. */
export type Stored = 'stored' | 'not-stored' | 'exists' | 'missing'

const RESULTS: ReadonlyMap<ReplyKind, Stored> = new Map<ReplyKind, Stored>([
  [ReplyKind.DONE, 'stored'],
  [ReplyKind.NOT_STORED, 'not-stored'],
  [ReplyKind.EXISTS, 'exists'],
  [ReplyKind.NOT_FOUND, 'missing'],
])

/** `set`, `add`, `replace`, `append`, `prepend` and `cas`. */
export class StorageRequest<T> extends Request<T> {
  #fields: StorageFields
  readonly #outcome: (stored: Stored) => T

  /** @param outcome - what the caller gets for the outcome. */
  constructor(command: string, key: Key, fields: StorageFields, outcome: (stored: Stored) => T) {
    super(command, key)
    this.#fields = fields
    this.course.bytes = fields.data.length
    this.#outcome = outcome
  }

  get repeatable(): boolean {
    return false
  }

  override get movable(): boolean {
    const { mode, cas } = this.#fields
    return cas === '' && mode !== 'append' && mode !== 'prepend'
  }

  override get wireKeys(): readonly string[] {
    return [this.#fields.key]
  }

  override limitTtl(seconds: number): void {
    const exptime = shorterExptime(this.#fields.exptime, seconds)
    this.#fields = { ...this.#fields, exptime }
  }

  override get carriesBlock(): boolean {
    return true
  }

  encode(protocol: Protocol, out: Output): number {
    protocol.store(this.#fields, out)
    return 1
  }

  accept(reply: Reply): void {
    const result = RESULTS.get(reply.kind)
    if (result === undefined) this.fail(refusal(reply, this))
    else {
      this.course.result = result
      this.succeed(this.#outcome(result))
    }
  }
}
