import { isMap } from 'node:util/types'
import { listOf, orAborted, sleep, TransientMap, wrong } from '@glammp/wire'
import { isBinary, type Key, keyId } from '../key.js'
import { freshFor } from '../leases/judgement.js'
import type { LookupOptions } from '../leases/lease.js'
import type { WrappedItem } from '../values/envelope.js'
import { Flight } from './flight.js'
import { Glimpse, goOn, type Roads } from './glimpse.js'
import { Loading } from './loading.js'
import { NearCache, type NearOptions } from './near-cache.js'
import { Pauses } from './pauses.js'
import { type Loader, Search, type SearchCommands, type SearchOwner } from './search.js'
import type { WrapOptions, WrapPlan } from './wrap-options.js'
import { WrapPlans } from './wrap-plans.js'

/**
 * The loader of `wrapMany`: receives the missing keys and returns a Map, from which keys without a
 * value are absent, or an array with one value for each key, in the order of the keys.
 */
export type LoadMany<T, K extends Key = string> = (
  keys: K[],
) => ReadonlyMap<K, T> | readonly T[] | Promise<ReadonlyMap<K, T> | readonly T[]>

/** The commands that cache-aside uses. */
export interface CacheAsideCommands extends SearchCommands {
  /** @throws ClosedError */
  checkOpen(): void
  /** @throws InvalidKeyError */
  check(keys: readonly Key[], command: string): void
}

export interface CacheAsideSettings {
  readonly near: NearOptions | undefined
  /** Tags that every call carries. */
  readonly tags: readonly string[]
  /** As in `WrapSettings`. */
  readonly foreignReaders: boolean
  /**
   * Called when a value should have been computed anew in the background, or stored, and was not.
   *
   * @param delay - milliseconds for which this process does not try again.
   */
  readonly refreshFailed: (key: Key, error: unknown, delay: number) => void
}

/** Milliseconds that a timer can wait. */
const LONGEST_TIMER = 2 ** 31 - 1

/**
 * Found in the cache: return it. Not found: one caller of all processes computes and stores it,
 * the others wait for that. Callers of one process that ask for the same key at the same time
 * share one search.
 */
export class CacheAside {
  readonly #commands: CacheAsideCommands
  readonly #settings: CacheAsideSettings
  readonly #near: NearCache | undefined
  /** By the id of their keys. */
  readonly #flights = new TransientMap<string, Flight>()
  /** Those whose callers got an old value while a new one is computed. */
  readonly #refreshes = new TransientMap<string, Flight>()
  readonly #pauses = new Pauses()
  /** What is under way, with the seconds that each may take. */
  readonly #searches = new Map<Promise<void>, number>()
  readonly #plans: WrapPlans
  #used = false

  constructor(commands: CacheAsideCommands, settings: CacheAsideSettings) {
    this.#commands = commands
    this.#settings = settings
    this.#plans = new WrapPlans(settings.tags, settings.foreignReaders)
    this.#near = settings.near === undefined ? undefined : new NearCache(settings.near)
  }

