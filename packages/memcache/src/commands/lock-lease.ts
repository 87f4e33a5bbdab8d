import { randomBytes } from 'node:crypto'
import { latin1 } from '@glammp/wire'
import { DeletionRequest } from '../protocol/item-request.js'
import type { Request, StorageFields, ValueDecoder } from '../protocol/request.js'
import { type Found, GetManyRequest } from '../protocol/retrieval.js'
import { StorageRequest, type Stored } from '../protocol/storage.js'
import type { Server } from '../servers/server.js'
import { toExptime } from '../ttl.js'
import type { Notes, WrappedItem } from '../values/envelope.js'
import type { Encoded } from '../values/serializer.js'
import { derivedKey } from './derived-key.js'
import {
  type Ask,
  Lease,
  type LeaseContext,
  type LeaseProtocol,
  type LeaseScope,
  type Life,
  type Look,
  type WireKey,
} from './lease.js'

/** An expiry that has passed: storing with it removes the item, if a cas token still holds. */
const PAST = toExptime(new Date(0))

/** An item with its cas token. */
interface Sight {
  readonly item: WrappedItem
  readonly cas: string
}

/**
 * Leases by the commands that every server and proxy knows: who can `add` the lock, a small item
 * on the server of the key, computes. The item's own end travels in front of its value.
 */
export class LockLeases implements LeaseProtocol {
  readonly #context: LeaseContext
  readonly #items: ValueDecoder

