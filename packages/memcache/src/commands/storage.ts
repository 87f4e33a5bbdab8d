import { isDate } from 'node:util/types'
import { ValueTooLargeError } from '../errors.js'
import { type Key, keyText } from '../given-key.js'
import type { StorageFields, StorageMode } from '../protocol/request.js'
import { StorageRequest, type Stored } from '../protocol/storage.js'
import { type Ttl, toExptime } from '../ttl.js'
import type { Encoded } from '../values/serializer.js'
import type { CommandContext } from './context.js'
import { togetherFailed } from './many.js'
import { type CallOptions, route, routeNow } from './route.js'

/** What the storing calls take. */
export interface StoreOptions extends CallOptions {
  /** Seconds that the item lives, 0 (the default) for ever; or the Date on which it ends. */
  readonly ttl?: Ttl | undefined
}

/** Keys with their values: a Map, an object, or pairs. */
export type Entries = Iterable<readonly unknown[]> | Record<string, unknown>

/** What became of a `cas`. */
export type CasResult = 'stored' | 'exists' | 'missing'

/** The commands that store: `set`, `add`, `replace`, `append`, `prepend`, `cas`. */
export class Storage {
  readonly #context: CommandContext

  constructor(context: CommandContext) {
    this.#context = context
  }

  // Not async: the request's own promise goes to the caller.
  store(
    mode: 'set' | 'add' | 'replace',
    key: Key,
    value: unknown,
    options: Ttl | StoreOptions | undefined,
  ): Promise<boolean> {
    try {
      const { transcoder } = this.#context
      return this.#send(mode, mode, key, transcoder.encode(value), '', options, wasStored)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async extend(
    mode: 'append' | 'prepend',
    key: Key,
    value: string | Uint8Array,
    options: CallOptions | undefined,
  ): Promise<boolean> {
    const data = this.#context.transcoder.encodePiece(value)
    return this.#send(mode, mode, key, { data, flags: 0 }, '', options, wasStored)
  }

  async cas(
    key: Key,
    value: unknown,
    cas: string,
    options: Ttl | StoreOptions | undefined,
  ): Promise<CasResult> {
    if (!/^\d{1,20}$/.test(cas)) {
      throw new TypeError('cas takes the token that gets returned, a string of digits')
    }
    const encoded = this.#context.transcoder.encode(value)
    return this.#send('cas', 'set', key, encoded, cas, options, casResult)
  }

  async setMany(entries: Entries, options: Ttl | StoreOptions | undefined): Promise<number> {
    // A key that can be none is found out where keys are checked.
    const pairs: (readonly [Key, unknown])[] =
      Symbol.iterator in entries
        ? [...(entries as Iterable<readonly [Key, unknown]>)]
        : Object.entries(entries)
    // All of them are checked before the first is sent.
    const drafts = pairs.map(([key, value]) => {
      const encoded = this.#context.transcoder.encode(value)
      return this.#draft('setMany', 'set', key, encoded, '', options, wasStored)
    })
    const call = callOptions(options)
    const outcomes = await Promise.allSettled(drafts.map((draft) => this.#submit(draft, call)))
    const failure = togetherFailed(
      'setMany',
      outcomes,
      pairs.map(([key]) => [key]),
    )
    if (failure !== undefined) throw failure
    return outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value).length
  }

  #send<T>(
    command: string,
    mode: StorageMode,
    key: Key,
    encoded: Encoded,
    cas: string,
    options: Ttl | StoreOptions | undefined,
    outcome: (stored: Stored) => T,
  ): Promise<T> {
    const draft = this.#draft(command, mode, key, encoded, cas, options, outcome)
    return this.#submit(draft, callOptions(options))
  }

  // Checks everything that can be checked before the first byte is sent.
  #draft<T>(
    command: string,
    mode: StorageMode,
    key: Key,
    { data, flags, later }: Encoded,
    cas: string,
    options: Ttl | StoreOptions | undefined,
    outcome: (stored: Stored) => T,
  ): Draft<T> {
    const wireKey = this.#context.keys.toWire(key, command)
    const exptime = toExptime(isTtl(options) ? options : options?.ttl)
    const fields = { mode, key: wireKey, data, flags, exptime, cas }
    const draft = { command, key, fields, later, outcome }
    if (later === undefined && this.#context.chunks === undefined) {
      this.#checkSize(draft, data.length)
    }
    return draft
  }

  #checkSize({ command, key }: Draft<unknown>, size: number): void {
    const { maxValueSize } = this.#context
    if (size <= maxValueSize) return
    throw new ValueTooLargeError(
      `${command} ${keyText(key)}: the value has ${size} bytes, maxValueSize is ${maxValueSize}`,
      { command, key },
    )
  }

  #submit<T>(draft: Draft<T>, call: CallOptions | undefined): Promise<T> {
    const { command, key, fields, later, outcome } = draft
    const { chunks } = this.#context
    if (later !== undefined || (chunks !== undefined && fields.data.length > chunks.pieceSize)) {
      return this.#submitLater(draft, call)
    }
    const request = new StorageRequest(command, key, fields, outcome)
    if (chunks !== undefined) return this.#replacing(draft, request, call, route)
    return route(this.#context, fields.key, request, call)
  }

  // Whatever is stored may take the place of a value in chunks, but for what is added.
  #replacing<T>(
    draft: Draft<T>,
    request: StorageRequest<T>,
    call: CallOptions | undefined,
    way: typeof route,
  ): Promise<T> {
    const { chunks } = this.#context
    const { key, mode } = draft.fields
    const send = (): Promise<T> => way(this.#context, key, request, call)
    if (chunks === undefined || mode === 'add') return send()
    return chunks.replacing(draft, key, { call, way }, send, () => request.result === 'stored')
  }

  #submitLater<T>(draft: Draft<T>, call: CallOptions | undefined): Promise<T> {
    const { command, key, fields, later, outcome } = draft
    const { chunks, turns } = this.#context
    return turns.take(fields.key, async () => {
      const encoded = (await later) ?? fields
      if (chunks === undefined) this.#checkSize(draft, encoded.data.length)
      const item = (await chunks?.fit(encoded, fields.exptime, draft, call)) ?? encoded
      const settled = (result: Stored): T => {
        if (result !== 'stored') chunks?.discardUnused(item)
        return outcome(result)
      }
      const { data, flags } = item
      const request = new StorageRequest(command, key, { ...fields, data, flags }, settled)
      return () => this.#replacing(draft, request, call, routeNow)
    })
  }
}

/** A storage command that has been checked, and perhaps waits for its value. */
interface Draft<T> {
  readonly command: string
  readonly key: Key
  readonly fields: StorageFields
  readonly later: Promise<Encoded> | undefined
  readonly outcome: (stored: Stored) => T
}

function isTtl(options: Ttl | StoreOptions | undefined): options is Ttl {
  return typeof options === 'number' || isDate(options)
}

function callOptions(options: Ttl | StoreOptions | undefined): CallOptions | undefined {
  return isTtl(options) ? undefined : options
}

function wasStored(stored: Stored): boolean {
  return stored === 'stored'
}

function casResult(stored: Stored): CasResult {
  return stored === 'not-stored' ? 'missing' : stored
}
