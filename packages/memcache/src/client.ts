import { Deadlines, type ServerObject } from '@glammp/wire'
import { WrapCommands } from './client/wrap-commands.js'
import { Admin, FLUSH_RULES, type FlushOptions, type PerServer } from './commands/admin.js'
import { KeyListing, type KeysOptions } from './commands/key-listing.js'
import { Meta } from './commands/meta.js'
import type { StatsOf, StatsSection } from './commands/stats/stats-section.js'
import {
  type WatchClass,
  type WatchEvent,
  WatchLog,
  type WatchOptions,
} from './commands/watch-log.js'
import { Changes } from './dispatch/changes.js'
import { Chunks } from './dispatch/chunks.js'
import type { CommandContext } from './dispatch/context.js'
import { Turns } from './dispatch/key-order.js'
import type { CallOptions } from './dispatch/route.js'
import type { Key } from './key.js'
import { KeyRules } from './keys/key-rules.js'
import { logCommands } from './observing/command-log.js'
import { Announcer } from './observing/events.js'
import { type MemcacheMetrics, Metrics } from './observing/metrics.js'
import type { MemcacheOptions } from './options/options.js'
import { nodeAddress, readOptions, readServer, readServers } from './options/settings.js'
import { Fleet } from './servers/fleet.js'
import { Envelope } from './values/envelope.js'

/**
 * A client of any number of memcached servers. It connects when it is first used; a key lives on
 * the server that the ring says. Every call rejects with a {@link MemcacheError} where the server
 * fails, with InvalidKeyError, TypeError or RangeError for arguments that cannot be.
 */
export class MemcacheClient extends WrapCommands implements AsyncDisposable {
  /** Commands for who runs the servers: slabs, LRU, memory. They answer as {@link stats} does. */
  readonly admin: Admin
  /** The meta commands as they are, for what has no method of its own. */
  readonly meta: Meta
  readonly #context: CommandContext
  readonly #metrics: Metrics

  /**
   * @param options - the servers, as one string or an array, or all options. Without servers
   * `MEMCACHED_SERVERS` is read, then `localhost:11211` taken.
   * @throws TypeError or RangeError for an option that cannot be.
   */
  constructor(options?: string | readonly (string | ServerObject)[] | MemcacheOptions) {
    const settings = readOptions(options)
    const announcer = new Announcer()
    const keys = new KeyRules(settings)
    const deadlines = new Deadlines()
    const meter = new Metrics(deadlines)
    const namespaceLength = settings.compat?.hashesNamespace ? 0 : keys.namespaceLength
    const fleetOptions = { ...settings, namespaceLength, nodeAddress, meter }
    const { largestInChunks, maxValueSize, timeout, transcoder } = settings
    const fleet = new Fleet(fleetOptions, deadlines, announcer)
    const changes = new Changes()
    const room = { fleet, keys, timeout, maxValueSize, changes, turns: new Turns() }
    const chunks = largestInChunks && new Chunks(room, transcoder, largestInChunks)
    const context: CommandContext = {
      ...room,
      transcoder: new Envelope(chunks || transcoder),
      chunks: chunks || undefined,
    }
    super(context, {
      near: settings.near,
      namespaceVersion: settings.namespaceVersion,
      foreignReaders: settings.compat !== undefined,
    })
    announcer.emitter = this
    this.#context = context
    this.#metrics = meter
    logCommands()
    this.admin = new Admin(context)
    this.meta = new Meta(context)
  }

  /**
   * Connects to every server now; without it each is connected to by the first call that needs it.
   *
   * @throws ConnectionError where one cannot be reached, AuthenticationError, ClosedError.
   */
  async connect(): Promise<void> {
    await this.#context.fleet.connect()
  }

  /**
   * Statistics of every server, general or of one section: {@link StatsBySection} says what each
   * holds, and in which units.
   *
   * @returns what each server says, keyed by its address. Where a server cannot be asked or
   * refuses, its MemcacheError stands in the place of its answer; the call does not reject for it.
   * @throws TypeError for a section that there is none of.
   */
  stats<Section extends StatsSection | undefined = undefined>(
    section?: Section,
    options?: CallOptions,
  ): Promise<PerServer<StatsOf<Section>>> {
    return this.admin.stats(section, options)
  }

