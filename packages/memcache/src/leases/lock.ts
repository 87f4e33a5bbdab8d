import { Backoff, latin1, sleep } from '@glammp/wire'
import { ClosedError } from '../errors.js'
import type { Key } from '../key.js'
import { toExptime } from '../keys/ttl.js'
import type { StorageFields } from '../protocol/protocol.js'
import { type Reply, ReplyKind } from '../protocol/reply.js'
import { DeletionRequest } from '../requests/item-request.js'
import type { Request } from '../requests/request.js'
import { type Found, GetManyRequest, NO_CAS } from '../requests/retrieval.js'
import { LOCK_RETURN, LOCK_RETURNS } from '../requests/retry.js'
import { StorageRequest, type Stored } from '../requests/storage.js'
import type { Server } from '../servers/server.js'
import type { ValueDecoder } from '../values/value-decoder.js'

/** An expiry that has passed: storing with it removes the item, if a cas token still holds. */
const PAST = toExptime(new Date(0))

/** Seconds that the lock of a holder about to store lives beyond the time of a command. */
const STORING_GRACE = 2

const text: ValueDecoder = {
  decode: (_flags, bytes, start, end) => latin1(bytes, start, end),
}

/** A lock as it was read. */
export interface SeenLock {
  /** What its holder wrote into it. */
  readonly nonce: string
  /**
   * The value is loaded and on its way: a caller that deletes the item now waits until it has
   * arrived.
   */
  readonly storing: boolean
  readonly cas: string
}

const STORING = '!'

// If a stand-in takes the item, it takes the lock as well.
class ValueStore extends StorageRequest<boolean> {
  override get movable(): boolean {
    return true
  }
}

class LockStore extends ValueStore {
  override get aside(): boolean {
    return true
  }
}

class LockRead extends GetManyRequest {
  override get aside(): boolean {
    return true
  }
}

// Sending it twice does no harm: the lock contains its holder, and is read afterwards.
class LockAdd extends LockStore {
  /** Called if the lock was won, but nobody waits for the answer any more. */
  wonLate: (() => void) | undefined = undefined

  override get repeatable(): boolean {
    return true
  }

  override late(reply: Reply): void {
    if (reply.kind === ReplyKind.DONE) this.wonLate?.()
  }
}

class LockRemoval extends DeletionRequest {
  override get aside(): boolean {
    return true
  }

  override get movable(): boolean {
    return true
  }
}

/**
 * The small item, next to a key and on its server, that says who loads the value of the key. It is
 * a separate item: to all other commands a key that is being loaded is missing.
 */
export class Lock {
  readonly #server: Server
  readonly #key: string
  /** Milliseconds for each command. */
  readonly #timeout: number
  readonly #patient: boolean

  /**
   * @param key - of the lock, as it is sent.
   * @param patient - its requests are of a list.
   */
  constructor(server: Server, key: string, timeout: number, patient: boolean) {
    this.#server = server
    this.#key = key
    this.#timeout = timeout
    this.#patient = patient
  }

