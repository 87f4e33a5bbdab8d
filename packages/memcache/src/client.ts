import { EventEmitter } from 'node:events'
import { type CloseOptions, Deadlines, type ServerObject, tell } from '@glammp/wire'
import type { LoadMany } from './cache-aside/cache-aside.js'
import type { Tag } from './cache-aside/tag.js'
import type { WrapOptions } from './cache-aside/wrap-options.js'
import { Admin, FLUSH_RULES, type FlushOptions, type PerServer } from './commands/admin.js'
import { Arithmetic, type CountOptions } from './commands/arithmetic.js'
import { Deletion } from './commands/deletion.js'
import { Inspection, type ItemMetadata } from './commands/inspection.js'
import { KeyListing, type KeysOptions } from './commands/key-listing.js'
import { Meta } from './commands/meta.js'
import { Retrieval } from './commands/retrieval.js'
import type { StatsOf, StatsSection } from './commands/stats/stats-section.js'
import { type CasResult, type Entries, Storage, type StoreOptions } from './commands/storage.js'
import {
  type WatchClass,
  type WatchEvent,
  WatchLog,
  type WatchOptions,
} from './commands/watch-log.js'
import { Wrapping } from './commands/wrapping.js'
import { Changes } from './dispatch/changes.js'
import { Chunks } from './dispatch/chunks.js'
import { close } from './dispatch/closing.js'
import type { CommandContext } from './dispatch/context.js'
import { KeyOrder } from './dispatch/key-order.js'
import type { CallOptions } from './dispatch/route.js'
import type { Key } from './key.js'
import { KeyRules } from './keys/key-rules.js'
import type { Ttl } from './keys/ttl.js'
import type { InvalidateOptions } from './leases/invalidation.js'
import { logCommands } from './observing/command-log.js'
import type { MemcacheEvents, Tell } from './observing/events.js'
import { type MemcacheMetrics, Metrics } from './observing/metrics.js'
import type { MemcacheOptions } from './options/options.js'
import { nodeAddress, readOptions, readServer, readServers } from './options/settings.js'
import type { ValueWithCas } from './requests/retrieval.js'
import { Fleet } from './servers/fleet.js'
import { Envelope } from './values/envelope.js'

/**
 * A client of any number of memcached servers. It connects when it is first used; the ring
 * determines the server of a key. A ttl is whole seconds from now, 0 for ever, or a Date.
 *
 * Calls reject before anything is sent with InvalidKeyError, ValueTooLargeError, QueueFullError,
 * NoServerError or ClosedError, with TypeError for a value that cannot be stored, an unknown option
 * or one of a wrong type, and for text or bytes instead of a list of keys, with RangeError for a
 * number out of range; later with ConnectionError, TimeoutError, AuthenticationError, ServerError,
 * ClientError or ProtocolError; those that read also with DecodeError, where the item holds what
 * this client cannot decode.
 */
export class MemcacheClient extends EventEmitter<MemcacheEvents> implements AsyncDisposable {
  /**
   * Commands for operators of the servers: slabs, LRU, memory. They resolve in the form of
   * {@link stats}.
   */
  readonly admin: Admin
  /** The raw meta commands, for what has no method of its own. */
  readonly meta: Meta
  readonly #context: CommandContext
  readonly #metrics: Metrics
  readonly #retrieval: Retrieval
  readonly #storage: Storage
  readonly #deletion: Deletion
  readonly #arithmetic: Arithmetic
  readonly #inspection: Inspection
  readonly #wrapping: Wrapping

