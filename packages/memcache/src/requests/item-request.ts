import { Fault, type Output } from '@glammp/wire'
import type { Key } from '../key.js'
import type { Protocol } from '../protocol/protocol.js'
import { type Reply, ReplyKind } from '../protocol/reply.js'
import { refusal } from './refusal.js'
import { Request } from './request.js'

/** `delete`: resolves to whether the item was there. */
export class DeletionRequest extends Request<boolean> {
  protected readonly wireKey: string

  constructor(command: string, key: Key, wireKey: string) {
    super(command, key)
    this.wireKey = wireKey
  }

  get repeatable(): boolean {
    return false
  }

  override get wireKeys(): readonly string[] {
    return [this.wireKey]
  }

  encode(protocol: Protocol, out: Output): number {
    protocol.delete(this.wireKey, out)
    return 1
  }

  accept(reply: Reply): void {
    this.course.result = reply.kind === ReplyKind.DONE ? 'deleted' : 'missing'
    if (reply.kind === ReplyKind.DONE) this.succeed(true)
    else if (reply.kind === ReplyKind.NOT_FOUND) this.succeed(false)
    else this.fail(refusal(reply, this))
  }
}

/** `invalidate`: deletes, or marks stale if the protocol can. */
export class InvalidationRequest extends DeletionRequest {
  /** It was sent as a deletion. */
  deletes = false
  readonly #exptime: number

  /** @param exptime - until which the old value may be served. */
  constructor(command: string, key: Key, wireKey: string, exptime: number) {
    super(command, key, wireKey)
    this.#exptime = exptime
  }

  override encode(protocol: Protocol, out: Output): number {
    this.deletes = !protocol.invalidate(this.wireKey, this.#exptime, out)
    return 1
  }
}

/** `touch`: resolves to whether the item was there. */
export class TouchRequest extends Request<boolean> {
  readonly #wireKey: string
  readonly #exptime: number
  #miss: ReplyKind = ReplyKind.NOT_FOUND

  constructor(command: string, key: Key, wireKey: string, exptime: number) {
    super(command, key)
    this.#wireKey = wireKey
    this.#exptime = exptime
  }

  get repeatable(): boolean {
    return true
  }

  override get wireKeys(): readonly string[] {
    return [this.#wireKey]
  }

  encode(protocol: Protocol, out: Output): number {
    // Meta touches by a retrieval, of which a miss is EN.
    this.#miss = protocol.touchMiss
    protocol.touch(this.#wireKey, this.#exptime, out)
    return 1
  }

  accept(reply: Reply): void {
    this.course.result = reply.kind === ReplyKind.DONE ? 'touched' : 'missing'
    if (reply.kind === ReplyKind.DONE) this.succeed(true)
    else if (reply.kind === this.#miss) this.succeed(false)
    else this.fail(refusal(reply, this))
  }
}

/** `increment` and `decrement`: resolves to the new number as text, `undefined` on a miss. */
export class ArithmeticRequest extends Request<string | undefined> {
  readonly #wireKey: string
  readonly #delta: string
  readonly #decrement: boolean

  constructor(command: string, key: Key, wireKey: string, delta: string, decrement: boolean) {
    super(command, key)
    this.#wireKey = wireKey
    this.#delta = delta
    this.#decrement = decrement
  }

  get repeatable(): boolean {
    return false
  }

  override get wireKeys(): readonly string[] {
    return [this.#wireKey]
  }

  encode(protocol: Protocol, out: Output): number {
    protocol.arithmetic(this.#wireKey, this.#delta, this.#decrement, out)
    return 1
  }

  accept(reply: Reply): void {
    this.course.result = reply.kind === ReplyKind.VALUE ? 'counted' : 'missing'
    if (reply.kind === ReplyKind.VALUE) this.succeed(numberOf(reply))
    else if (reply.kind === ReplyKind.NOT_FOUND) this.succeed(undefined)
    else this.fail(refusal(reply, this))
  }
}

// `decr` keeps the length of the item and pads with spaces. An item of a classic retrieval is not
// final: its END follows.
function numberOf(reply: Reply): string {
  const number = reply.content().trimEnd()
  if (reply.final && /^\d{1,20}$/.test(number)) return number
  throw new Fault('garbled', 'an answer that is not a number')
}
