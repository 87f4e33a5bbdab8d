import { randomBytes } from 'node:crypto'
import { checksum, kept, latin1, monotonic } from '@glammp/wire'
import { DecodeError, EncodeError, ValueTooLargeError } from '../errors.js'
import { type Key, keyText } from '../key.js'
import type { KeyRules } from '../keys/key-rules.js'
import { DeletionRequest, TouchRequest } from '../requests/item-request.js'
import { GetRequest } from '../requests/retrieval.js'
import { StorageRequest } from '../requests/storage.js'
import { CHUNKED, ChunkIndex } from '../values/chunk-index.js'
import { Envelope } from '../values/envelope.js'
import type { Encoded } from '../values/serializer.js'
import type { Transcoder } from '../values/transcoder.js'
import type { ItemReader, ValueDecoder } from '../values/value-decoder.js'
import { Changes } from './changes.js'
import { type CallOptions, type RouteContext, route, routeNow } from './route.js'

/** What a chunked value is stored for, for errors. */
export interface ChunkOwner {
  readonly command: string
  readonly key: Key
}

/** How a command is sent. */
export interface Sending {
  readonly call: CallOptions | undefined
  /** `routeNow` if it is its turn. */
  readonly way: typeof route
  /** One of a list. */
  readonly patient: boolean
}

export interface ChunkContext extends RouteContext {
  readonly keys: KeyRules
  /** Bytes of the largest encoded value. */
  readonly maxValueSize: number
}

/** An item's header and key count against the server's item size, and a chunk holds one less. */
const ITEM_OVERHEAD = 512

const stored = (outcome: string): boolean => outcome === 'stored'

/** How often a reader follows an item that others keep storing. */
const FOLLOWS = 3

/** What became of the pieces' head: it is still there, it is gone, or it lives until then. */
export type Fate = 'stays' | 'gone' | { readonly exptime: number }

/** Of the item that the request should replace. */
export function fateBehind(request: StorageRequest<unknown>): Fate {
  return request.course.result === 'stored' ? 'gone' : 'stays'
}

// If it were sent again after the request that it precedes, it would see the new item.
class IndexRead extends GetRequest {
  override get aside(): boolean {
    return true
  }

  override get repeatable(): boolean {
    return false
  }
}

/** Bytes as they are. */
const asBytes: ValueDecoder = {
  decode: (_flags, bytes, start, end) => kept(bytes, start, end),
}

/**
 * Values over the server's item size, in pieces under keys of their own: written before the index,
 * which takes the place of the item, and named by a random id, so that a reader finds all pieces of
 * one write or nothing. It reads as a transcoder does, so that every command that decodes items
 * gets whole values.
 */
export class Chunks implements Transcoder {
  /** Bytes of the largest value that is stored as one item. */
  readonly pieceSize: number
  readonly #context: ChunkContext
  readonly #inner: Transcoder
  readonly #maxSize: number
  readonly #indexes: Envelope

