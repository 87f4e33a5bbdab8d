import type { Output } from '@glammp/wire'
import type { Key } from '../key.js'
import type { Protocol } from '../protocol/protocol.js'
import { type Reply, ReplyKind } from '../protocol/reply.js'
import type { ItemReader } from '../values/value-decoder.js'
import { checkItem } from './another-item.js'
import { refusal } from './refusal.js'
import { Request } from './request.js'

/** Bytes and flags of an item -> what the caller keeps of it; a promise where that takes longer. */
export type ItemOpener<T> = (
  flags: number,
  bytes: Buffer,
  start: number,
  end: number,
  reader: ItemReader,
) => T | Promise<T>

/** An item with all that a server reports of it. */
export interface Seen<T> {
  /** `undefined` for an item that a program has made by vivify, and not filled. */
  readonly item: T | undefined
  readonly cas: string
  /** It was marked stale; servers that do not speak meta do not have this mark. */
  readonly stale: boolean
  /** Seconds that it still lives; -1: for ever; -2: not reported by the protocol. */
  readonly left: number
}

/** Reads one item as leases need it: `undefined` if there is none. */
export class LookRequest<T, R = Seen<T> | undefined> extends Request<R> {
  readonly #wireKey: string
  readonly #open: ItemOpener<T>
  readonly #aside: boolean
  #seen: Seen<T> | Promise<Seen<T>> | undefined

  /** @param aside - it is not the first look of its call. */
  constructor(command: string, key: Key, wireKey: string, open: ItemOpener<T>, aside: boolean) {
    super(command, key)
    this.#aside = aside
    this.#wireKey = wireKey
    this.#open = open
  }

  override get aside(): boolean {
    return this.#aside
  }

  /** The token of the item is wanted. */
  protected get withCas(): boolean {
    return true
  }

  get repeatable(): boolean {
    return true
  }

  override get readOnly(): boolean {
    return true
  }

  override get movable(): boolean {
    return true
  }

  override get wireKeys(): readonly string[] {
    return [this.#wireKey]
  }

  get itemKey(): string {
    return this.#wireKey
  }

  encode(protocol: Protocol, out: Output): number {
    this.#seen = undefined
    return protocol.look(this.#wireKey, this.withCas, out)
  }

  accept(reply: Reply): void {
    if (reply.kind === ReplyKind.VALUE) {
      checkItem(reply, this.#wireKey, this.#seen)
      this.course.bytes = reply.end - reply.start
      this.#seen = this.#read(reply)
      if (this.#seen instanceof Promise) this.#seen.catch((error) => this.fail(error))
    } else if (reply.kind !== ReplyKind.END) {
      this.fail(refusal(reply, this))
      return
    }
    if (!reply.final) return
    if (this.#seen instanceof Promise) this.#seen.then((seen) => this.deliver(seen), ignore)
    else this.deliver(this.#seen)
  }

  #read(reply: Reply): Seen<T> | Promise<Seen<T>> {
    const { cas, stale, left, stub, flags, bytes, start, end } = reply
    if (stub) return { item: undefined, cas, stale, left }
    const item = this.#open(flags, bytes, start, end, this)
    if (!(item instanceof Promise)) return { item, cas, stale, left }
    return item.then((later) => ({ item: later, cas, stale, left }))
  }

  protected deliver(seen: Seen<T> | undefined): void {
    this.course.hits = seen?.item === undefined ? 0 : 1
    this.succeed(seen as R)
  }
}

function ignore(): void {}
