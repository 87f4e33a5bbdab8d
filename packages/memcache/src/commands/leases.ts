import { ConnectionError } from '../errors.js'
import type { Key } from '../given-key.js'
import type { Server } from '../servers/server.js'
import { isBinary } from '../wire-key.js'
import type { Ask, LeaseContext, LeaseProtocol, Look, WireKey } from './lease.js'
import { LockLeases } from './lock-lease.js'
import { MetaLeases } from './meta-lease.js'

/** What the leases must put up with. */
export interface LeaseRules {
  /**
   * Other programs read the same keys by classic `get`, to which a stub is an empty string: the
   * lease lives under a key of its own on every server.
   */
  readonly foreignReaders: boolean
  /** Another server stands in for one that cannot be reached. */
  readonly failover: boolean
}

/** Looks for keys on their servers, by the protocol that each server speaks. */
export class Leases {
  readonly #context: LeaseContext
  readonly #rules: LeaseRules
  readonly #meta: MetaLeases
  readonly #locks: LockLeases

  constructor(context: LeaseContext, rules: LeaseRules) {
    this.#context = context
    this.#rules = rules
    this.#meta = new MetaLeases(context)
    this.#locks = new LockLeases(context)
  }

  /** @throws InvalidKeyError for the first key that cannot be. */
  check(keys: readonly Key[], command: string): void {
    for (const key of keys) this.#context.keys.toWire(key, command)
  }

  /** One outcome a key, in their order; those of one server travel together. */
  async look(keys: readonly Key[], ask: Ask): Promise<readonly PromiseSettledResult<Look>[]> {
    const { fleet } = this.#context
    await fleet.ready()
    const wireKeys = keys.map((key) => ({ key, wireKey: this.#context.keys.toWire(key, 'wrap') }))
    const { turns } = this.#context
    // A value that was set before, and is still being compressed, is found.
    if (turns.idle() !== undefined) await Promise.all(wireKeys.map((key) => turns.of(key.wireKey)))
    const text = new Map<Server, number[]>()
    // Apart: where a server is spoken to in classic, they fail, and must not take others with them.
    const binary = new Map<Server, number[]>()
    for (const [position, { wireKey }] of wireKeys.entries()) {
      const groups = isBinary(wireKey) ? binary : text
      const server = fleet.homeOf(wireKey)
      const group = groups.get(server)
      if (group === undefined) groups.set(server, [position])
      else group.push(position)
    }
    const outcomes: PromiseSettledResult<Look>[] = new Array(keys.length)
    const answers = [...text, ...binary].map(async ([server, positions]) => {
      const group = positions.map((position) => wireKeys[position] as WireKey)
      const looks = await this.#lookOn(server, group, ask)
      for (const [index, look] of looks.entries()) outcomes[positions[index] as number] = look
    })
    await Promise.all(answers)
    return outcomes
  }

  async #lookOn(
    server: Server,
    keys: readonly WireKey[],
    ask: Ask,
  ): Promise<readonly PromiseSettledResult<Look>[]> {
    const protocol = await this.#protocolOf(server, ask)
    const looks = await protocol.look(server, keys, ask)
    if (protocol !== this.#meta || !this.#rules.failover) return looks
    const lost = [...looks.keys()].filter((position) => isUnreachable(looks[position]))
    if (lost.length === 0) return looks
    const again = await this.#locks.look(
      server,
      lost.map((position) => keys[position] as WireKey),
      ask,
    )
    const all = [...looks]
    for (const [index, look] of again.entries()) all[lost[index] as number] = look
    return all
  }

  async #protocolOf(server: Server, { timeout }: Ask): Promise<LeaseProtocol> {
    // A server that is left out passes on what can move to another: locks can, stubs cannot.
    if (this.#rules.foreignReaders || server.ejected) return this.#locks
    try {
      const { protocol } = await server.features(timeout)
      return protocol.name === 'meta' ? this.#meta : this.#locks
    } catch {
      // It cannot be asked: the look says so, unless another server stands in.
      return this.#locks
    }
  }
}

function isUnreachable(look: PromiseSettledResult<Look> | undefined): boolean {
  return look?.status === 'rejected' && look.reason instanceof ConnectionError
}
