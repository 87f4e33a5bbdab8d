import type { ServerAddress } from '@glammp/wire'
import type { Distribution, DistributionFactory } from '../routing/distribution.js'
import type { Server } from './server.js'

/** A list of servers, and which of them a key belongs to. */
export class ServerList {
  readonly servers: readonly Server[]
  readonly addresses: readonly ServerAddress[]
  readonly #distribution: Distribution | undefined

  /** @param addresses - of the servers, in their order; the weights count. */
  constructor(
    servers: readonly Server[],
    addresses: readonly ServerAddress[],
    distribution: DistributionFactory,
  ) {
    this.servers = servers
    this.addresses = addresses
    this.#distribution = servers.length === 0 ? undefined : distribution(addresses)
  }

  /** The server of a key; `undefined` if the list is empty. */
  pick(routingKey: string): Server | undefined {
    if (this.#distribution === undefined) return undefined
    const server = this.servers[this.#distribution.pick(routingKey)]
    if (server === undefined) throw new RangeError('the distribution picked no server of the list')
    return server
  }
}