  // Not async: a hit takes as few promises as it can.
  wrap(key: Key, load: () => unknown, options: WrapOptions): Promise<unknown> {
    try {
      if (typeof load !== 'function') throw new TypeError(wrong('load', 'a function', load))
      this.#commands.checkOpen()
      const plan = this.#plans.of('wrap', options)
      const { signal } = options
      signal?.throwIfAborted()
      // Text that looks like the id of bytes is not a valid key: it must not find what the bytes
      // found.
      if (typeof key !== 'string' || isBinary(key)) this.#commands.check([key], 'wrap')
      const id = keyId(key)
      const caller = Loading.current
      caller?.enter(key, id, this)
      const near = this.#near?.get(id)
      if (near !== undefined) return Promise.resolve(near.value)
      let flight = this.#flights.get(id)
      let answer: Promise<unknown>
      if (flight === undefined) {
        const glimpse = new Glimpse(key, id, this, load, plan, this.#roads)
        this.#add(glimpse)
        answer = this.#begin(glimpse)
        flight = glimpse
      } else answer = flight.join()
      caller?.waitFor(flight)
      return signal === undefined ? answer : orAborted(answer, signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Keys for which there is nothing, neither cached nor loaded, are absent. */
  async wrapMany(
    keys: Iterable<Key>,
    loadMany: LoadMany<unknown, Key>,
    options: WrapOptions,
  ): Promise<Map<Key, unknown>> {
    if (typeof loadMany !== 'function') {
      throw new TypeError(wrong('loadMany', 'a function', loadMany))
    }
    this.#commands.checkOpen()
    const plan = this.#plans.of('wrapMany', options)
    const { signal } = options
    signal?.throwIfAborted()
    const wanted = [...new Set(listOf('keys', keys))]
    this.#commands.check(wanted, 'wrapMany')
    const caller = Loading.current
    for (const key of caller === undefined ? [] : wanted) caller?.enter(key, keyId(key), this)
    const answers = new Map<string, unknown>()
    const fresh = new Map<string, Flight>()
    for (const key of wanted) {
      const id = keyId(key)
      if (fresh.has(id)) continue
      const near = this.#near?.get(id)
      const known = this.#flights.get(id)
      if (near !== undefined) answers.set(id, near.value)
      else if (known !== undefined) {
        caller?.waitFor(known)
        answers.set(id, known.join())
      } else {
        const flight = new Flight(key, id, plan.tags, this)
        this.#add(flight)
        fresh.set(id, flight)
      }
    }
    for (const [id, flight] of fresh) {
      caller?.waitFor(flight)
      answers.set(id, flight.own)
    }
    const load: Loader = async (missing) => aligned(await loadMany([...missing]), missing)
    this.#search(load, plan, (search) => search.run([...fresh.values()], false))
    const all = Promise.all(wanted.map((key) => answers.get(keyId(key))))
    const values = await (signal === undefined ? all : orAborted(all, signal))
    const found = new Map<Key, unknown>()
    for (const [position, key] of wanted.entries()) {
      if (values[position] !== undefined) found.set(key, values[position])
    }
    return found
  }

  /**
   * This process is changing the key: what is found until the change is done goes only to those who
   * asked before.
   */
  changed(key: Key, done: Promise<unknown>): void {
    // A client that never wraps pays nothing for its writes.
    if (!this.#used) return
    const id = keyId(key)
    this.#forget(id)
    const forget = (): void => this.#forget(id)
    done.then(forget, forget)
  }

  /** As {@link changed}, for all keys with the tag. */
  tagChanged(tag: string): void {
    this.#near?.dropTagged(tag)
    for (const flight of [...this.#flights.values(), ...this.#refreshes.values()]) {
      if (flight.tags.includes(tag)) this.#detach(flight)
    }
  }

  /** As {@link changed}, for all keys. */
  allChanged(): void {
    this.#near?.clear()
    for (const flight of [...this.#flights.values(), ...this.#refreshes.values()]) {
      this.#detach(flight)
    }
  }

  /**
   * Resolves when nothing is being looked for or loaded, or when the leases for it are over;
   * `undefined` if there is nothing to wait for.
   */
  idle(): Promise<void> | undefined {
    if (this.#searches.size === 0 && this.#flights.values().length === 0) return undefined
    return this.#drain()
  }

  async #drain(): Promise<void> {
    // What is looked at now may begin a search.
    await Promise.allSettled(this.#flights.values().map((flight) => flight.looked))
    if (this.#searches.size === 0) return
    const searches = Promise.all(this.#searches.keys())
    const longest = Math.min(Math.max(...this.#searches.values()) * 1_000, LONGEST_TIMER)
    const over = new AbortController()
    const waited = sleep(longest, undefined, { signal: over.signal }).catch(() => {})
    await Promise.race([searches, waited])
    over.abort()
  }

  #add(flight: Flight): void {
    this.#used = true
    this.#flights.set(flight.id, flight)
  }

  #begin(glimpse: Glimpse): Promise<unknown> {
    let look: Promise<unknown> | undefined
    try {
      look = this.#commands.glance(glimpse.kept, this.#ask(glimpse.plan, false), glimpse)
    } catch (error) {
      glimpse.failed(error)
      return glimpse.goOn()
    }
    if (look === undefined) return glimpse.goOn()
    glimpse.looked = look
    // Called here, in the caller's tick, so that its load runs in the caller's asynchronous
    // context.
    return look.then(goOn)
  }

  #ask(plan: WrapPlan, patient: boolean): LookupOptions {
    const { lease, refreshAhead, tags } = plan
    const print = this.#commands.print(tags, plan)
    // All that ask in one tick ask the same; without tags, all that ever ask.
    if (plan.ask?.print === print && !patient) return plan.ask
    const ask: LookupOptions = {
      lease,
      refreshAhead,
      timeout: this.#commands.timeout(plan),
      patient,
      print,
      mayRefresh: this.#mayRefresh,
    }
    if (!patient) plan.ask = ask
    return ask
  }

  // One that fails gives its lease back before the pause begins: until then it is still under way.
  readonly #mayRefresh = (key: Key): boolean => {
    const id = keyId(key)
    return !this.#pauses.has(id) && this.#refreshes.get(id)?.current !== true
  }

  #search(load: Loader, plan: WrapPlan, run: (search: Search) => Promise<void>): void {
    const ask = (patient: boolean): LookupOptions => this.#ask(plan, patient)
    const done = run(new Search(this.#commands, this.#searchOwner, load, plan, ask))
    this.#searches.set(done, plan.lease)
    void done.then(() => this.#searches.delete(done))
  }

  readonly #searchOwner: SearchOwner = {
    found: (flight, value, fresh) => {
      if (flight.current) this.#near?.put(flight.id, value, flight.tags, fresh)
    },
    ended: (flight) => {
      if (this.#flights.get(flight.id) === flight) this.#flights.delete(flight.id)
    },
    refreshing: (flight, done) => {
      const { id } = flight
      this.#refreshes.set(id, flight)
      void done.then(() => {
        if (this.#refreshes.get(id) === flight) this.#refreshes.delete(id)
      })
    },
    refreshed: ({ id }) => this.#pauses.succeeded(id),
    refreshFailed: ({ id, key }, error) => {
      this.#settings.refreshFailed(key, error, this.#pauses.failed(id))
    },
    storeFailed: ({ key }, error) => this.#settings.refreshFailed(key, error, 0),
  }

  /** Where a first look leads. */
  readonly #roads: Roads = {
    hit: (glimpse, seen) => {
      const { value } = seen.item as WrappedItem
      if (this.#near !== undefined) {
        this.#searchOwner.found(glimpse, value, freshFor(seen, glimpse.plan.refreshAhead) - 1)
      }
      glimpse.answer(value)
      this.#searchOwner.ended(glimpse)
      return value
    },
    search: (glimpse, run) => {
      const { own, load, plan } = glimpse
      this.#search(async () => [await load()], plan, run)
      return own
    },
  }

  #forget(id: string): void {
    this.#near?.drop(id)
    const flight = this.#flights.get(id)
    if (flight !== undefined) this.#detach(flight)
    const refresh = this.#refreshes.get(id)
    if (refresh !== undefined) this.#detach(refresh)
  }

  #detach(flight: Flight): void {
    flight.current = false
    if (this.#flights.get(flight.id) === flight) this.#flights.delete(flight.id)
  }
}

/** @throws TypeError if loadMany returned neither a Map nor as many values as keys. */
function aligned(loaded: unknown, keys: readonly Key[]): readonly unknown[] {
  if (isMap(loaded)) {
    if (keys.every((key) => typeof key === 'string')) return keys.map((key) => loaded.get(key))
    // Bytes that the loader got from elsewhere, such as a database, are the same key in another
    // object.
    const known = new Map([...loaded].map(([key, value]) => [keyId(key as Key), value]))
    return keys.map((key) => known.get(keyId(key)))
  }
  if (Array.isArray(loaded) && loaded.length === keys.length) return loaded
  throw new TypeError('loadMany returns a Map, or an array with one value for each of its keys')
}
