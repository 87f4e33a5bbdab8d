import { randomBytes } from 'node:crypto'
import { sleep } from '@glammp/wire'
import type { Key } from '../given-key.js'
import { type ItemOpener, LookRequest, type Seen } from '../protocol/look.js'
import type { Server } from '../servers/server.js'
import type { WrappedItem } from '../values/envelope.js'
import type { CommandContext } from './context.js'
import { derivedKey } from './derived-key.js'
import { type Ask, Lease, type LeaseContext, type Look, type WireKey } from './lease.js'
import { Lock, type LockSight } from './lock.js'

/** `Seen.left` of a protocol that does not say it. */
const UNTOLD = -2

/** Milliseconds between the attempts to give back a lock that may have been won unheard. */
const RETURNS = [0, 50, 200, 1_000, 4_000]

/** Looks for keys on their servers. */
export class Leases {
  readonly #context: LeaseContext
  readonly #open: ItemOpener<WrappedItem>

  constructor(context: LeaseContext) {
    this.#context = context
    const { envelope } = context
    this.#open = (flags, bytes, start, end, reader) =>
      envelope.unseal(flags, bytes, start, end, reader)
  }

  /** @throws InvalidKeyError for the first key that cannot be. */
  check(keys: readonly Key[], command: string): void {
    for (const key of keys) this.#context.keys.toWire(key, command)
  }

  /** One outcome a key, in their order; those of one server travel together. */
  async look(keys: readonly Key[], ask: Ask): Promise<readonly PromiseSettledResult<Look>[]> {
    const { fleet, turns } = this.#context
    await fleet.ready()
    const wireKeys = keys.map((key) => ({ key, wireKey: this.#context.keys.toWire(key, 'wrap') }))
    // A value that was set before, and is still being compressed, is found.
    if (turns.idle() !== undefined) await Promise.all(wireKeys.map((key) => turns.of(key.wireKey)))
    return Promise.allSettled(wireKeys.map((key) => this.#look(key, ask)))
  }

  async #look(key: WireKey, ask: Ask): Promise<Look> {
    const server = this.#context.fleet.homeOf(key.wireKey)
    // Who has waited will find no value as a rule, and tries for the lock at once.
    const found = ask.again ? undefined : this.#read(server, key, ask, false)
    // The fingerprint comes before the lock: where it cannot be had, nobody waits for nothing.
    const [seen, fingerprint] = await Promise.all([found, ask.fingerprint])
    const look = judge(seen, fingerprint, ask)
    return look.state === 'fresh' ? look : this.#compete(server, key, fingerprint, ask)
  }

  // The lock first, then the item once more: the last winner may have stored it and left.
  async #compete(server: Server, key: WireKey, fingerprint: string, ask: Ask): Promise<Look> {
    const { timeout, patient } = ask
    const nonce = randomBytes(12).toString('base64url')
    const lock = lockOf(this.#context, server, key.key, timeout, patient)
    let held: LockSight | undefined
    let seen: Seen<WrappedItem> | undefined
    try {
      // Servers count whole seconds: an item lives up to one second less than it is told.
      const taken = lock.take(nonce, ask.lease + 1)
      ;[, held, seen] = await Promise.all([taken, lock.read(), this.#read(server, key, ask, true)])
    } catch (error) {
      void giveBack(lock, nonce)
      throw error
    }
    const look = judge(seen, fingerprint, ask)
    if (held?.nonce !== nonce) return look
    const lease = new Lease(
      this.#context,
      { ...key, server, fingerprint, timeout, patient },
      lock,
      held,
      seen?.cas,
    )
    if (look.state !== 'fresh') return { ...look, lease }
    lease.release().catch(() => {})
    return look
  }

  #read(
    server: Server,
    { key, wireKey }: WireKey,
    ask: Ask,
    aside: boolean,
  ): Promise<Seen<WrappedItem> | undefined> {
    const request = new LookRequest<WrappedItem>('wrap', key, wireKey, this.#open, aside)
    request.patient = ask.patient
    return server.submit<Seen<WrappedItem> | undefined>(request, ask.timeout)
  }
}

/** The lock that belongs to a key, on the server of the key. */
export function lockOf(
  context: CommandContext,
  server: Server,
  key: Key,
  timeout: number,
  patient: boolean,
): Lock {
  return new Lock(server, derivedKey(context.keys, 'lock', key), timeout, patient)
}

// The answer got lost, and may have been the win: a lock that nobody knows of is given back.
async function giveBack(lock: Lock, nonce: string): Promise<void> {
  for (const delay of RETURNS) {
    try {
      if (delay > 0) await sleep(delay, undefined, { ref: false })
      const held = await lock.read()
      // Not there may be not yet there: what was sent may still be on its way.
      if (held?.nonce === nonce && (await lock.removeSeen(held))) return
    } catch {
      // The server is away: again.
    }
  }
}

function judge(seen: Seen<WrappedItem> | undefined, fingerprint: string, ask: Ask): Look {
  const item = seen?.item
  if (item?.readable !== true || item.fingerprint !== fingerprint) {
    return { item: undefined, lease: undefined, state: 'missing' }
  }
  if (seen?.stale === true) return { item, lease: undefined, state: 'invalidated' }
  const state = isDue(item, seen?.left ?? UNTOLD, ask.refreshAhead) ? 'due' : 'fresh'
  return { item, lease: undefined, state }
}

// By the server's clock where it tells how long the item still lives, as what `touch` changed.
function isDue({ expiry, stale }: WrappedItem, left: number, refreshAhead: number): boolean {
  if (left === UNTOLD) return expiry !== 0 && Date.now() / 1_000 >= expiry - refreshAhead
  return left >= 0 && left < stale + refreshAhead
}
