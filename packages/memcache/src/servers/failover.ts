import { monotonic, type ServerAddress, setImmediate } from '@glammp/wire'
import type { Request } from '../requests/request.js'
import { Ranking } from '../routing/ranking.js'
import type { Server } from './server.js'
import type { ServerList } from './server-list.js'

/** Which server takes the keys of one that cannot be reached. */
export type Failover =
  | { readonly kind: 'none' }
  /** The others, each its share. */
  | { readonly kind: 'next' }
  /** Servers that are there for nothing else, and keep items for `ttl` seconds at most. */
  | { readonly kind: 'gutter'; readonly servers: readonly ServerAddress[]; readonly ttl: number }

/**
 * Connections that are started in one turn of the event loop: one costs up to half a millisecond.
 */
const AT_ONCE = 16

/** Milliseconds for which the known state of all servers is valid, unless one changes. */
const SURVEY = 10

/** The servers that stand in for others. */
export class StandIns {
  readonly #failover: Failover
  /** Servers that only stand in. */
  readonly gutter: readonly Server[] = []
  #servers: readonly Server[] = []
  #ranking: Ranking = new Ranking([])
  /** Those whose state is unknown. */
  readonly #sought = new Set<Server>()
  /**
   * Positions of those that are up or were never tried, and of those that were down and may be
   * back.
   */
  #fit: number[] = []
  #doubtful: number[] = []
  #surveyedAt = Number.NEGATIVE_INFINITY
  #hurriedAt = Number.NEGATIVE_INFINITY

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
  follow({ servers, addresses }: ServerList): void {
    if (this.#failover.kind !== 'next') return
    this.#servers = servers
    this.#ranking = new Ranking(addresses)
    this.changed()
  }

  /** The server that takes the key in place of another; `undefined` if there is none. */
  of(routingKey: string, failed: Server): Server | undefined {
    const among = this.#candidates(failed, Number.POSITIVE_INFINITY)
    return this.#pick(routingKey, among)
  }

  /**
   * Moves a request from a server that cannot be reached.
   *
   * @param remaining - milliseconds of its time that are left.
   * @returns false if it must fail instead.
   */
  take(
    request: Request,
    remaining: number,
    failed: Server,
    routingKey: (wireKey: string) => string,
  ): boolean {
    if (!request.movable || this.#servers.length === 0) return false
    const { course } = request
    course.since ??= course.due === 0 ? monotonic() : course.due - course.allowance
    const among = this.#candidates(failed, course.since)
    if (failed.reach.standing(course.since) === 'doubtful') {
      // It may be back, and is as good as others whose state is unknown.
      if (this.#fit.length === 0) return false
      this.#lookFor(failed)
    }
    const places = new Map<Server, number[]>()
    for (const [position, wireKey] of request.wireKeys.entries()) {
      const server = this.#pick(routingKey(wireKey), among)
      if (server === undefined) {
        this.#hurry(failed)
        return false
      }
      const positions = places.get(server)
      if (positions === undefined) places.set(server, [position])
      else positions.push(position)
    }
    const [first] = places
    if (first === undefined) return false
    course.moves += 1
    if (places.size === 1) void first[0].submit(request, remaining)
    else void request.divide(places, remaining)
    return true
  }

  // Nobody is left: those that were left out are asked sooner whether they are back.
  #hurry(failed: Server): void {
    const now = monotonic()
    if (now - this.#hurriedAt < SURVEY) return
    this.#hurriedAt = now
    failed.reach.hurry()
    for (const { reach } of this.#servers) reach.hurry()
  }

  #pick(routingKey: string, among: readonly number[]): Server | undefined {
    const position = this.#ranking.pick(routingKey, among)
    return position === undefined ? undefined : this.#servers[position]
  }

  /** The state of a server has changed. */
  changed(): void {
    this.#surveyedAt = Number.NEGATIVE_INFINITY
  }

  // Those that are up or were never tried; if there are none, those that were down and may be back.
  // A server that has failed since the request was made is not tried for it, so that its search
  // ends.
  #candidates(failed: Server, since: number): number[] {
    this.#survey()
    const isOther = (position: number): boolean => this.#servers[position] !== failed
    const fit = this.#fit.filter(isOther)
    if (fit.length > 0) return fit
    return this.#doubtful.filter(
      (position) => isOther(position) && this.#servers[position]?.reach.standing(since) !== 'down',
    )
  }

  // All servers with an unknown state are tried at the same time, so that passing many takes no
  // longer than passing one.
  #survey(): void {
    const now = monotonic()
    if (now - this.#surveyedAt < SURVEY) return
    this.#surveyedAt = now
    this.#fit = []
    this.#doubtful = []
    for (const [position, server] of this.#servers.entries()) {
      const standing = server.reach.standing(now)
      if (standing === 'down') continue
      if (standing !== 'up') this.#lookFor(server)
      if (standing === 'doubtful') this.#doubtful.push(position)
      else this.#fit.push(position)
    }
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
      server.lookFor()
    }
    if (this.#sought.size > 0) setImmediate(() => this.#lookForSome())
  }
}