  /**
   * @param options - all options, or servers alone: `MEMCACHED_SERVERS` or `localhost:11211` by default.
   * @throws TypeError or RangeError for an invalid option.
   */
  constructor(options?: string | readonly (string | ServerObject)[] | MemcacheOptions) {
    super()
    const settings = readOptions(options)
    const announce: Tell = (event, details) => tell(this, event, details)
    const keys = new KeyRules(settings)
    const deadlines = new Deadlines()
    this.#metrics = new Metrics(deadlines)
    const namespaceLength = settings.compat?.hashesNamespace ? 0 : keys.namespaceLength
    const fleetOptions = { ...settings, namespaceLength, nodeAddress, meter: this.#metrics }
    const { largestInChunks, maxValueSize, timeout, transcoder } = settings
    const fleet = new Fleet(fleetOptions, deadlines, announce)
    const changes = new Changes()
    const room = { fleet, keys, timeout, maxValueSize, changes, keyOrder: new KeyOrder() }
    const chunks = largestInChunks && new Chunks(room, transcoder, largestInChunks)
    const context: CommandContext = {
      ...room,
      transcoder: new Envelope(chunks || transcoder),
      chunks: chunks || undefined,
    }
    this.#wrapping = new Wrapping(
      context,
      {
        near: settings.near,
        namespaceVersion: settings.namespaceVersion,
        foreignReaders: settings.compat !== undefined,
      },
      announce,
    )
    this.#context = context
    this.#retrieval = new Retrieval(context)
    this.#storage = new Storage(context)
    this.#deletion = new Deletion(context)
    this.#arithmetic = new Arithmetic(context, this.#storage)
    this.#inspection = new Inspection(context)
    logCommands()
    this.admin = new Admin(context)
    this.meta = new Meta(context)
  }

  /**
   * Connects to every server now; without it each is connected to by the first call that needs it.
   *
   * @throws ConnectionError if one cannot be reached, AuthenticationError, ClosedError.
   */
  async connect(): Promise<void> {
    await this.#context.fleet.connect()
  }

  /** Reads a value; `undefined` on a miss. */
  get<T = unknown>(key: Key, options?: CallOptions): Promise<T | undefined> {
    return this.#retrieval.get(key, options) as Promise<T | undefined>
  }

  /**
   * Reads any number of keys, in one round trip per server. Misses are absent from the Map; the
   * order is that of the keys. If a server fails, the whole call rejects, and `keys` of the error
   * names those of the servers that failed. The Map has the same key objects as the call: bytes are
   * found by the same Buffer.
   */
  getMany<T = unknown>(keys: Iterable<string>, options?: CallOptions): Promise<Map<string, T>>
  getMany<T = unknown, K extends Key = Key>(
    keys: Iterable<K>,
    options?: CallOptions,
  ): Promise<Map<K, T>>
  getMany<T>(keys: Iterable<Key>, options?: CallOptions): Promise<Map<Key, T>> {
    return this.#retrieval.getMany(keys, options) as Promise<Map<Key, T>>
  }

  /** Reads a value with the token for {@link cas}; `undefined` on a miss. */
  gets<T = unknown>(key: Key, options?: CallOptions): Promise<ValueWithCas<T> | undefined> {
    return this.#retrieval.gets(key, options) as Promise<ValueWithCas<T> | undefined>
  }

  /** As {@link getMany}, with the token for {@link cas} for each value. */
  getsMany<T = unknown>(
    keys: Iterable<string>,
    options?: CallOptions,
  ): Promise<Map<string, ValueWithCas<T>>>
  getsMany<T = unknown, K extends Key = Key>(
    keys: Iterable<K>,
    options?: CallOptions,
  ): Promise<Map<K, ValueWithCas<T>>>
  getsMany<T>(keys: Iterable<Key>, options?: CallOptions): Promise<Map<Key, ValueWithCas<T>>> {
    return this.#retrieval.getsMany(keys, options) as Promise<Map<Key, ValueWithCas<T>>>
  }

  /** Reads a value and lets the item live `ttl` from now; `undefined` on a miss. */
  getAndTouch<T = unknown>(key: Key, ttl: Ttl, options?: CallOptions): Promise<T | undefined> {
    return this.#retrieval.getAndTouch(key, ttl, options) as Promise<T | undefined>
  }

  /**
   * Stores a value, whether the key exists or not; resolves to `true`.
   *
   * @param options - seconds to live (0, the default, is for ever), the Date on which the item
   * ends, or `{ ttl, timeout, signal }`.
   */
  set(key: Key, value: unknown, options?: Ttl | StoreOptions): Promise<boolean> {
    return this.#storage.store('set', key, value, options)
  }

  /**
   * Stores any number of values, in one round trip per server.
   *
   * @param entries - a Map, an object, or pairs of key and value.
   * @returns how many were stored. If a server fails, the call rejects, and `keys` of the error
   *   names those that were not stored, or may not have been; the others are stored.
   */
  setMany(entries: Entries, options?: Ttl | StoreOptions): Promise<number> {
    return this.#storage.setMany(entries, options)
  }

