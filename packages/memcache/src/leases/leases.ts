import { randomBytes } from 'node:crypto'
import type { CommandContext } from '../dispatch/context.js'
import { Turn } from '../dispatch/turn.js'
import type { Key } from '../key.js'
import { lockKey } from '../keys/derived-key.js'
import { commandsAreWatched } from '../observing/channels.js'
import { type ItemOpener, LookRequest, type Seen } from '../requests/look.js'
import type { Server } from '../servers/server.js'
import type { WrappedItem } from '../values/envelope.js'
import { Glance, type GlanceOwner } from './glance.js'
import { freshFor, isServed, worthOf } from './judgement.js'
import { Lease, type Lookup, type LookupOptions, type WireKey } from './lease.js'
import { Lock, type SeenLock } from './lock.js'

/** Looks up keys on their servers. */
export class Leases {
  readonly #context: CommandContext
  readonly #open: ItemOpener<WrappedItem>

  constructor(context: CommandContext) {
    this.#context = context
    const { transcoder } = context
    this.#open = (flags, bytes, start, end, reader) =>
      transcoder.unseal(flags, bytes, start, end, reader)
  }

  /** @throws InvalidKeyError for the first invalid key. */
  check(keys: readonly Key[], command: string): void {
    for (const key of keys) this.#context.keys.toWire(key, command)
  }

  /**
   * Looks at one key, without taking a lease.
   *
   * @returns resolves to what the owner returns; `undefined` if that is not possible now.
   * @throws InvalidKeyError, NoServerError
   */
  glance(key: Key, ask: LookupOptions, owner: GlanceOwner): Promise<unknown> | undefined {
    const { fleet, keyOrder, keys } = this.#context
    const wireKey = keys.toWire(key, 'wrap')
    // The trace of the look would otherwise end only with the load.
    if (keyOrder.of(wireKey) !== undefined || fleet.ready() !== undefined || commandsAreWatched()) {
      return undefined
    }
    const request = new Glance(key, wireKey, this.#open, ask, owner)
    return fleet.homeOf(wireKey).submit(request, ask.timeout)
  }

  /**
   * One outcome for each key, in their order; those of one server are sent together.
   *
   * @param looked - they were looked at before: as a rule there is no value, and somebody may compute it.
   */
  async look(
    keys: readonly Key[],
    ask: LookupOptions,
    looked: boolean,
  ): Promise<readonly PromiseSettledResult<Lookup>[]> {
    const { fleet, keyOrder } = this.#context
    const ready = fleet.ready()
    const wireKeys = keys.map((key) => this.#context.keys.toWire(key, 'wrap'))
    // A value that was set before, and is still being compressed, is found; one that is set later
    // is not.
    const turn = keyOrder.enter(wireKeys, ready !== undefined)
    const own = turn && ready === undefined ? this.#turn(keys, wireKeys, ask) : undefined
    let leave: (() => void) | undefined
    try {
      leave = turn && (own === undefined ? await turn : await own.orLeave(turn))
      own?.begin()
    } catch (reason) {
      leave?.()
      return keys.map(() => ({ status: 'rejected', reason }))
    }
    try {
      try {
        if (ready !== undefined) await ready
      } catch (reason) {
        // No servers are known: treated as if the server of each key were down.
        return keys.map(() => ({ status: 'rejected', reason }))
      }
      const looks = keys.map((key, at) =>
        this.#look({ key, wireKey: wireKeys[at] as string }, ask, looked),
      )
      return Promise.allSettled(looks)
    } finally {
      leave?.()
    }
  }

  #turn(keys: readonly Key[], [wireKey = '']: readonly string[], { timeout }: LookupOptions): Turn {
    return new Turn(this.#context, wireKey, { command: 'wrap', keys }, { timeout })
  }

  async #look(key: WireKey, ask: LookupOptions, looked: boolean): Promise<Lookup> {
    const server = this.#context.fleet.homeOf(key.wireKey)
    const found = looked ? undefined : this.#read(server, key, ask, false)
    // The fingerprint comes before the lock: if it cannot be obtained, nobody waits in vain.
    const [seen, fingerprint] = await Promise.all([found, ask.print.known() ?? ask.print.later()])
    const look = judge(seen, fingerprint, ask)
    if (isServed(look.state, key.key, ask.mayRefresh)) return look
    return this.#compete(server, key, fingerprint, ask)
  }

  // The lock first, then the item once more: the last holder may have stored it and released the
  // lock.
  async #compete(
    server: Server,
    key: WireKey,
    fingerprint: string,
    ask: LookupOptions,
  ): Promise<Lookup> {
    const { timeout, patient } = ask
    const nonce = randomBytes(12).toString('base64url')
    const lock = lockOf(server, key.wireKey, timeout, patient)
    let held: SeenLock | undefined
    let seen: Seen<WrappedItem> | undefined
    try {
      // Servers count whole seconds: an item lives up to one second less than its ttl.
      const taken = lock.take(nonce, ask.lease + 1)
      ;[, held, seen] = await Promise.all([taken, lock.read(), this.#read(server, key, ask, true)])
    } catch (error) {
      // The answer was lost, and the lock may have been won.
      void lock.giveBack(nonce, 0)
      throw error
    }
    const look = judge(seen, fingerprint, ask)
    if (held?.nonce !== nonce) return { ...look, holder: held?.nonce }
    const scope = { ...key, server, fingerprint, timeout, patient }
    const lease = new Lease(this.#context, scope, lock, held, seen?.cas)
    if (look.state !== 'fresh') return { ...look, lease }
    void lease.release()
    return look
  }

  #read(
    server: Server,
    { key, wireKey }: WireKey,
    ask: LookupOptions,
    aside: boolean,
  ): Promise<Seen<WrappedItem> | undefined> {
    const request = new LookRequest<WrappedItem>('wrap', key, wireKey, this.#open, aside)
    request.course.patient = ask.patient
    return server.submit<Seen<WrappedItem> | undefined>(request, ask.timeout)
  }
}

/** The lock that belongs to an item, on its server. */
export function lockOf(server: Server, wireKey: string, timeout: number, patient: boolean): Lock {
  return new Lock(server, lockKey(wireKey), timeout, patient)
}

function judge(
  seen: Seen<WrappedItem> | undefined,
  fingerprint: string,
  ask: LookupOptions,
): Lookup {
  const state = worthOf(seen, fingerprint, ask.refreshAhead)
  if (seen === undefined || state === 'missing') {
    return { item: undefined, fresh: 0, lease: undefined, state: 'missing' }
  }
  return { item: seen.item, fresh: freshFor(seen, ask.refreshAhead), lease: undefined, state }
}
