import { fateBehind } from '../dispatch/chunks.js'
import type { CommandContext } from '../dispatch/context.js'
import { named } from '../dispatch/encoding.js'
import type { route } from '../dispatch/route.js'
import { ValueTooLargeError } from '../errors.js'
import { type Key, keyText } from '../key.js'
import { DeletionRequest } from '../requests/item-request.js'
import type { Request } from '../requests/request.js'
import { type Found, NO_CAS } from '../requests/retrieval.js'
import type { StorageRequest } from '../requests/storage.js'
import type { Server } from '../servers/server.js'
import type { WrappedItem } from '../values/envelope.js'
import type { Encoded } from '../values/serializer.js'
import type { Worth } from './judgement.js'
import { Comparison, type Lock, removal, replacement, type SeenLock } from './lock.js'
import type { Print } from './tags.js'

/** Milliseconds after which what was sent before has arrived at the server, or never will. */
const STORE_SETTLES = 50

/** How `wrap` looks up keys. */
export interface LookupOptions {
  /** Seconds that a winner may take. */
  readonly lease: number
  /** Seconds before its end at which an item should be computed anew; 0: never. */
  readonly refreshAhead: number
  /** Milliseconds for each command. */
  readonly timeout: number
  /** The looks are a list, which waits if there are too many. */
  readonly patient: boolean
  /** What a value must carry to be valid. */
  readonly print: Print
  /** `false` for an item that is stale, but that nobody here shall compute now. */
  readonly mayRefresh: (key: Key) => boolean
}

/** What a look at one key found. */
export interface Lookup {
  /** The item, if it may be served. */
  readonly item: WrappedItem | undefined
  /** Seconds for which the item stays fresh. */
  readonly fresh: number
  /** The right and duty to compute the value anew. */
  readonly lease: Lease | undefined
  /**
   * With an item: `fresh`, or `stale` and to be computed anew because of its age, or `invalidated`.
   * Without an item always `missing`.
   */
  readonly state: Worth
  /** Id of the lease of the caller that computes it now, if there is one. */
  readonly holder?: string | undefined
}

/** How long a value lives. */
export interface Life {
  /** In memcached's form, with the time that it may be served stale. */
  readonly exptime: number
  /** Unix time in seconds of its own end; 0: never. */
  readonly expiry: number
  /** Seconds that it may be served past that; 0 where it has no end of its own. */
  readonly stale: number
  /** Seconds from now on in which it is fresh; `Infinity`: always. */
  readonly fresh: number
}

/** A key with the form in which it is sent. */
export interface WireKey {
  readonly key: Key
  readonly wireKey: string
}

/** The key and settings of a lease. */
export interface LeaseScope extends WireKey {
  readonly server: Server
  readonly fingerprint: string
  /** Milliseconds for each command. */
  readonly timeout: number
  /** One of a list. */
  readonly patient: boolean
}

/**
 * Won by one caller of all processes: it computes the value, then calls exactly one of the three.
 * Whatever happened to the key meanwhile is not undone by them.
 */
export class Lease {
  readonly #context: CommandContext
  readonly #scope: LeaseScope
  readonly #lock: Lock
  readonly #held: SeenLock
  /** Token of the item that already existed, if there was one. */
  readonly #itemCas: string | undefined
  #announced = false

  constructor(
    context: CommandContext,
    scope: LeaseScope,
    lock: Lock,
    held: SeenLock,
    itemCas: string | undefined,
  ) {
    this.#context = context
    this.#scope = scope
    this.#lock = lock
    this.#held = held
    this.#itemCas = itemCas
  }

  /** Tells this lease from all others. */
  get id(): string {
    return this.#held.nonce
  }