  /** @param maxSize - the most bytes that an encoded value may have. */
  constructor(context: ChunkContext, inner: Transcoder, maxSize: number) {
    const { maxValueSize } = context
    this.pieceSize = Math.max(maxValueSize - ITEM_OVERHEAD, Math.ceil(maxValueSize / 2))
    // Listeners are told only of the item, not of its chunks.
    this.#context = { ...context, changes: new Changes() }
    this.#inner = inner
    this.#maxSize = maxSize
    this.#indexes = this.#itemsBy((flags, bytes, start, end) =>
      flags === CHUNKED ? ChunkIndex.read(latin1(bytes, start, end), maxSize) : NO_INDEX,
    )
  }

  encode(value: unknown): Encoded {
    const encoded = this.#inner.encode(value)
    if (encoded.flags !== CHUNKED) return encoded
    throw new EncodeError('flags 0x1010 say that a value is in chunks')
  }

  encodePiece(): never {
    throw new TypeError(
      "append and prepend are refused with largeValues: 'chunk': the item may be in chunks. " +
        'Use a client without it for keys that grow',
    )
  }

  decode(flags: number, bytes: Buffer, start: number, end: number, reader?: ItemReader): unknown {
    if (flags !== CHUNKED) return this.#inner.decode(flags, bytes, start, end, reader)
    const index = ChunkIndex.read(latin1(bytes, start, end), this.#maxSize)
    return this.#read(index, reader, reader?.itemKey, FOLLOWS)
  }

  /**
   * What to store as the item: the value itself if it fits, else, once its chunks are stored, the
   * index of them.
   *
   * @throws ValueTooLargeError for a value over the limit.
   */
  async fit(
    { data, flags }: Encoded,
    exptime: number,
    owner: ChunkOwner,
    call: CallOptions | undefined,
  ): Promise<Encoded> {
    if (data.length <= this.pieceSize) return { data, flags }
    if (data.length > this.#maxSize) {
      const message = `${owner.command} ${keyText(owner.key)}: the value has ${data.length} bytes, largeValues.maxSize is ${this.#maxSize}`
      throw new ValueTooLargeError(message, owner)
    }
    const whole = typeof data === 'string' ? Buffer.from(data, 'latin1') : data
    const index = new ChunkIndex({
      id: randomBytes(12).toString('base64url'),
      count: Math.ceil(whole.length / this.pieceSize),
      length: whole.length,
      flags,
      checksum: checksum(whole),
    })
    const writes = this.#keys(index).map((chunk, position) => {
      const start = position * this.pieceSize
      const piece = whole.subarray(start, start + this.pieceSize)
      const fields = { mode: 'set', key: chunk, data: piece, flags: 0, exptime, cas: '' } as const
      const request = new StorageRequest('set chunk', owner.key, fields, stored)
      request.course.patient = true
      return route(this.#context, chunk, request, call)
    })
    const outcomes = await Promise.allSettled(writes)
    const failure = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failure !== undefined) {
      this.discard(index)
      throw failure.reason
    }
    return { data: index.toString(), flags: CHUNKED }
  }

  /** Deletes the chunks of an index that was not stored. */
  discardUnused({ data, flags }: Encoded): void {
    if (flags === CHUNKED) this.discard(ChunkIndex.read(String(data), this.#maxSize))
  }

  /** Deletes chunks, without waiting: those that stay are evicted in the end. */
  discard(index: ChunkIndex): void {
    for (const chunk of this.#keys(index)) {
      const request = new DeletionRequest('delete chunk', chunk, chunk)
      request.course.patient = true
      route(this.#context, chunk, request, undefined).catch(() => {})
    }
  }

  /**
   * Sends a request that replaces an item, removes it or changes its expiry, and does the same to
   * the chunks of the old one. Which chunks these are is read in the same batch, just before.
   *
   * @param send - sends it, in the same tick.
   * @param fateOf - what became of the old item.
   */
  replacing<T>(
    { command, key }: ChunkOwner,
    wireKey: string,
    { call, way, patient }: Sending,
    send: () => Promise<T>,
    fateOf: (result: T) => Fate,
  ): Promise<T> {
    const request = new IndexRead(command, key, wireKey, this.#indexes)
    request.course.patient = patient
    const item = way(this.#context, wireKey, request, call)
    const change = send()
    void this.#settleOld(item, change, fateOf)
    return change
  }

  async #settleOld<T>(
    item: Promise<unknown>,
    change: Promise<T>,
    fateOf: (result: T) => Fate,
  ): Promise<void> {
    const [old, changed] = await Promise.allSettled([item, change])
    if (changed.status === 'rejected' || old.status === 'rejected') return
    const index = old.value
    const fate = fateOf(changed.value)
    if (fate === 'stays' || !(index instanceof ChunkIndex)) return
    if (fate === 'gone') this.discard(index)
    else this.#touchAll(index, fate.exptime, undefined).catch(() => {})
  }

  /** Lets an item and its chunks live until `exptime`; `true` if it was there, and whole. */
  async touch(
    key: Key,
    wireKey: string,
    exptime: number,
    call: CallOptions | undefined,
  ): Promise<boolean> {
    const items = this.#touching(undefined, FOLLOWS)
    const request = new GetRequest('touch', key, wireKey, items, exptime)
    return (await routeNow(this.#context, wireKey, request, call)) !== undefined
  }

  /** Touches the chunks of the item that is read, and gives `undefined` where they are gone. */
  #touching(old: ChunkIndex | undefined, follows: number): Envelope {
    return this.#itemsBy((flags, bytes, start, end, reader) => {
      if (flags !== CHUNKED) return true
      const index = ChunkIndex.read(latin1(bytes, start, end), this.#maxSize)
      return index.id === old?.id ? undefined : this.#touchWhole(index, reader, follows)
    })
  }

  async #touchWhole(
    index: ChunkIndex,
    reader: ItemReader | undefined,
    follows: number,
  ): Promise<unknown> {
    const { exptime = 0, itemKey } = reader ?? {}
    if (await this.#touchAll(index, exptime, callOf(reader))) return true
    if (itemKey === undefined || follows === 0) return undefined
    // As for a reader: the item may have been stored again meanwhile.
    const items = this.#touching(index, follows - 1)
    const request = new GetRequest('touch', itemKey, itemKey, items, exptime)
    return route(this.#context, itemKey, request, callOf(reader))
  }

  async #touchAll(
    index: ChunkIndex,
    exptime: number,
    call: CallOptions | undefined,
  ): Promise<boolean> {
    const touches = this.#keys(index).map((chunk) => {
      const request = new TouchRequest('touch chunk', chunk, chunk, exptime)
      request.course.patient = true
      return route(this.#context, chunk, request, call)
    })
    return (await Promise.all(touches)).every((isThere) => isThere)
  }

  /** @param itemKey - of the item that was decoded: its reader may have gone on to the next. */
  async #read(
    index: ChunkIndex,
    reader: ItemReader | undefined,
    itemKey: string | undefined,
    follows: number,
  ): Promise<unknown> {
    const pieces = await this.#pieces(index, reader?.exptime, callOf(reader))
    if (!pieces.every((piece) => piece !== undefined)) {
      return this.#follow(index, reader, itemKey, follows)
    }
    const whole = Buffer.concat(pieces)
    if (whole.length !== index.length || checksum(whole) !== index.checksum) {
      throw new DecodeError(`a value in ${index.count} chunks of which one is damaged`)
    }
    return this.#inner.decode(index.flags, whole, 0, whole.length, reader)
  }

  // The writer that stored the item again has deleted the chunks that were being read.
  async #follow(
    old: ChunkIndex,
    reader: ItemReader | undefined,
    itemKey: string | undefined,
    follows: number,
  ): Promise<unknown> {
    if (itemKey === undefined || follows === 0) return undefined
    const values = this.#itemsBy((flags, bytes, start, end, again) => {
      if (flags !== CHUNKED) return this.#inner.decode(flags, bytes, start, end, again)
      const index = ChunkIndex.read(latin1(bytes, start, end), this.#maxSize)
      return index.id === old.id ? undefined : this.#read(index, again, itemKey, follows - 1)
    })
    const request = new GetRequest('get', itemKey, itemKey, values, reader?.exptime)
    return route(this.#context, itemKey, request, callOf(reader))
  }

  /** What `wrap` put before an index does not hide it. */
  #itemsBy(decode: ValueDecoder['decode']): Envelope {
    return new Envelope({
      encode: (value) => this.#inner.encode(value),
      encodePiece: () => this.encodePiece(),
      decode,
    })
  }

  // Asked for in one tick, the chunks of a server come in one round trip.
  #pieces(
    index: ChunkIndex,
    exptime: number | undefined,
    call: CallOptions | undefined,
  ): Promise<(Buffer | undefined)[]> {
    return Promise.all(
      this.#keys(index).map((chunk) => {
        const request = new GetRequest('get chunk', chunk, chunk, asBytes, exptime)
        request.course.patient = true
        return route(this.#context, chunk, request, call) as Promise<Buffer | undefined>
      }),
    )
  }

  #keys({ id, count }: ChunkIndex): string[] {
    const { keys } = this.#context
    return Array.from({ length: count }, (_, position) =>
      keys.toWire(`glammp:chunk:${id}:${position}`, 'chunk'),
    )
  }
}

/** Stands for an item that is not an index. */
const NO_INDEX = true

/**
 * In the time that the reader has left; in whole milliseconds, because waits of one duration share
 * a queue.
 */
function callOf(reader: ItemReader | undefined): CallOptions | undefined {
  return reader && { timeout: Math.max(1, Math.ceil(reader.due - monotonic())) }
}
