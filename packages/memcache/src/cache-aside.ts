import { setTimeout as sleep } from 'node:timers/promises'
import { onAbort } from '@glammp/wire'
import { Flight } from './cache-aside/flight.js'
import { NearCache, type NearOptions } from './cache-aside/near-cache.js'
import { type Loader, Search, type SearchCommands } from './cache-aside/search.js'
import { type WrapOptions, WrapPlan } from './cache-aside/wrap-options.js'

/**
 * What `wrapMany` loads by: gets the keys that nobody has, gives a Map, from which keys without a
 * value are absent, or an array with one value a key in the order of the keys.
 */
export type LoadMany<T> = (
  keys: string[],
) => ReadonlyMap<string, T> | readonly T[] | Promise<ReadonlyMap<string, T> | readonly T[]>

/** The commands that cache-aside stands on. */
export interface CacheAsideCommands extends SearchCommands {
  /** @throws ClosedError */
  checkOpen(): void
  /** @throws InvalidKeyError */
  check(keys: readonly string[], command: string): void
}

export interface CacheAsideSettings {
  readonly near: NearOptions | undefined
  /** Tags that every call carries. */
  readonly tags: readonly string[]
  /** As in `LeaseRules`. */
  readonly foreignReaders: boolean
  /** Told when a value was to be computed anew in the background, and was not. */
  readonly refreshFailed: (key: string, error: unknown) => void
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
  readonly #flights = new Map<string, Flight>()
  /** What is under way, with the seconds that each may take. */
  readonly #searches = new Map<Promise<void>, number>()
  #used = false

  constructor(commands: CacheAsideCommands, settings: CacheAsideSettings) {
    this.#commands = commands
    this.#settings = settings
    this.#near = settings.near === undefined ? undefined : new NearCache(settings.near)
  }

  async wrap(key: string, load: () => unknown, options: WrapOptions): Promise<unknown> {
    if (typeof load !== 'function') throw new TypeError('wrap takes a function that loads')
    this.#commands.checkOpen()
    const plan = this.#plan(options)
    const { signal } = options
    signal?.throwIfAborted()
    const near = this.#near?.get(key)
    if (near !== undefined) return near.value
    const known = this.#flights.get(key)
    const answer =
      known?.join() ?? this.#start([key], async () => [await load()], plan).get(key)?.own
    return signal === undefined ? answer : orAborted(answer, signal)
  }

  /** Keys for which there is nothing, neither cached nor loaded, are absent. */
  async wrapMany(
    keys: Iterable<string>,
    loadMany: LoadMany<unknown>,
    options: WrapOptions,
  ): Promise<Map<string, unknown>> {
    if (typeof loadMany !== 'function') throw new TypeError('wrapMany takes a function that loads')
    this.#commands.checkOpen()
    const plan = this.#plan(options)
    const { signal } = options
    signal?.throwIfAborted()
    const wanted = [...new Set(keys)]
    this.#commands.check(wanted, 'wrapMany')
    const answers = new Map<string, unknown>()
    const fresh: string[] = []
    for (const key of wanted) {
      const near = this.#near?.get(key)
      const known = this.#flights.get(key)
      if (near !== undefined) answers.set(key, near.value)
      else if (known !== undefined) answers.set(key, known.join())
      else fresh.push(key)
    }
    const load: Loader = async (missing) => aligned(await loadMany([...missing]), missing)
    for (const [key, { own }] of this.#start(fresh, load, plan)) answers.set(key, own)
    const all = Promise.all(wanted.map((key) => answers.get(key)))
    const values = await (signal === undefined ? all : orAborted(all, signal))
    const found = new Map<string, unknown>()
    for (const [position, key] of wanted.entries()) {
      if (values[position] !== undefined) found.set(key, values[position])
    }
    return found
  }

  /**
   * The key is being changed by this process: what was found of it until the change is done is
   * for those who asked before.
   */
  changed(key: string, done: Promise<unknown>): void {
    // A client that never wraps pays nothing for its writes.
    if (!this.#used) return
    this.#forget(key)
    const forget = (): void => this.#forget(key)
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

  #plan(options: WrapOptions): WrapPlan {
    const { tags, foreignReaders } = this.#settings
    return new WrapPlan(options, tags, foreignReaders)
  }

  #start(keys: readonly string[], load: Loader, plan: WrapPlan): Map<string, Flight> {
    this.#used = true
    const flights = new Map(keys.map((key) => [key, new Flight(key, plan.tags)]))
    for (const [key, flight] of flights) this.#flights.set(key, flight)
    const search = new Search(this.#commands, this.#listener, load, plan)
    const done = search.run([...flights.values()])
    this.#searches.set(done, plan.lease)
    void done.then(() => this.#searches.delete(done))
    return flights
  }

  readonly #listener = {
    found: (flight: Flight, value: unknown, { shortest }: WrapPlan): void => {
      if (flight.current) this.#near?.put(flight.key, value, flight.tags, shortest)
    },
    ended: (flight: Flight): void => {
      if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key)
    },
    refreshFailed: (key: string, error: unknown): void => {
      this.#settings.refreshFailed(key, error)
    },
  }

  #forget(key: string): void {
    this.#near?.drop(key)
    const flight = this.#flights.get(key)
    if (flight !== undefined) this.#detach(flight)
  }

  #detach(flight: Flight): void {
    flight.current = false
    this.#flights.delete(flight.key)
  }
}

/** @throws TypeError where loadMany gave neither a Map nor as many values as keys. */
function aligned(loaded: unknown, keys: readonly string[]): readonly unknown[] {
  if (loaded instanceof Map) return keys.map((key) => loaded.get(key) as unknown)
  if (Array.isArray(loaded) && loaded.length === keys.length) return loaded
  throw new TypeError('loadMany gives a Map, or an array with one value for each of its keys')
}

/** Gives up waiting when the signal says so; the work goes on for the others. */
function orAborted<T>(work: Promise<T> | undefined, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const release = onAbort(signal, () => reject(signal.reason))
    work?.then(resolve, reject).finally(release)
  })
}