  /** Stores a value unless the key exists; `false` if it does. */
  add(key: Key, value: unknown, options?: Ttl | StoreOptions): Promise<boolean> {
    return this.#storage.store('add', key, value, options)
  }

  /** Stores a value if the key exists; `false` if it does not. */
  replace(key: Key, value: unknown, options?: Ttl | StoreOptions): Promise<boolean> {
    return this.#storage.store('replace', key, value, options)
  }

  /**
   * Adds text or bytes after the value of an item, whose ttl does not change; `false` if there is
   * no item, or if the result would be over the server's item size. A TypeError if `compression` or
   * `largeValues` is on, because it would destroy such an item.
   */
  append(key: Key, value: string | Uint8Array, options?: CallOptions): Promise<boolean> {
    return this.#storage.extend('append', key, value, options)
  }

  /** Adds text or bytes before the value of an item; otherwise as {@link append}. */
  prepend(key: Key, value: string | Uint8Array, options?: CallOptions): Promise<boolean> {
    return this.#storage.extend('prepend', key, value, options)
  }

  /**
   * Stores a value if nobody changed the item since {@link gets} read it: `'stored'`, else
   * `'exists'`, or `'missing'` if the item is gone. A token that is not a string of digits is a
   * TypeError, one over 64 bits a RangeError.
   */
  cas(key: Key, value: unknown, cas: string, options?: Ttl | StoreOptions): Promise<CasResult> {
    return this.#storage.cas(key, value, cas, options)
  }

  /** Deletes an item; `true` if it was there. */
  delete(key: Key, options?: CallOptions): Promise<boolean> {
    return this.#deletion.delete(key, options)
  }

  /**
   * Deletes any number of items, in one round trip per server; resolves to how many of them
   * existed. Rejects as {@link setMany} does.
   */
  deleteMany(keys: Iterable<Key>, options?: CallOptions): Promise<number> {
    return this.#deletion.deleteMany(keys, options)
  }

  /** Lets an item live `ttl` from now; `true` if it was there. */
  touch(key: Key, ttl: Ttl, options?: CallOptions): Promise<boolean> {
    return this.#retrieval.touch(key, ttl, options)
  }

  /**
   * Adds to a counter, modulo 2^64. Resolves to the new number, a bigint if `delta` is one, or
   * `undefined` if there is no counter and no `initial`. A number above 2^53 - 1 is a RangeError
   * (the counter has moved all the same), a value that is not a number is a ClientError.
   */
  increment(key: Key, delta: bigint, options?: CountOptions): Promise<bigint | undefined>
  increment(key: Key, delta?: number, options?: CountOptions): Promise<number | undefined>
  increment(
    key: Key,
    delta: number | bigint = 1,
    options?: CountOptions,
  ): Promise<number | bigint | undefined> {
    return this.#arithmetic.count('increment', key, delta, options)
  }

  /** Subtracts from a counter, which stops at 0; otherwise as {@link increment}. */
  decrement(key: Key, delta: bigint, options?: CountOptions): Promise<bigint | undefined>
  decrement(key: Key, delta?: number, options?: CountOptions): Promise<number | undefined>
  decrement(
    key: Key,
    delta: number | bigint = 1,
    options?: CountOptions,
  ): Promise<number | bigint | undefined> {
    return this.#arithmetic.count('decrement', key, delta, options)
  }

  /**
   * What the server knows of an item besides its value; `undefined` on a miss. The call does not
   * count as an access of the item. Needs the meta protocol; with another it is a ClientError.
   */
  inspect(key: Key, options?: CallOptions): Promise<ItemMetadata | undefined> {
    return this.#inspection.inspect(key, options)
  }

  /**
   * The value of a key, or what `load` returns if there is none, which is then stored. Of all
   * callers in all processes one loads; the others get the old value if there is one that may still
   * be served (see `stale` and {@link invalidate}), else they wait. Callers of one process share
   * one call, with the options of the first. An error of `load` reaches all of them and is not
   * stored; nor are `undefined` and `null`, unless `negativeTtl` says for how long.
   *
   * @throws TypeError or RangeError for invalid options, InvalidKeyError; what `load` throws.
   */
  wrap<T>(key: Key, load: () => T | Promise<T>, options: WrapOptions = {}): Promise<T> {
    return this.#wrapping.wrap(key, load, options) as Promise<T>
  }