  /**
   * Makes all items of every server invalid, now or `delay` seconds from now. memcached counts in
   * whole seconds: what is stored in the second after it may go as well. Servers of a gutter are
   * emptied with the others.
   *
   * @returns `true` for each server that did, as {@link stats} gives its answers.
   * @throws TypeError or RangeError for a delay that is no whole number from 0, or that ends after
   * 2038-01-19.
   */
  async flushAll(options?: FlushOptions): Promise<PerServer<true>> {
    if (options !== undefined) FLUSH_RULES.check('flushAll', options)
    const { delay, timeout, signal } = options ?? {}
    return this.everythingChanges(this.admin.flushAll(delay, { timeout, signal }))
  }

  /** Sets the counters of {@link stats} of every server back to zero; answers as that does. */
  resetStats(options?: CallOptions): Promise<PerServer<true>> {
    return this.admin.resetStats(options)
  }

  /**
   * Sets how many megabytes of items every server may hold, without a restart; answers as
   * {@link stats} does.
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

  /** The version of every server, as `'1.6.18'`; answers as {@link stats} does. */
  version(options?: CallOptions): Promise<PerServer<string>> {
    return this.admin.version(options)
  }

  /**
   * Sets how much every server logs to its standard error, from 0, nothing, to 4; answers as
   * {@link stats} does. The binary protocol has no word for it: a ClientError.
   */
  verbosity(level: number, options?: CallOptions): Promise<PerServer<true>> {
    return this.admin.verbosity(level, options)
  }

  /**
   * Every key of every server, one server after the other (`lru_crawler metadump`): a picture
   * taken while the servers go on. Reading slowly slows the server's crawler, nothing else. Keys
   * outside the client's namespace are left out, those inside come without it: as text, or as a
   * Buffer where they are the key of no text.
   *
   * @throws from the iterator: ConnectionError where a server cannot be reached or is lost,
   * TimeoutError where one is silent for `timeout`, the signal's reason as soon as it aborts,
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
   * `'deletions'` (1.6.20), ...; options may stand among them.
   * @throws from the iterator: TypeError for other classes, ConnectionError where a server cannot
   * be reached or is lost, the signal's reason, ClosedError when the client is closed.
   */
  watch(...classes: (WatchClass | WatchOptions)[]): AsyncIterableIterator<WatchEvent> {
    return new WatchLog(this.#context).watch(classes)
  }

  /** What this client has done so far, as plain numbers. Nothing is sent. */
  metrics(): MemcacheMetrics {
    return this.#metrics.snapshot(this.#context.fleet.everyServer)
  }

  /** The address of the server that a key lives on; computed, asks nobody. */
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
   * @throws TypeError if it is there already, ClosedError.
   */
  addServer(server: string | ServerObject): void {
    const { fleet } = this.#context
    fleet.checkOpen()
    const address = readServer(server)
    if (this.servers.includes(address.name)) {
      throw new TypeError(`server ${address.name} is there already`)
    }
    void fleet.setServers([...fleet.addresses, address])
  }

  /**
   * Removes a server, named as {@link serverFor} names it; its keys move to the others.
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
   * Takes these servers in place of those there are. Servers that stay keep their connections.
   *
   * @returns resolves when the calls under way on those that go are finished.
   * @throws TypeError for a list that is none or names a server twice, ClosedError.
   */
  async setServers(servers: string | readonly (string | ServerObject)[]): Promise<void> {
    await this.#context.fleet.setServers(readServers(servers))
  }

  /** Waits for what is under way, then closes. Later calls reject with ClosedError. */
  async close(): Promise<void> {
    // Where nothing is loaded, no later call may slip in before the servers refuse it.
    const loads = this.loadsUnderWay()
    if (loads !== undefined) await loads
    const { fleet, turns } = this.#context
    const turn = turns.idle()
    if (turn !== undefined) await turn
    await fleet.close()
  }

  /** The same as {@link close}, by the name of memcached's command. */
  quit(): Promise<void> {
    return this.close()
  }

  /** `await using cache = new MemcacheClient(...)`: {@link close} at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
