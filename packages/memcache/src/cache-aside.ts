import { listOf, orAborted, sleep, wrong } from '@glammp/wire'
import { Flight } from './cache-aside/flight.js'
import { NearCache, type NearOptions } from './cache-aside/near-cache.js'
import { type Loader, Search, type SearchCommands } from './cache-aside/search.js'
import { type WrapOptions, WrapPlan } from './cache-aside/wrap-options.js'
import { type Key, keyId } from './given-key.js'
import { isBinary } from './wire-key.js'

/**
 * What `wrapMany` loads by: gets the keys that nobody has, gives a Map, from which keys without a
 * value are absent, or an array with one value a key in the order of the keys.
 */
export type LoadMany<T, K extends Key = string> = (
  keys: K[],
) => ReadonlyMap<K, T> | readonly T[] | Promise<ReadonlyMap<K, T> | readonly T[]>

/** The commands that cache-aside stands on. */
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
  /** As in `LeaseRules`. */
  readonly foreignReaders: boolean
  /** Told when a value was to be computed anew in the background, and was not. */
  readonly refreshFailed: (key: Key, error: unknown) => void
}

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
  readonly #flights = new Map<string, Flight>()
  /** What is under way, with the seconds that each may take. */
  readonly #searches = new Map<Promise<void>, number>()
  #used = false

  constructor(commands: CacheAsideCommands, settings: CacheAsideSettings) {
    this.#commands = commands
    this.#settings = settings
    this.#near = settings.near === undefined ? undefined : new NearCache(settings.near)
  }

  async wrap(key: Key, load: () => unknown, options: WrapOptions): Promise<unknown> {
    if (typeof load !== 'function') throw new TypeError(wrong('load', 'a function', load))
    this.#commands.checkOpen()
    const plan = this.#plan('wrap', options)
    const { signal } = options
    signal?.throwIfAborted()
    // Text that looks as the id of bytes does is no key: it must not find what they found.
    if (typeof key !== 'string' || isBinary(key)) this.#commands.check([key], 'wrap')
    const id = keyId(key)
    const near = this.#near?.get(id)
    if (near !== undefined) return near.value
    const known = this.#flights.get(id)
    const answer =
      known?.join() ?? this.#start([key], async () => [await load()], plan).get(id)?.own
    return signal === undefined ? answer : orAborted(answer, signal)
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
    const plan = this.#plan('wrapMany', options)
    const { signal } = options
    signal?.throwIfAborted()
    const wanted = [...new Set(listOf('keys', keys))]
    this.#commands.check(wanted, 'wrapMany')
    const answers = new Map<string, unknown>()
    const fresh = new Map<string, Key>()
    for (const key of wanted) {
      const id = keyId(key)
      if (fresh.has(id)) continue
      const near = this.#near?.get(id)
      const known = this.#flights.get(id)
      if (near !== undefined) answers.set(id, near.value)
      else if (known !== undefined) answers.set(id, known.join())
      else fresh.set(id, key)
    }
    const load: Loader = async (missing) => aligned(await loadMany([...missing]), missing)
    const flights = this.#start([...fresh.values()], load, plan)
    for (const [id, { own }] of flights) answers.set(id, own)
    const all = Promise.all(wanted.map((key) => answers.get(keyId(key))))
    const values = await (signal === undefined ? all : orAborted(all, signal))
    const found = new Map<Key, unknown>()
    for (const [position, key] of wanted.entries()) {
      if (values[position] !== undefined) found.set(key, values[position])
    }
    return found
  }

  /**
   * The key is being changed by this process: what was found of it until the change is done is
   * for those who asked before.
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
    for (const flight of this.#flights.values()) {
      if (flight.tags.includes(tag)) this.#detach(flight)
    }
  }

  /** As {@link changed}, for all keys. */
  allChanged(): void {
    this.#near?.clear()
    for (const flight of this.#flights.values()) this.#detach(flight)
  }

  /**
   * Resolves when nothing is looked for or loaded any more, or when the leases for it are over;
   * `undefined` where nothing is.
   */
  idle(): Promise<void> | undefined {
    if (this.#searches.size === 0) return undefined
    const searches = Promise.all(this.#searches.keys())
    const longest = Math.max(...this.#searches.values())
    const over = new AbortController()
    const waited = sleep(longest * 1_000, undefined, { signal: over.signal }).catch(() => {})
    return Promise.race([searches, waited]).then(() => over.abort())
  }

  #plan(command: string, options: WrapOptions): WrapPlan {
    const { tags, foreignReaders } = this.#settings
    return new WrapPlan(command, options, tags, foreignReaders)
  }

  /** Flights by the id of their keys, of which each stands once. */
  #start(keys: readonly Key[], load: Loader, plan: WrapPlan): Map<string, Flight> {
    this.#used = true
    const flights = new Map<string, Flight>()
    for (const key of keys) {
      const flight = new Flight(key, plan.tags)
      flights.set(flight.id, flight)
      this.#flights.set(flight.id, flight)
    }
    const search = new Search(this.#commands, this.#listener, load, plan)
    const done = search.run([...flights.values()])
    this.#searches.set(done, plan.lease)
    void done.then(() => this.#searches.delete(done))
    return flights
  }

  readonly #listener = {
    found: (flight: Flight, value: unknown, { shortest }: WrapPlan): void => {
      if (flight.current) this.#near?.put(flight.id, value, flight.tags, shortest)
    },
    ended: (flight: Flight): void => {
      if (this.#flights.get(flight.id) === flight) this.#flights.delete(flight.id)
    },
    refreshFailed: (key: Key, error: unknown): void => {
      this.#settings.refreshFailed(key, error)
    },
  }

  #forget(id: string): void {
    this.#near?.drop(id)
    const flight = this.#flights.get(id)
    if (flight !== undefined) this.#detach(flight)
  }

  #detach(flight: Flight): void {
    flight.current = false
    this.#flights.delete(flight.id)
  }
}

/** @throws TypeError where loadMany gave neither a Map nor as many values as keys. */
function aligned(loaded: unknown, keys: readonly Key[]): readonly unknown[] {
  if (loaded instanceof Map) {
    if (keys.every((key) => typeof key === 'string')) return keys.map((key) => loaded.get(key))
    // Bytes that the loader has from elsewhere, a database, are the same key in another object.
    const known = new Map([...loaded].map(([key, value]) => [keyId(key), value as unknown]))
    return keys.map((key) => known.get(keyId(key)))
  }
  if (Array.isArray(loaded) && loaded.length === keys.length) return loaded
  throw new TypeError('loadMany gives a Map, or an array with one value for each of its keys')
}
