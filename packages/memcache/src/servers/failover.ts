import type { ServerAddress } from '@glammp/wire'
import type { Request } from '../protocol/request.js'
import type { DistributionFactory } from '../routing/distribution.js'
import { Roster } from './roster.js'
import type { Server } from './server.js'

/** Which server takes the keys of one that cannot be reached. */
export type Failover =
  | { readonly kind: 'none' }
  /** The others, each its share by the same distribution. */
  | { readonly kind: 'next' }
  /** Servers that are there for nothing else, and keep items for `ttl` seconds at most. */
  | { readonly kind: 'gutter'; readonly servers: readonly ServerAddress[]; readonly ttl: number }

/** Lists of servers without some that are remembered: more combinations fail together seldom. */
const REMEMBERED = 16

/** The servers that stand in for others. */
export class StandIns {
  readonly #failover: Failover
  readonly #distribution: DistributionFactory
  readonly #gutter: Roster | undefined
  readonly #without = new Map<string, Roster>()

  constructor(
    failover: Failover,
    distribution: DistributionFactory,
    newServer: (address: ServerAddress, longestTtl: number) => Server,
  ) {
    this.#failover = failover
    this.#distribution = distribution
    if (failover.kind === 'gutter') {
      const servers = failover.servers.map((address) => newServer(address, failover.ttl))
      this.#gutter = new Roster(servers, failover.servers, distribution)
    }
  }

  /** Servers that only stand in. */
  get servers(): readonly Server[] {
    return this.#gutter?.servers ?? []
  }

  /** The list of servers has changed. */
  forget(): void {
    this.#without.clear()
  }

  /** Who takes the key in place of a server; `undefined` where nobody does. */
  of(routingKey: string, failed: Server, roster: Roster): Server | undefined {
    if (this.#failover.kind === 'none') return undefined
    const others = this.#gutter ?? this.#others(failed, roster)
    const server = others.pick(routingKey)
    return server === failed || server?.ejected ? undefined : server
  }

  /**
   * Moves a request from a server that cannot be reached.
   *
   * @param remaining - milliseconds of its time that are left.
   * @returns false where it must fail instead.
   */
  take(
    request: Request,
    remaining: number,
    failed: Server,
    roster: Roster,
    routingKey: (wireKey: string) => string,
  ): boolean {
    if (!request.movable || this.servers.includes(failed)) return false
    const places = new Map<Server, number[]>()
    for (const [position, wireKey] of request.wireKeys.entries()) {
      const server = this.of(routingKey(wireKey), failed, roster)
      if (server === undefined) return false
      const positions = places.get(server)
      if (positions === undefined) places.set(server, [position])
      else positions.push(position)
    }
    const [first] = places
    if (first === undefined) return false
    request.moves += 1
    if (places.size === 1) void first[0].submit(request, remaining)
    else void request.divide(places, remaining)
    return true
  }

  // The list without the server and all that are ejected: with ketama only their keys move.
  #others(failed: Server, roster: Roster): Roster {
    const isOut = (server: Server): boolean => server === failed || server.ejected
    const out = roster.servers.filter(isOut).map((server) => server.address.name)
    const id = out.join()
    let others = this.#without.get(id)
    if (others === undefined) {
      if (this.#without.size >= REMEMBERED) this.#without.clear()
      const addresses = roster.addresses.filter(
        (_, index) => !isOut(roster.servers[index] as Server),
      )
      const servers = roster.servers.filter((server) => !isOut(server))
      others = new Roster(servers, addresses, this.#distribution)
      this.#without.set(id, others)
    }
    return others
  }
}