  /**
   * As {@link wrap} for many keys: one round trip per server for those that are cached, one call of
   * `loadMany` for those that are not. It is called again only for keys that another caller did not
   * finish, and for those that are computed anew in the background.
   *
   * @param loadMany - receives the missing keys; returns a Map, from which keys without a value are
   *   absent, or an array with one value for each key, in the order of the keys.
   * @returns the values in the order of the keys; keys for which there is nothing are absent.
   */
  wrapMany<T>(
    keys: Iterable<string>,
    loadMany: LoadMany<T>,
    options?: WrapOptions,
  ): Promise<Map<string, T>>
  wrapMany<T, K extends Key = Key>(
    keys: Iterable<K>,
    loadMany: LoadMany<T, K>,
    options?: WrapOptions,
  ): Promise<Map<K, T>>
  wrapMany<T, K extends Key>(
    keys: Iterable<K>,
    loadMany: LoadMany<T, K>,
    options: WrapOptions = {},
  ): Promise<Map<K, T>> {
    // It receives no keys other than those of the call.
    const load = loadMany as unknown as LoadMany<unknown, Key>
    return this.#wrapping.wrapMany(keys, load, options) as Promise<Map<K, T>>
  }

  /**
   * Marks an item stale: the next {@link wrap} of it loads, others get the old value meanwhile,
   * for `stale` seconds at most. A value that is being loaded now will not be stored. `get` reads
   * the old value until then. On servers that do not speak meta the item is deleted instead.
   *
   * @returns whether there was an item.
   */
  invalidate(key: Key, options?: InvalidateOptions): Promise<boolean> {
    return this.#wrapping.invalidate(key, options)
  }

  /** A tag, to invalidate all values that were wrapped with it. Nothing is sent. */
  tag(name: string): Tag {
    return this.#wrapping.tag(name)
  }

  /**
   * Makes every key that was wrapped in this namespace a miss at once, like a tag that all of them
   * have.
   *
   * @throws TypeError unless the option `namespaceVersion` is on.
   */
  invalidateNamespace(options?: CallOptions): Promise<void> {
    return this.#wrapping.invalidateNamespace(options)
  }

  /**
   * Statistics of every server, general or of one section: {@link StatsBySection} says what each
   * holds, and in which units.
   *
   * @returns what each server says, keyed by its address. If a server cannot be asked or refuses,
   *   its MemcacheError stands in the place of its answer; the call does not reject for it.
   * @throws TypeError for an unknown section.
   */
  stats<Section extends StatsSection | undefined = undefined>(
    section?: Section,
    options?: CallOptions,
  ): Promise<PerServer<StatsOf<Section>>> {
    return this.admin.stats(section, options)
  }

  /**
   * Makes all items of every server invalid, now or `delay` seconds from now. memcached counts in
   * whole seconds: what is stored in the second after it may be deleted as well. Servers of a
   * gutter are emptied with the others.
   *
   * @returns `true` for each server that did, in the form of {@link stats}.
   * @throws TypeError or RangeError for a delay that is not a whole number from 0, or that ends
   *   after 2038-01-19.
   */
  async flushAll(options?: FlushOptions): Promise<PerServer<true>> {
    if (options !== undefined) FLUSH_RULES.check('flushAll', options)
    const { delay, timeout, signal } = options ?? {}
    return this.#wrapping.everythingChanges(this.admin.flushAll(delay, { timeout, signal }))
  }

  /** Sets the counters of {@link stats} of every server back to zero; resolves in the same form. */
  resetStats(options?: CallOptions): Promise<PerServer<true>> {
    return this.admin.resetStats(options)
  }

  /**
   * Sets how many megabytes of items every server may hold, without a restart; resolves in the form
   * of {@link stats}.
   *
   * @throws RangeError for less than 8, which memcached refuses.
   */
  cacheMemoryLimit(megabytes: number, options?: CallOptions): Promise<PerServer<true>> {
    return this.admin.cacheMemoryLimit(megabytes, options)
  }

  /** Resolves when every server has answered. @throws The error of one that did not. */
  ping(options?: CallOptions): Promise<void> {
    return this.admin.ping(options)
  }