  constructor(context: LeaseContext) {
    this.#context = context
    this.#items = {
      // Not the promise itself: a request would take it for a value that is still to come.
      decode: (flags, bytes, start, end) => ({
        item: context.envelope.unseal(flags, bytes, start, end),
      }),
    }
  }

  async look(
    server: Server,
    keys: readonly WireKey[],
    ask: Ask,
  ): Promise<readonly PromiseSettledResult<Look>[]> {
    try {
      const looks = await this.#look(server, keys, ask)
      return looks.map((value) => ({ status: 'fulfilled', value }))
    } catch (reason) {
      return keys.map(() => ({ status: 'rejected', reason }))
    }
  }

  async #look(server: Server, keys: readonly WireKey[], ask: Ask): Promise<Look[]> {
    // Who has waited will find no value as a rule, and tries for the lock at once.
    const found = ask.again ? [] : this.#read(server, keys, ask)
    const [sights, fingerprint] = await Promise.all([found, ask.fingerprint])
    const looks = new Map<number, Look>()
    const open: number[] = []
    for (const position of keys.keys()) {
      const look = judge(sights[position], fingerprint, ask)
      if (look.state === 'fresh') looks.set(position, look)
      else open.push(position)
    }
    const rest = open.map((position) => keys[position] as WireKey)
    const others = rest.length === 0 ? [] : await this.#compete(server, rest, fingerprint, ask)
    for (const [index, look] of others.entries()) looks.set(open[index] as number, look)
    return [...keys.keys()].map((position) => looks.get(position) as Look)
  }

  // The lock first, then the item once more: the last winner may have stored it and left.
  async #compete(
    server: Server,
    keys: readonly WireKey[],
    fingerprint: string,
    ask: Ask,
  ): Promise<Look[]> {
    const nonce = randomBytes(12).toString('base64url')
    const locks = keys.map(({ key }) => derivedKey(this.#context.keys, 'lock', key))
    const attempts = locks.map((lock) => {
      // Servers count whole seconds: an item lives up to one second less than it is told.
      const exptime = ask.lease + 1
      const fields = { mode: 'add', key: lock, data: nonce, flags: 0, exptime, cas: '' } as const
      return server.submit(new StorageRequest('wrap', lock, fields, isStored), ask.timeout)
    })
    const [won, sights] = await Promise.all([Promise.all(attempts), this.#read(server, keys, ask)])
    return keys.map(({ key, wireKey }, position) => {
      const look = judge(sights[position], fingerprint, ask)
      if (won[position] !== true) return look
      const scope = { key, wireKey, server, fingerprint, timeout: ask.timeout }
      const lock = { key: locks[position] as string, nonce }
      const lease = new LockLease(this.#context, scope, lock, sights[position]?.cas)
      if (look.state !== 'fresh') return { ...look, lease }
      lease.release().catch(() => {})
      return look
    })
  }

  async #read(
    server: Server,
    keys: readonly WireKey[],
    ask: Ask,
  ): Promise<readonly (Sight | undefined)[]> {
    const wireKeys = keys.map(({ wireKey }) => wireKey)
    const names = keys.map(({ key }) => key)
    const request = new GetManyRequest('wrap', names, wireKeys, this.#items, true)
    const found = await server.submit<Found>(request, ask.timeout)
    return Promise.all(
      found.map(async (entry) => {
        if (entry === undefined) return undefined
        const { item } = entry.value as { item: Promise<WrappedItem> }
        return { item: await item, cas: entry.cas }
      }),
    )
  }
}

function judge(sight: Sight | undefined, fingerprint: string, ask: Ask): Look {
  const item = sight?.item
  if (item?.readable !== true || item.fingerprint !== fingerprint) {
    return { item: undefined, lease: undefined, state: 'missing' }
  }
  const isDue = item.expiry !== 0 && Date.now() / 1_000 >= item.expiry - ask.refreshAhead
  return { item, lease: undefined, state: isDue ? 'due' : 'fresh' }
}

function isStored(stored: Stored): boolean {
  return stored === 'stored'
}

/** The lock item: whose it is stands in it. */
interface Lock {
  readonly key: string
  readonly nonce: string
}

class LockLease extends Lease {
  readonly #lock: Lock
  /** Token of the item that is there already, if one is. */
  readonly #itemCas: string | undefined

  constructor(context: LeaseContext, scope: LeaseScope, lock: Lock, itemCas: string | undefined) {
    super(context, scope)
    this.#lock = lock
    this.#itemCas = itemCas
  }

  async release(): Promise<void> {
    const cas = await this.#held()
    if (cas !== undefined) await this.#removeIf(this.#lock.key, cas)
  }

  async discard(): Promise<void> {
    if (this.#itemCas !== undefined && (await this.#held()) !== undefined) {
      await this.#removeIf(this.scope.wireKey, this.#itemCas)
    }
    await this.release()
  }

  protected notes({ expiry }: Life, fingerprint: string): Notes {
    return { expiry, fingerprint }
  }

  // An invalidation removes the lock, then the item. So who still holds the lock after storing was
  // not overtaken: an invalidation that comes now removes what was stored.
  protected async store(encoded: Encoded, exptime: number): Promise<boolean> {
    if ((await this.#held()) === undefined) return false
    const { wireKey } = this.scope
    const place =
      this.#itemCas === undefined
        ? ({ mode: 'add', cas: '' } as const)
        : ({ mode: 'set', cas: this.#itemCas } as const)
    const [stored, held] = await Promise.all([
      this.#store({ ...encoded, ...place, key: wireKey, exptime }),
      this.#held(),
    ])
    // A lock that cannot be removed ends by itself.
    if (held !== undefined) await this.#removeIf(this.#lock.key, held).catch(() => {})
    else if (stored) await this.#submit(new DeletionRequest('wrap', this.scope.key, wireKey))
    return stored && held !== undefined
  }

  /** Cas token of the lock while it is ours. */
  async #held(): Promise<string | undefined> {
    const { key, nonce } = this.#lock
    const content: ValueDecoder = {
      decode: (_flags, bytes, start, end) => latin1(bytes, start, end),
    }
    const [lock] = await this.#submit(new GetManyRequest('wrap', [key], [key], content, true))
    return lock?.value === nonce ? lock.cas : undefined
  }

  // Classic `delete` knows no condition; storing with an expiry in the past does.
  async #removeIf(key: string, cas: string): Promise<void> {
    await this.#store({ mode: 'set', key, data: '', flags: 0, exptime: PAST, cas })
  }

  #store(fields: StorageFields): Promise<boolean> {
    return this.#submit(new StorageRequest('wrap', this.scope.key, fields, isStored))
  }

  #submit<T>(request: Request<T>): Promise<T> {
    const { server, timeout } = this.scope
    return server.submit(request, timeout)
  }
}
