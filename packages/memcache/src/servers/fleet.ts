import { type Deadlines, Fault, orAborted, type ServerAddress } from '@glammp/wire'
import { ClosedError, type MemcacheError, NoServerError } from '../errors.js'
import { bytesOf } from '../key.js'
import type { Tell } from '../observing/events.js'
import type { Request } from '../requests/request.js'
import type { DistributionFactory } from '../routing/distribution.js'
import { failure } from './connection/failure.js'
import { Discovery, type DiscoveryOptions } from './discovery.js'
import { type Failover, StandIns } from './failover.js'
import { Server, type ServerOptions } from './server.js'
import { ServerList } from './server-list.js'

export interface FleetOptions extends ServerOptions {
  readonly servers: readonly ServerAddress[]
  readonly distribution: DistributionFactory
  readonly failover: Failover
  /** The servers are endpoints that name the real ones; `undefined`: they are the real ones. */
  readonly discovery: DiscoveryOptions | undefined
  /** The address of a server that an endpoint named. */
  readonly nodeAddress: (
    node: { readonly host: string; readonly port: number },
    endpoint: ServerAddress,
  ) => ServerAddress
  /** Bytes at the start of a key on the wire that do not choose its server. */
  readonly namespaceLength: number
}

/** The set of servers: routes a key, connects to each, changes while calls go on. */
export class Fleet {
  readonly #options: FleetOptions
  readonly #deadlines: Deadlines
  readonly #tell: Tell
  readonly #standIns: StandIns
  readonly #leaving = new Map<Server, Promise<void>>()
  readonly #discovery: Discovery | undefined
  #list: ServerList
  #closed = false

