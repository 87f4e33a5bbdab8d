import { type Checks, isPlain, OptionRules, wrong } from '@glammp/wire'
import { fateBehind } from '../dispatch/chunks.js'
import type { CommandContext } from '../dispatch/context.js'
import { encodeFor } from '../dispatch/encoding.js'
import { CALL_CHECKS, type CallOptions, checkCall, route, routeNow } from '../dispatch/route.js'
import { Turn } from '../dispatch/turn.js'
import { ValueTooLargeError } from '../errors.js'
import { type Key, keyText } from '../key.js'
import { checkTtl, isShort, isTtl, type Ttl, toExptime } from '../keys/ttl.js'
import { overtakeLoad, overtakeNow } from '../leases/guard.js'
import type { StorageFields, StorageMode } from '../protocol/protocol.js'
import { StorageRequest, type Stored } from '../requests/storage.js'
import type { Encoded } from '../values/serializer.js'
import { togetherFailed } from './many.js'

/** Options of the storing calls. */
export interface StoreOptions extends CallOptions {
  /** Seconds that the item lives, 0 (the default) for ever; or the Date on which it ends. */
  readonly ttl?: Ttl | undefined
}

/** The known options of storing calls and their valid values. */
export const STORE_CHECKS: Checks<StoreOptions> = { ttl: checkTtl, ...CALL_CHECKS }