  /** The version of every server, as `'1.6.18'`; resolves in the form of {@link stats}. */
  version(options?: CallOptions): Promise<PerServer<string>> {
    return this.admin.version(options)
  }

  /**
   * Sets how much every server logs to its standard error, from 0, nothing, to 4; resolves in the
   * form of {@link stats}. The binary protocol does not have it: a ClientError.
   */
  verbosity(level: number, options?: CallOptions): Promise<PerServer<true>> {
    return this.admin.verbosity(level, options)
  }

  /**
   * Every key of every server, one server after the other (`lru_crawler metadump`): a snapshot
   * taken while the servers go on. Reading slowly slows down only the server's crawler. Keys
   * outside the client's namespace are left out, those inside come without it: as text, or as a
   * Buffer if they are not text.
   *
   * @throws from the iterator: ConnectionError if a server cannot be reached or is lost,
   * TimeoutError if one is silent for `timeout`, the signal's reason as soon as it aborts,
   * ClosedError when the client is closed.
   */
  keys(options?: KeysOptions): AsyncIterableIterator<string | Buffer> {
    return new KeyListing(this.#context).keys(options)
  }

  /**
   * The log of every server as it is written: what is fetched, stored, evicted, ... The server
   * drops lines that are not read fast enough. Ends with the loop (`break`), the signal, or close.
   *
   * @param classes - at least one of `'fetchers'`, `'mutations'`, `'evictions'`, `'connevents'`,
   * `'deletions'` (1.6.20), ...; options may be among them.
   * @throws from the iterator: TypeError for other classes, ConnectionError if a server cannot be
   *   reached or is lost, the signal's reason, ClosedError when the client is closed.
   */
  watch(...classes: (WatchClass | WatchOptions)[]): AsyncIterableIterator<WatchEvent> {
    return new WatchLog(this.#context).watch(classes)
  }

  /** What this client has done so far, as plain numbers. Nothing is sent. */
  metrics(): MemcacheMetrics {
    return this.#metrics.snapshot(this.#context.fleet.everyServer)
  }

  /** The address of the server that a key lives on; it is computed, no server is asked. */
  serverFor(key: Key): string {
    const { keys, fleet } = this.#context
    return fleet.homeOf(keys.toWire(key, 'serverFor')).address.name
  }

  /** The addresses of all servers, in their order. */
  get servers(): string[] {
    return this.#context.fleet.addresses.map(({ name }) => name)
  }

  /**
   * Adds a server; its share of the keys moves to it.
   *
   * @throws TypeError if it is already in the list, ClosedError.
   */
  addServer(server: string | ServerObject): void {
    const { fleet } = this.#context
    fleet.checkOpen()
    const address = readServer(server)
    if (this.servers.includes(address.name)) {
      throw new TypeError(`server ${address.name} is already in the list`)
    }
    void fleet.setServers([...fleet.addresses, address])
  }

  /**
   * Removes a server, given as {@link serverFor} returns it; its keys move to the others.
   *
   * @returns resolves when the calls under way on it are finished and it is disconnected.
   * @throws TypeError if there is no such server.
   */
  async removeServer(server: string | ServerObject): Promise<void> {
    const { fleet } = this.#context
    const { name } = readServer(server)
    const rest = fleet.addresses.filter((address) => address.name !== name)
    if (rest.length === fleet.addresses.length) throw new TypeError(`there is no server ${name}`)
    await fleet.setServers(rest)
  }

  /**
   * Replaces the list of servers. Servers that stay keep their connections.
   *
   * @returns resolves when the calls under way on removed servers are finished.
   * @throws TypeError for an invalid list or one that names a server twice, ClosedError.
   */
  async setServers(servers: string | readonly (string | ServerObject)[]): Promise<void> {
    await this.#context.fleet.setServers(readServers(servers))
  }

  /**
   * Waits for what is under way, then closes; later calls reject with ClosedError. After `timeout`, or
   * when the signal aborts, it closes at once: calls that still wait reject with ClosedError too.
   */
  close(options?: CloseOptions): Promise<void> {
    return close(this.#context, () => this.#wrapping.loadsUnderWay(), options)
  }

  /** The same as {@link close}, by the name of memcached's command. */
  quit(options?: CloseOptions): Promise<void> {
    return this.close(options)
  }

  /** `await using cache = new MemcacheClient(...)`: {@link close} at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
