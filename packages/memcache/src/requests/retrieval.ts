import type { Output } from '@glammp/wire'
import { DecodeError, type MemcacheErrorDetails } from '../errors.js'
import { type Key, keyText } from '../key.js'
import { shorterExptime } from '../keys/ttl.js'
import type { Protocol } from '../protocol/protocol.js'
import { type ItemName, type Reply, ReplyKind } from '../protocol/reply.js'
import type { ValueDecoder } from '../values/value-decoder.js'
import { anotherItem, checkItem } from './another-item.js'
import { refusal } from './refusal.js'
import { GET_AND_TOUCH, Request, type RequestServer } from './request.js'

/** A value with the token that `cas` compares. */
export interface ValueWithCas<T> {
  readonly value: T
  /** Changes with every change of the item; unique on its server. */
  readonly cas: string
}

/** The token of every item of a server without tokens (`-C`). */
export const NO_CAS = '0'

/** Reads again, one by one, items of which it is not known whether they have a value. */
export interface RereadOwner {
  readAgain(part: GetManyRequest, due: number): Promise<Found>
}

/** `get` and `getAndTouch`: resolves to the value, or `undefined` on a miss. */
export class GetRequest extends Request<unknown> {
  readonly #wireKey: string
  readonly #values: ValueDecoder
  /** Expiry that the item gets by being read; `undefined`: it keeps its own. */
  exptime: number | undefined
  /** Set when the item has come. */
  #item: ReplyKind | undefined
  #value: unknown

  constructor(
    command: string,
    key: Key,
    wireKey: string,
    values: ValueDecoder,
    exptime?: number | undefined,
  ) {
    super(command, key)
    this.#wireKey = wireKey
    this.#values = values
    this.exptime = exptime
  }

  get repeatable(): boolean {
    return true
  }

  override get readOnly(): boolean {
    return this.exptime === undefined
  }

  override get movable(): boolean {
    return true
  }