const STORE_RULES = new OptionRules<StoreOptions>(STORE_CHECKS, 'seconds, a Date or ')

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
      const exptime = readExptime(mode, options)
      const encoded = encodeFor(this.#context.transcoder, mode, key, value)
      const draft = this.#draft(mode, mode, key, encoded, '', exptime, wasStored)
      return this.#submit(draft, callOptions(options))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Adds a small value, for a command whose turn it is. */
  async addNow(
    key: Key,
    value: unknown,
    options: Ttl | StoreOptions | undefined,
  ): Promise<boolean> {
    const exptime = readExptime('add', options)
    const encoded = encodeFor(this.#context.transcoder, 'add', key, value)
    const draft = this.#draft('add', 'add', key, encoded, '', exptime, wasStored)
    const { data, flags } = encoded.later === undefined ? encoded : await encoded.later
    const request = new StorageRequest('add', key, { ...draft.fields, data, flags }, wasStored)
    return this.#send(draft, request, callOptions(options), routeNow)
  }

  async extend(
    mode: 'append' | 'prepend',
    key: Key,
    value: string | Uint8Array,
    options: CallOptions | undefined,
  ): Promise<boolean> {
    checkCall(mode, options)
    const piece = { data: this.#context.transcoder.encodePiece(value), flags: 0 }
    return this.#submit(this.#draft(mode, mode, key, piece, '', 0, wasStored), options)
  }

  async cas(
    key: Key,
    value: unknown,
    cas: string,
    options: Ttl | StoreOptions | undefined,
  ): Promise<CasResult> {
    checkToken(cas)
    const exptime = readExptime('cas', options)
    const encoded = encodeFor(this.#context.transcoder, 'cas', key, value)
    const draft = this.#draft('cas', 'set', key, encoded, cas, exptime, casResult)
    return this.#submit(draft, callOptions(options))
  }

  async setMany(entries: Entries, options: Ttl | StoreOptions | undefined): Promise<number> {
    const exptime = readExptime('setMany', options)
    const pairs = pairsOf(entries)
    // All of them are checked before the first is sent.
    const drafts = pairs.map(([key, value]) => {
      const encoded = encodeFor(this.#context.transcoder, 'setMany', key, value)
      return this.#draft('setMany', 'set', key, encoded, '', exptime, wasStored)
    })
    const call = callOptions(options)
    const outcomes = await Promise.allSettled(
      drafts.map((draft) => this.#submit(draft, call, true)),
    )
    const failure = togetherFailed(
      'setMany',
      outcomes,
      pairs.map(([key]) => [key]),
    )
    if (failure !== undefined) throw failure
    return outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value).length
  }

  // Checks everything that can be checked before the first byte is sent.
  #draft<T>(
    command: string,
    mode: StorageMode,
    key: Key,
    { data, flags, later }: Encoded,
    cas: string,
    exptime: number,
    outcome: (stored: Stored) => T,
  ): Draft<T> {
    const wireKey = this.#context.keys.toWire(key, command)
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

  #submit<T>(draft: Draft<T>, call: CallOptions | undefined, patient = false): Promise<T> {
    const { command, key, fields, later, outcome } = draft
    const { chunks } = this.#context
    if (later !== undefined || (chunks !== undefined && fields.data.length > chunks.pieceSize)) {
      return this.#submitLater(draft, call, patient)
    }
    const request = new StorageRequest(command, key, fields, outcome)
    request.course.patient = patient
    if (chunks === undefined && !isShort(fields.exptime)) {
      return route(this.#context, fields.key, request, call)
    }
    return this.#send(draft, request, call, route)
  }

  // A value that is being loaded now must not be stored after it has expired.
  async #send<T>(
    draft: Draft<T>,
    request: StorageRequest<T>,
    call: CallOptions | undefined,
    way: typeof route,
  ): Promise<T> {
    const { command, key, fields } = draft
    if (!isShort(fields.exptime)) return this.#replacing(draft, request, call, way)
    let result: T | undefined
    const send = async (left: CallOptions | undefined): Promise<boolean> => {
      result = await this.#replacing(draft, request, left, routeNow)
      return request.course.result === 'stored'
    }
    const { patient } = request.course
    const overtake = way === route ? overtakeLoad : overtakeNow
    const wireKey = fields.key
    const change = { command, key, wireKey, send, onlyIfFound: true, stores: true, patient }
    await overtake(this.#context, change, call)
    return result as T
  }

  // Every stored value except an added one may replace a value in chunks.
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
    const sending = { call, way, patient: request.course.patient }
    return chunks.replacing(draft, key, sending, send, () => fateBehind(request))
  }

  #submitLater<T>(draft: Draft<T>, call: CallOptions | undefined, patient: boolean): Promise<T> {
    const { command, key, fields, later, outcome } = draft
    const { changes, chunks, keyOrder } = this.#context
    const waits = keyOrder.of(fields.key) !== undefined
    let turn: Turn | undefined
    const work = keyOrder.take(fields.key, async () => {
      const encoded = (await later) ?? fields
      if (chunks === undefined) this.#checkSize(draft, encoded.data.length)
      const item = (await chunks?.fit(encoded, fields.exptime, draft, call)) ?? encoded
      const settled = (result: Stored): T => {
        if (result !== 'stored') chunks?.discardUnused(item)
        return outcome(result)
      }
      const { data, flags } = item
      const request = new StorageRequest(command, key, { ...fields, data, flags }, settled)
      request.course.patient = patient
      return async () => {
        try {
          const left = turn === undefined ? call : turn.begin()
          return await this.#send(draft, request, left, routeNow)
        } catch (error) {
          // Whether it was stored or not: a miss is better than pieces that nobody deletes.
          chunks?.discardUnused(item)
          throw error
        }
      }
    })
    // Its own pieces are under way meanwhile: then it is counted anew.
    if (waits) turn = new Turn(this.#context, fields.key, draft, call)
    const answer = turn === undefined ? work : turn.orLate(work)
    changes.tell(key, answer)
    return answer
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

/** @throws TypeError or RangeError for invalid options. */
function readExptime(command: string, options: Ttl | StoreOptions | undefined): number {
  if (options === undefined) return 0
  if (isTtl(options)) return toExptime(options)
  STORE_RULES.check(command, options)
  return options.ttl === undefined ? 0 : toExptime(options.ttl)
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

/**
 * A token is an unsigned 64-bit number, and 0 is not a token: with it the binary protocol would
 * store in any case.
 */
function checkToken(cas: unknown): void {
  if (typeof cas !== 'string' || !/^\d{1,20}$/.test(cas)) {
    throw new TypeError('cas takes the token that gets returned, a string of digits')
  }
  if (cas.length === 20 && BigInt(cas) > LARGEST_TOKEN)
    throw new RangeError('a cas token is at most 2^64 - 1')
}

const LARGEST_TOKEN = 2n ** 64n - 1n

/**
 * Invalid keys are found where keys are checked.
 *
 * @throws TypeError if it does not contain pairs.
 */
function pairsOf(entries: Entries): readonly (readonly [Key, unknown])[] {
  // For text and bytes, the letters and numbers would be taken as entries.
  if (typeof entries !== 'object' || entries === null || ArrayBuffer.isView(entries)) {
    throw new TypeError(wrong('entries', ENTRIES, entries))
  }
  if (!(Symbol.iterator in entries)) {
    const pairs = Object.entries(entries)
    // A promise that was not awaited, a Date: nothing would be stored, without an error.
    if (pairs.length === 0 && !isPlain(entries))
      throw new TypeError(wrong('entries', ENTRIES, entries))
    return pairs
  }
  const pairs = [...(entries as Iterable<readonly [Key, unknown]>)]
  for (const pair of pairs) {
    if (Array.isArray(pair) && pair.length === 2) continue
    throw new TypeError(wrong('an entry', 'an array of key and value', pair))
  }
  return pairs
}

const ENTRIES = 'a Map, an object, or pairs of key and value'
