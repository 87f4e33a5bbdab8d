import { randomBytes } from 'node:crypto'
import { kept, latin1, monotonic } from '@glammp/wire'
import { checksum } from '../checksum.js'
import { DecodeError, ValueTooLargeError } from '../errors.js'
import { type Key, keyText } from '../given-key.js'
import type { KeyRules } from '../key.js'
import { DeletionRequest } from '../protocol/item-request.js'
import type { ItemReader, ValueDecoder } from '../protocol/request.js'
import { GetRequest } from '../protocol/retrieval.js'
import { StorageRequest } from '../protocol/storage.js'
import { CHUNKED, ChunkIndex } from '../values/chunk-index.js'
import { Envelope } from '../values/envelope.js'
import type { Encoded } from '../values/serializer.js'
import type { Transcoder } from '../values/transcoder.js'
import { Changes } from './changes.js'
import { type CallOptions, type RouteContext, route } from './route.js'

/** What a chunked value is stored for, for errors. */
export interface ChunkOwner {
  readonly command: string
  readonly key: Key
}

export interface ChunkContext extends RouteContext {
  readonly keys: KeyRules
  /** Bytes of the largest encoded value. */
  readonly maxValueSize: number
}

/** An item's header and key count against the server's item size, and a chunk holds one less. */
const ITEM_OVERHEAD = 512

const stored = (outcome: string): boolean => outcome === 'stored'

/** Bytes as they are. */
const asBytes: ValueDecoder = {
  decode: (_flags, bytes, start, end) => kept(bytes, start, end),
}

/**
 * Values over the server's item size, in pieces under keys of their own: written before the index,
 * which takes the place of the item, and named by a random id, so that a reader finds all pieces
 * of one writing or nothing. It reads as a transcoder does, so that every command that decodes
 * items gets whole values.
 */
export class Chunks implements Transcoder {
  /** Bytes of the largest value that is stored as one item. */
  readonly pieceSize: number
  readonly #context: ChunkContext
  readonly #inner: Transcoder
  readonly #maxSize: number
  readonly #indexes: Envelope

  /** @param maxSize - bytes that a value may have, encoded. */
  constructor(context: ChunkContext, inner: Transcoder, maxSize: number) {
    const { maxValueSize } = context
    this.pieceSize = Math.max(maxValueSize - ITEM_OVERHEAD, Math.ceil(maxValueSize / 2))
    // Who listens is told of the item alone, not of its chunks.
    this.#context = { ...context, changes: new Changes() }
    this.#inner = inner
    this.#maxSize = maxSize
    // What `wrap` put before an index does not hide it.
    this.#indexes = new Envelope({
      encode: (value) => inner.encode(value),
      encodePiece: (value) => inner.encodePiece(value),
      decode: (flags, bytes, start, end) =>
        flags === CHUNKED ? ChunkIndex.read(latin1(bytes, start, end), maxSize) : NO_INDEX,
    })
  }

  encode(value: unknown): Encoded {
    return this.#inner.encode(value)
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
    return this.#read(index, reader)
  }

  /**
   * What to store as the item: the value itself if it fits, else, once its chunks are stored, the
   * index of them.
   *
   * @throws ValueTooLargeError for a value over the bound.
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

  /** Deletes the chunks of an index that did not come to be stored. */
  discardUnused({ data, flags }: Encoded): void {
    if (flags === CHUNKED) this.discard(ChunkIndex.read(String(data), this.#maxSize))
  }

  /** Deletes chunks, without waiting: those that stay are evicted in the end. */
  discard(index: ChunkIndex): void {
    for (const chunk of this.#keys(index)) {
      const request = new DeletionRequest('delete chunk', chunk, chunk)
      route(this.#context, chunk, request, undefined).catch(() => {})
    }
  }

  /** The index of a value in chunks, if the item is one. */
  async indexOf(
    { command, key }: ChunkOwner,
    wireKey: string,
    call: CallOptions | undefined,
  ): Promise<ChunkIndex | undefined> {
    const request = new GetRequest(command, key, wireKey, this.#indexes)
    const index = await route(this.#context, wireKey, request, call)
    return index instanceof ChunkIndex ? index : undefined
  }

  /** Deletes the chunks of an item when the item is deleted. */
  async discardWith(
    item: Promise<ChunkIndex | undefined>,
    removal: Promise<boolean>,
  ): Promise<void> {
    const [index, removed] = await Promise.allSettled([item, removal])
    if (index.status === 'rejected' || index.value === undefined) return
    if (removed.status === 'fulfilled' && removed.value) this.discard(index.value)
  }

  /** Lets an item and its chunks live until `exptime`; `true` if it was there, and whole. */
  async touch(
    key: Key,
    wireKey: string,
    exptime: number,
    call: CallOptions | undefined,
  ): Promise<boolean> {
    const request = new GetRequest('touch', key, wireKey, this.#indexes, exptime)
    const index = await route(this.#context, wireKey, request, call)
    if (!(index instanceof ChunkIndex)) return index !== undefined
    return (await this.#pieces(index, exptime, call)).every((piece) => piece !== undefined)
  }

  async #read(index: ChunkIndex, reader: ItemReader | undefined): Promise<unknown> {
    const call = reader === undefined ? undefined : { timeout: remaining(reader.due) }
    const pieces = await this.#pieces(index, reader?.exptime, call)
    if (!pieces.every((piece) => piece !== undefined)) return undefined
    const whole = Buffer.concat(pieces)
    if (whole.length !== index.length || checksum(whole) !== index.checksum) {
      throw new DecodeError(`a value in ${index.count} chunks of which one is damaged`)
    }
    return this.#inner.decode(index.flags, whole, 0, whole.length, reader)
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

/** Stands for an item that is no index. */
const NO_INDEX = true

/** Milliseconds that are left; whole ones, for waits of one duration share a queue. */
function remaining(due: number): number {
  return Math.max(1, Math.ceil(due - monotonic()))
}