  override get wireKeys(): readonly string[] {
    return [this.#wireKey]
  }

  override get word(): string | undefined {
    return this.exptime === undefined ? undefined : GET_AND_TOUCH
  }

  get itemKey(): string {
    return this.#wireKey
  }

  override limitTtl(seconds: number): void {
    if (this.exptime !== undefined) this.exptime = shorterExptime(this.exptime, seconds)
  }

  encode(protocol: Protocol, out: Output): number {
    this.#item = undefined
    this.#value = undefined
    if (this.exptime === undefined) return protocol.get([this.#wireKey], false, out)
    protocol.getAndTouch(this.#wireKey, this.exptime, out)
    return 1
  }

  accept(reply: Reply): void {
    if (reply.kind === ReplyKind.VALUE) {
      checkItem(reply, this.#wireKey, this.#item)
      this.#item = reply.kind
      if (!reply.stub) {
        this.course.bytes = reply.end - reply.start
        this.#value = decodeItem(this.#values, reply, this, this.key)
        if (this.#value instanceof Promise) this.#value.catch((error) => this.fail(error))
      }
    } else if (reply.kind !== ReplyKind.END) {
      this.fail(refusal(reply, this))
      return
    }
    if (!reply.final) return
    if (this.#value instanceof Promise) this.#value.then((value) => this.#deliver(value), ignore)
    else this.#deliver(this.#value)
  }

  #deliver(value: unknown): void {
    this.course.hits = value === undefined ? 0 : 1
    this.succeed(value)
  }
}

/** What {@link GetManyRequest} found, aligned with the keys it asked for. */
export type Found = (ValueWithCas<unknown> | undefined)[]

/**
 * Any number of keys of one server. A value that cannot be decoded, or an error about one key,
 * fails the whole request, but only after the last reply.
 */
export class GetManyRequest extends Request<Found> {
  /** Present: the items may be read in the cheapest way. */
  second: RereadOwner | undefined = undefined
  /** Key of the item that is decoded now, as it is sent. */
  itemKey: string | undefined = undefined
  readonly #keys: readonly Key[]
  readonly #wireKeys: readonly string[]
  readonly #values: ValueDecoder
  readonly #withCas: boolean
  #found: Found = []
  #positions: Map<string, number> | undefined
  #next = 0
  /** Items that have come. */
  #items = 0
  /** Position after the one that was named last. */
  #cursor = 0
  /** The kind of an item's reply; ITEM if one without bytes may have no value yet. */
  #kind: ReplyKind = ReplyKind.VALUE
  /** Positions of items that may be a value without bytes, or have no value yet. */
  #doubtful: number[] | undefined
  #failure: unknown
  #later: Promise<void>[] | undefined

  constructor(
    command: string,
    keys: readonly Key[],
    wireKeys: readonly string[],
    values: ValueDecoder,
    withCas: boolean,
  ) {
    super(command, undefined)
    this.#keys = keys
    this.#wireKeys = wireKeys
    this.#values = values
    this.#withCas = withCas
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
    return this.#wireKeys
  }

  override async divide(
    places: ReadonlyMap<RequestServer, readonly number[]>,
    timeout: number,
  ): Promise<void> {
    // The parts are counted instead of the whole.
    const { moves, observer, patient, since } = this.course
    this.course.observer = undefined
    const found: Found = new Array(this.#keys.length).fill(undefined)
    const parts = [...places].map(async ([server, positions]) => {
      const part = this.#part(positions)
      part.course.moves = moves
      part.course.since = since
      part.course.observer = observer
      part.course.patient = patient
      part.second = this.second
      const items = await server.submit<Found>(part, timeout)
      for (const [index, item] of items.entries()) found[positions[index] as number] = item
    })
    try {
      await Promise.all(parts)
      this.succeed(found)
    } catch (error) {
      this.fail(error)
    }
  }

  #part(positions: readonly number[]): GetManyRequest {
    const pick = <K extends Key>(list: readonly K[]): K[] =>
      positions.map((position) => list[position] as K)
    const keys = pick(this.#keys)
    const wireKeys = pick(this.#wireKeys)
    return new GetManyRequest(this.command, keys, wireKeys, this.#values, this.#withCas)
  }

  override details(): MemcacheErrorDetails {
    return { server: this.course.server, command: this.command, keys: this.#keys }
  }

  encode(protocol: Protocol, out: Output): number {
    this.#found = new Array(this.#wireKeys.length).fill(undefined)
    this.course.hits = 0
    this.course.bytes = 0
    this.#next = 0
    this.#items = 0
    this.#cursor = 0
    this.#failure = undefined
    this.#later = undefined
    this.#doubtful = undefined
    this.#kind = ReplyKind.VALUE
    if (this.second === undefined || protocol.getMany === undefined) {
      return protocol.get(this.#wireKeys, this.#withCas, out)
    }
    const replies = protocol.getMany(this.#wireKeys, this.#withCas, out)
    // Lists have one reply for several keys.
    if (replies < this.#wireKeys.length) this.#kind = ReplyKind.ITEM
    return replies
  }

  accept(reply: Reply): void {
    if (reply.kind === this.#kind) this.#take(reply)
    else {
      this.#next += 1
      if (reply.kind !== ReplyKind.END) this.#failure ??= refusal(reply, this)
    }
    // The owner counts this reply after it was accepted.
    if (!reply.final || this.course.awaited > 1) return
    if (this.#later === undefined) this.#finish()
    else void Promise.all(this.#later).then(() => this.#finish())
  }

  #finish(): void {
    if (this.#failure !== undefined) this.fail(this.#failure)
    else if (this.#doubtful === undefined) this.succeed(this.#found)
    else void this.#readAgain(this.#doubtful)
  }

  async #readAgain(positions: readonly number[]): Promise<void> {
    try {
      const items = (await this.second?.readAgain(this.#part(positions), this.course.due)) ?? []
      for (const [index, item] of items.entries()) {
        if (item === undefined) this.course.hits -= 1
        this.#found[positions[index] as number] = item
      }
      this.succeed(this.#found)
    } catch (error) {
      this.fail(error)
    }
  }

  #take(reply: Reply): void {
    const position = reply.name.present ? this.#positionOf(reply.name) : this.#next++
    this.#items += 1
    if (position === undefined || this.#items > this.#wireKeys.length) throw anotherItem()
    if (reply.stub) return
    if (this.#kind === ReplyKind.ITEM && reply.start === reply.end && reply.flags === 0) {
      this.#doubtful ??= []
      this.#doubtful.push(position)
    }
    try {
      this.course.bytes += reply.end - reply.start
      this.itemKey = this.#wireKeys[position]
      const value = decodeItem(this.#values, reply, this, this.#keys[position])
      if (value instanceof Promise) this.#takeLater(value, position, reply.cas)
      else this.#put(this.#found, position, value, reply.cas)
    } catch (error) {
      this.#failure ??= error
    }
  }

  #put(found: Found, position: number, value: unknown, cas: string): void {
    this.course.hits += 1
    found[position] = { value, cas }
  }

  // If it was sent again meanwhile, the request no longer needs it.
  #takeLater(item: Promise<unknown>, position: number, cas: string): void {
    const found = this.#found
    this.#later ??= []
    this.#later.push(
      item.then(
        (value) => {
          if (value !== undefined) this.#put(found, position, value, cas)
        },
        (error: unknown) => {
          if (found === this.#found) this.#failure ??= error
        },
      ),
    )
  }

  // Classic servers answer in the order asked, proxies group by server: the key tells.
  #positionOf(name: ItemName): number | undefined {
    const wireKeys = this.#wireKeys
    for (let at = this.#cursor; at < wireKeys.length && this.#positions === undefined; at += 1) {
      if (!name.is(wireKeys[at] as string)) continue
      this.#cursor = at + 1
      return at
    }
    this.#positions ??= new Map(wireKeys.map((key, index) => [key, index]))
    return this.#positions.get(name.read())
  }
}

/** Decodes an item; a failure says which one it was. */
function decodeItem(
  values: ValueDecoder,
  reply: Reply,
  request: Request,
  key: Key | undefined,
): unknown {
  try {
    const value = values.decode(reply.flags, reply.bytes, reply.start, reply.end, request)
    if (!(value instanceof Promise)) return value
    return value.catch((error: unknown) => {
      throw named(error, request, key)
    })
  } catch (error) {
    throw named(error, request, key)
  }
}

function named(error: unknown, request: Request, key: Key | undefined): unknown {
  if (!(error instanceof DecodeError)) return error
  const details = { ...request.details(), key, cause: error.cause }
  return new DecodeError(`${request.command} ${keyText(key)}: ${error.message}`, details)
}

function ignore(): void {}