  constructor(options: FleetOptions, deadlines: Deadlines, tell: Tell) {
    this.#options = options
    this.#deadlines = deadlines
    this.#tell = tell
    this.#standIns = new StandIns(options.failover, (address, longestTtl) =>
      this.#newServer(address, longestTtl),
    )
    const { discovery, connectTimeout } = options
    this.#list = this.#newList(discovery === undefined ? options.servers : [], new Map())
    this.#standIns.follow(this.#list)
    if (discovery === undefined) return
    const endpoints = options.servers.map((address) => this.#newEndpoint(address))
    this.#discovery = new Discovery(endpoints, discovery, connectTimeout, (nodes) => {
      const [endpoint] = options.servers
      if (endpoint === undefined) return
      void this.#follow(nodes.map((node) => options.nodeAddress(node, endpoint)))
    })
  }

  /** What a call waits for until the servers are known, or its signal aborts; `undefined` when they are. */
  ready(signal?: AbortSignal | undefined): Promise<void> | undefined {
    const ready = this.#discovery?.ready()
    if (ready === undefined) return undefined
    const waited = orAborted(ready, signal)
    // A caller may have something else to wait for first, or only check whether there is something
    // to wait for.
    waited.catch(() => {})
    return waited
  }

  /** The servers, without those that only stand in. */
  get servers(): readonly Server[] {
    return this.#list.servers
  }

  /** The servers, with those that only stand in. */
  get everyServer(): readonly Server[] {
    return [...this.servers, ...this.#standIns.gutter]
  }

  get addresses(): readonly ServerAddress[] {
    return this.#list.addresses
  }

  /** The server that a key, as it is sent, belongs to. @throws NoServerError */
  homeOf(wireKey: string): Server {
    const server = this.#list.pick(this.#routingKey(wireKey))
    if (server === undefined) throw new NoServerError('there is no server')
    return server
  }

  /**
   * The server that takes a key now: its own, or the one that stands in while its own is ejected.
   */
  serverOf(wireKey: string): Server {
    const home = this.homeOf(wireKey)
    if (!home.reach.ejected) return home
    return this.#standIns.of(this.#routingKey(wireKey), home) ?? home
  }

  /**
   * Replaces the list of servers. Those that stay keep their connections; removed ones finish what
   * is under way first.
   *
   * @returns resolves when the removed ones are closed.
   * @throws ClosedError
   */
  async setServers(addresses: readonly ServerAddress[]): Promise<void> {
    this.checkOpen()
    await this.#follow(addresses)
  }

  // Throws at once for a list that the distribution does not accept.
  #follow(addresses: readonly ServerAddress[]): Promise<unknown> {
    const known = new Map(this.#list.servers.map((server) => [server.address.name, server]))
    this.#list = this.#newList(addresses, known)
    this.#standIns.follow(this.#list)
    const staying = new Set(this.#list.servers)
    return Promise.all(
      [...known.values()].map((server) => staying.has(server) || this.#leave(server)),
    )
  }

  /** Connects to every server now. @throws ConnectionError of the first that cannot be reached. */
  async connect(): Promise<void> {
    await this.ready()
    const { servers } = this
    const outcomes = await Promise.allSettled(servers.map((server) => server.connect()))
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') continue
      const server = servers[index]?.address.name
      const { reason } = outcome
      throw reason instanceof Fault ? failure(reason, { command: 'connect', server }) : reason
    }
  }

  /**
   * Asks every server; a failure stands in the place of the answer of its server.
   *
   * @param standIns - those that only stand in are asked as well.
   */
  async askAll<T>(
    request: () => Request<T>,
    timeout: number,
    signal: AbortSignal | undefined,
    standIns = false,
  ): Promise<[server: string, answer: T | MemcacheError][]> {
    const ready = this.ready(signal)
    if (ready !== undefined) await ready
    return Promise.all(
      (standIns ? this.everyServer : this.servers).map(
        async (server): Promise<[string, T | MemcacheError]> => {
          try {
            return [server.address.name, await server.submit(request(), timeout, signal)]
          } catch (error) {
            signal?.throwIfAborted()
            return [server.address.name, error as MemcacheError]
          }
        },
      ),
    )
  }

  /** @throws ClosedError after {@link close}, for calls that might need no server. */
  checkOpen(): void {
    if (this.#closed) throw new ClosedError('the client is closed')
  }

  /** Waits for what is under way everywhere, then closes. */
  async close(): Promise<void> {
    this.#closed = true
    const endings = this.everyServer.map((server) => server.close())
    await Promise.all([this.#discovery?.close(), ...endings, ...this.#leaving.values()])
  }

  /** Closes without waiting: what is under way fails with ClosedError. */
  drop(reason: Fault): void {
    this.#closed = true
    for (const server of [...this.everyServer, ...this.#leaving.keys()]) server.drop(reason)
    this.#discovery?.drop(reason)
  }

  #routingKey(wireKey: string): string {
    const { namespaceLength } = this.#options
    const bytes = bytesOf(wireKey)
    return namespaceLength === 0 ? bytes : bytes.slice(namespaceLength)
  }

  #newList(addresses: readonly ServerAddress[], known: ReadonlyMap<string, Server>): ServerList {
    const servers = addresses.map((address) => {
      const server = known.get(address.name)
      return server?.isAt(address) ? server : this.#newServer(address, undefined)
    })
    return new ServerList(servers, addresses, this.#options.distribution)
  }

  #newServer(address: ServerAddress, longestTtl: number | undefined): Server {
    const options = longestTtl === undefined ? this.#options : { ...this.#options, longestTtl }
    return new Server(address, options, this.#deadlines, {
      tell: (event, details) => {
        if (event === 'server:down' || event === 'server:reconnecting') this.#discovery?.hurry()
        this.#standIns.changed()
        this.#tell(event, details)
      },
      unreachable: (request, server, remaining) =>
        this.#standIns.take(request, remaining, server, (wireKey) => this.#routingKey(wireKey)),
    })
  }

  #newEndpoint(address: ServerAddress): Server {
    const options = { ...this.#options, protocol: 'classic', ejection: undefined } as const
    return new Server(address, options, this.#deadlines, {
      tell: () => {},
      unreachable: () => false,
    })
  }

  #leave(server: Server): Promise<void> {
    const gone = server.close().finally(() => {
      this.#leaving.delete(server)
      const { name } = server.address
      if (!this.#isThere(name)) this.#options.meter?.forget(name)
    })
    this.#leaving.set(server, gone)
    return gone
  }

  // It may have come back meanwhile, or be an endpoint as well.
  #isThere(name: string): boolean {
    const { servers, discovery } = this.#options
    const others = [...this.everyServer, ...this.#leaving.keys()].map(({ address }) => address)
    const all = discovery === undefined ? others : [...others, ...servers]
    return all.some((address) => address.name === name)
  }
}
