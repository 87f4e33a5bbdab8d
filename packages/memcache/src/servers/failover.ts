import { monotonic, type ServerAddress, setImmediate } from '@glammp/wire'
import type { Request } from '../protocol/request.js'
import { Ranking } from '../routing/ranking.js'
import type { Roster } from './roster.js'
import type { Server } from './server.js'

/** Which server takes the keys of one that cannot be reached. */
export type Failover =
  | { readonly kind: 'none' }
  /** The others, each its share. */
  | { readonly kind: 'next' }
  /** Servers that are there for nothing else, and keep items for `ttl` seconds at most. */
  | { readonly kind: 'gutter'; readonly servers: readonly ServerAddress[]; readonly ttl: number }

/** Connections that are begun in one turn of the loop: one costs up to half a millisecond. */
const AT_ONCE = 16

/** The servers that stand in for others. */
export class StandIns {
  readonly #failover: Failover
  /** Servers that only stand in. */
  readonly gutter: readonly Server[] = []
  #servers: readonly Server[] = []
  #ranking: Ranking = new Ranking([])
  /** Those of which nobody knows whether they are there. */
  readonly #sought = new Set<Server>()

  constructor(
    failover: Failover,
    newServer: (address: ServerAddress, longestTtl: number) => Server,
  ) {
    this.#failover = failover
    if (failover.kind === 'gutter') {
      this.gutter = failover.servers.map((address) => newServer(address, failover.ttl))
      this.#servers = this.gutter
      this.#ranking = new Ranking(failover.servers)
    }
  }

  /** The list of servers has changed. */
  follow({ servers, addresses }: Roster): void {
    if (this.#failover.kind !== 'next') return
    this.#servers = servers
    this.#ranking = new Ranking(addresses)
  }

  /** Who takes the key in place of a server; `undefined` where nobody does. */
  of(routingKey: string, failed: Server): Server | undefined {
    const among = this.#candidates(failed, Number.POSITIVE_INFINITY)
    return this.#pick(routingKey, among)
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
    routingKey: (wireKey: string) => string,
  ): boolean {
    if (!request.movable || this.#servers.length === 0) return false
    request.since ??= request.due === 0 ? monotonic() : request.due - request.allowance
    const among = this.#candidates(failed, request.since)
    const places = new Map<Server, number[]>()
    for (const [position, wireKey] of request.wireKeys.entries()) {
      const server = this.#pick(routingKey(wireKey), among)
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

  #pick(routingKey: string, among: readonly number[]): Server | undefined {
    const position = this.#ranking.pick(routingKey, among)
    return position === undefined ? undefined : this.#servers[position]
  }

  // Those that are there or were never tried; where there are none, those that were down and may be
  // back. What has failed since a request is under way is nothing for it: so its way ends. All that
  // are unclear are looked for together, so that the way past many is no longer than past one.
  #candidates(failed: Server, since: number): number[] {
    const fit: number[] = []
    const doubtful: number[] = []
    for (let position = 0; position < this.#servers.length; position += 1) {
      const server = this.#servers[position] as Server
      if (server === failed) continue
      const standing = server.reach.standing(since)
      if (standing === 'down') continue
      if (standing !== 'up') this.#lookFor(server)
      if (standing === 'doubtful') doubtful.push(position)
      else fit.push(position)
    }
    return fit.length > 0 ? fit : doubtful
  }

  #lookFor(server: Server): void {
    if (this.#sought.size === 0) setImmediate(() => this.#lookForSome())
    this.#sought.add(server)
  }

  #lookForSome(): void {
    let count = 0
    for (const server of this.#sought) {
      if (count === AT_ONCE) break
      count += 1
      this.#sought.delete(server)
      if (this.#servers.includes(server)) server.lookFor()
    }
    if (this.#sought.size > 0) setImmediate(() => this.#lookForSome())
  }
}