  /** Stores the value; `false` if the key was changed or invalidated meanwhile. */
  async fill(value: unknown, life: Life): Promise<boolean> {
    const { chunks } = this.#context
    let pieces: Encoded | undefined
    let isStored = false
    try {
      const item = await this.#seal(value, life, (whole) => {
        pieces = whole
      })
      const fields = { ...item, exptime: life.exptime }
      const request = replacement(this.#scope.wireKey, fields, this.#itemCas)
      isStored = await this.#change(request, item.data)
    } finally {
      if (!isStored && pieces !== undefined) chunks?.discardUnused(pieces)
    }
    return isStored
  }

  /** @param inPieces - called with the index of a value whose pieces are stored. */
  async #seal(
    value: unknown,
    { exptime, expiry, stale }: Life,
    inPieces: (whole: Encoded) => void,
  ): Promise<Encoded> {
    const { key, fingerprint, timeout } = this.#scope
    const { chunks, maxValueSize, transcoder } = this.#context
    const owner = { command: 'wrap', key }
    const fit = async (encoded: Encoded): Promise<Encoded> => {
      if (chunks === undefined) return encoded
      const whole = await chunks.fit(encoded, exptime, owner, { timeout })
      inPieces(whole)
      return whole
    }
    const sealing = transcoder.seal(value, { expiry, stale, fingerprint }, chunks && fit)
    const sealed = await sealing.catch((error: unknown) => {
      throw named(error, owner.command, key)
    })
    const { length } = sealed.data
    if (length <= maxValueSize) return sealed
    throw new ValueTooLargeError(
      `wrap ${keyText(key)}: the value has ${length} bytes, maxValueSize is ${maxValueSize}`,
      owner,
    )
  }

  /**
   * Lets the next caller compute; an old value stays. If the server is away, as soon as it is back.
   */
  async release(): Promise<void> {
    try {
      if (!this.#announced) await this.#lock.removeSeen(this.#held)
      // What was sent on a lost connection arrives before it, if it does.
      else void this.#lock.giveBack(this.id, STORE_SETTLES)
    } catch {
      void this.#lock.giveBack(this.id, STORE_SETTLES)
    }
  }

  /** There is no value: an old one is removed. */
  async discard(): Promise<void> {
    if (this.#itemCas === undefined) await this.release()
    else await this.#change(removal(this.#scope.wireKey, this.#itemCas), undefined)
  }

  // A caller that deletes the item takes the lock away first, or waits while a value is on its way.
  async #change(
    request: StorageRequest<boolean>,
    stored: string | Uint8Array | undefined,
  ): Promise<boolean> {
    this.#announced = true
    const held = await this.#lock.announce(this.#held)
    if (held === undefined) return false
    request.course.patient = this.#scope.patient
    const changed = this.#itemCas === undefined ? this.#submit(request) : this.#replace(request)
    const [isChanged, wasHeld] = await Promise.all([changed, this.#lock.end(held)])
    if (isChanged && !wasHeld && stored !== undefined) await this.#undo(stored)
    return isChanged && wasHeld
  }

  /** The pieces of an old value go with it. */
  #replace(request: StorageRequest<boolean>): Promise<boolean> {
    const { chunks } = this.#context
    const { key, wireKey, patient } = this.#scope
    const send = (): Promise<boolean> => this.#submit(request)
    if (chunks === undefined) return send()
    const way: typeof route = (_context, _wireKey, old) => this.#submit(old)
    const sending = { call: undefined, way, patient }
    const owner = { command: 'wrap', key }
    return chunks.replacing(owner, wireKey, sending, send, () => fateBehind(request))
  }

  // On the server where it was looked up, even if the list of servers has changed meanwhile.
  #submit<T>(request: Request<T>): Promise<T> {
    const { server, timeout } = this.#scope
    return server.submit(request, timeout)
  }

  /**
   * All items were flushed, or this process was asleep: what it stored may be old, and is removed
   * if it is still there.
   */
  async #undo(stored: string | Uint8Array): Promise<void> {
    const { key, wireKey, patient } = this.#scope
    const comparison = new Comparison(key, wireKey, stored)
    comparison.course.patient = patient
    const [found] = await this.#submit<Found>(comparison)
    if (found?.value !== true) return
    const gone =
      found.cas === NO_CAS ? new DeletionRequest('wrap', key, wireKey) : removal(wireKey, found.cas)
    gone.course.patient = patient
    await this.#submit<boolean>(gone)
  }
}