  /** Takes the lock if nobody has it. @param seconds - that it lives at most. */
  take(nonce: string, seconds: number): Promise<boolean> {
    const fields = this.#fields('add', nonce, toExptime(seconds), '')
    const request = new LockAdd('wrap', this.#key, fields, isStored)
    request.wonLate = () => void this.giveBack(nonce, 0)
    return this.#submit<boolean>(request)
  }

  /**
   * Takes the lock away if this holder has it, so that nobody waits for a value that nobody loads.
   * Keeps trying while the server is away.
   *
   * @param delay - milliseconds before the first attempt.
   */
  async giveBack(nonce: string, delay: number): Promise<void> {
    let absent = 0
    const { all, absent: inVain } = LOCK_RETURNS
    const backoff = new Backoff(LOCK_RETURN)
    for (let attempt = 0; attempt < all && absent < inVain; attempt += 1) {
      const wait = attempt === 0 ? delay : backoff.next()
      if (wait > 0) await sleep(wait, undefined, { ref: false })
      try {
        const held = await this.read()
        if (held?.nonce === nonce && (await this.removeSeen(held))) return
        absent += 1
      } catch (error) {
        if (error instanceof ClosedError) return
      }
    }
  }

  /** The holder of the lock; `undefined`: nobody. */
  async read(): Promise<SeenLock | undefined> {
    const request = new LockRead('wrap', [this.#key], [this.#key], text, true)
    const [found] = await this.#submit<Found>(request)
    if (found === undefined) return undefined
    const content = String(found.value)
    const storing = content.startsWith(STORING)
    return { nonce: storing ? content.slice(STORING.length) : content, storing, cas: found.cas }
  }

  /**
   * Says that the value is on its way: from here on nobody takes the lock away.
   *
   * @returns the lock as it is now; `undefined` if that one no longer has it.
   */
  async announce({ nonce, cas }: SeenLock): Promise<SeenLock | undefined> {
    if (cas === NO_CAS) return this.#readOwn(nonce)
    const seconds = Math.ceil(this.#timeout / 1_000) + STORING_GRACE
    const fields = this.#fields('set', STORING + nonce, toExptime(seconds), cas)
    const marked = this.#submit(new LockStore('wrap', this.#key, fields, isStored))
    const [isOwn, seen] = await Promise.all([marked, this.#readOwn(nonce)])
    return isOwn ? seen : undefined
  }

  /** Takes one's own lock away. @returns `false` if it was gone, or belongs to another. */
  async end(held: SeenLock): Promise<boolean> {
    if (held.cas !== NO_CAS) return this.removeSeen(held)
    const [seen] = await Promise.all([this.#readOwn(held.nonce), this.remove()])
    return seen !== undefined
  }

  async #readOwn(nonce: string): Promise<SeenLock | undefined> {
    const seen = await this.read()
    return seen?.nonce === nonce ? seen : undefined
  }

  /** Takes the lock away. @returns `false` if it was gone. */
  remove(): Promise<boolean> {
    return this.#submit<boolean>(new LockRemoval('wrap', this.#key, this.#key))
  }

  /** Takes the lock away from the holder that was read. @returns `false` if it changed. */
  removeSeen({ cas }: SeenLock): Promise<boolean> {
    if (cas === NO_CAS) return this.remove()
    return this.#submit(
      new LockStore('wrap', this.#key, this.#fields('set', '', PAST, cas), isStored),
    )
  }

  #submit<T>(request: Request<T>): Promise<T> {
    request.course.patient = this.#patient
    return this.#server.submit(request, this.#timeout)
  }

  #fields(mode: 'add' | 'set', data: string, exptime: number, cas: string): StorageFields {
    return { mode, key: this.#key, data, flags: 0, exptime, cas }
  }
}

/** Stores a value that was loaded, if the item is still what it was. */
export function replacement(
  wireKey: string,
  fields: Pick<StorageFields, 'data' | 'flags' | 'exptime'>,
  cas: string | undefined,
): StorageRequest<boolean> {
  const mode = cas === undefined ? 'add' : 'set'
  const token = cas === undefined || cas === NO_CAS ? '' : cas
  const all = { ...fields, key: wireKey, mode, cas: token } as const
  return new ValueStore('wrap', wireKey, all, isStored)
}

/**
 * Removes an item by its cas token: classic `delete` has no condition, storing with an expiry in
 * the past has.
 */
export function removal(wireKey: string, cas: string): StorageRequest<boolean> {
  return replacement(wireKey, { data: '', flags: 0, exptime: PAST }, cas)
}

/** Whether an item has exactly these bytes, and its token. */
export class Comparison extends GetManyRequest {
  constructor(key: Key, wireKey: string, data: string | Uint8Array) {
    const wanted = Buffer.from(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
    const same: ValueDecoder = {
      decode: (_flags, bytes, start, end) => wanted.equals(bytes.subarray(start, end)),
    }
    super('wrap', [key], [wireKey], same, true)
  }

  override get aside(): boolean {
    return true
  }
}

function isStored(stored: Stored): boolean {
  return stored === 'stored'
}
