import { type MetaReply, MetaRequest } from '../protocol/meta-request.js'
import type { Server } from '../servers/server.js'
import type { Notes, WrappedItem } from '../values/envelope.js'
import type { Encoded } from '../values/serializer.js'
import { storeHead } from '../wire-key.js'
import {
  type Ask,
  Lease,
  type LeaseContext,
  type LeaseProtocol,
  type LeaseScope,
  type Life,
  type Look,
  type WireKey,
} from './lease.js'
import { TokenWatch } from './token-watch.js'

/**
 * Leases by the meta protocol: `mg N` makes a stub for a missing key and tells one caller that it
 * has won (`W`); `R` does the same for an item near its end, `md I` for an invalidated one.
 */
export class MetaLeases implements LeaseProtocol {
  readonly #context: LeaseContext
  readonly #watch = new TokenWatch()

  constructor(context: LeaseContext) {
    this.#context = context
  }

  async look(
    server: Server,
    keys: readonly WireKey[],
    ask: Ask,
  ): Promise<readonly PromiseSettledResult<Look>[]> {
    return Promise.allSettled(keys.map((key) => this.#look(server, key, ask)))
  }

  async #look(server: Server, { key, wireKey }: WireKey, ask: Ask): Promise<Look> {
    const recache = ask.stale + ask.refreshAhead
    const line = `mg ${wireKey} v c f t N${lifetime(ask)}${recache === 0 ? '' : ` R${recache}`}`
    const look = (): Promise<MetaReply> =>
      server.submit(new LookRequest('wrap', key, line), ask.timeout)
    const [reply, fingerprint] = await Promise.all([look(), ask.fingerprint])
    const scope = { key, wireKey, server, fingerprint, timeout: ask.timeout }
    const first = await Sight.of(this.#context, scope, reply)
    const removal = this.#removal(first, wireKey, ask)
    if (removal === undefined) return first.look
    // One batch, one connection: the second look comes after the removal. Of all the callers that
    // remove, the cas token lets one succeed, and of all that look, one wins.
    const removed = new MetaRequest('wrap', key, removal.line, removal.block)
    server.submit(removed, ask.timeout).catch(() => {})
    const second = await Sight.of(this.#context, scope, await look())
    return second.look
  }

  /** The command after which somebody can win, where now nobody can. */
  #removal(sight: Sight, wireKey: string, ask: Ask): MetaCommand | undefined {
    if (sight.won || sight.cas === '') return undefined
    if (!sight.sent) return sight.usable ? undefined : { line: `md ${wireKey} C${sight.cas}` }
    if (!this.#watch.isOverdue(wireKey, sight.cas, lifetime(ask) * 1_000)) return undefined
    return sight.stub ? { line: `md ${wireKey} C${sight.cas}` } : sight.unsent(0)
  }
}

// If its reply got lost with a connection, so may have the win: then the lease is waited for.
class LookRequest extends MetaRequest {
  override get repeatable(): boolean {
    return true
  }
}

/** A meta command and the block of an `ms`. */
interface MetaCommand {
  readonly line: string
  readonly block?: Buffer | undefined
}

// The server's clock ticks once a second: an item lives up to a second less than it is told.
function lifetime({ lease }: Ask): number {
  return lease + 1
}

/** One reply to `mg v c f t`, read. */
class Sight {
  readonly won: boolean
  /** Somebody has won and not stored yet. */
  readonly sent: boolean
  readonly stub: boolean
  /** It has a value that may be served. */
  readonly usable: boolean
  readonly cas: string
  readonly #context: LeaseContext
  readonly #scope: LeaseScope
  readonly #reply: MetaReply
  readonly #item: WrappedItem | undefined

  static async of(context: LeaseContext, scope: LeaseScope, reply: MetaReply): Promise<Sight> {
    const { flags, value } = reply
    const clientFlags = Number(flags.get('f') ?? 0)
    // An empty string of `set` looks the same; it is then computed anew instead of served stale.
    const stub = (flags.has('W') || flags.has('Z')) && clientFlags === 0 && value?.length === 0
    if (stub || value === undefined) return new Sight(context, scope, reply, undefined)
    const item = await context.envelope.unseal(clientFlags, value, 0, value.length)
    return new Sight(context, scope, reply, item)
  }

  private constructor(
    context: LeaseContext,
    scope: LeaseScope,
    reply: MetaReply,
    item: WrappedItem | undefined,
  ) {
    this.#context = context
    this.#scope = scope
    this.#reply = reply
    this.#item = item
    this.won = reply.flags.has('W')
    this.sent = reply.flags.has('Z')
    this.stub = item === undefined
    this.cas = reply.flags.get('c') ?? ''
    this.usable = item?.readable === true && item.fingerprint === scope.fingerprint
  }

  get look(): Look {
    const { won, sent, usable } = this
    const item = usable ? this.#item : undefined
    const lease = won ? new MetaLease(this.#context, this.#scope, this) : undefined
    if (item === undefined) return { item, lease, state: 'missing' }
    if (this.invalidated) return { item, lease, state: 'invalidated' }
    return { item, lease, state: won || sent ? 'due' : 'fresh' }
  }

  get invalidated(): boolean {
    return this.#reply.flags.has('X')
  }

  /**
   * The command that takes the win token back, so that the next caller wins. An invalidated item
   * is marked anew. One that is only old must not become an invalidated one: it is stored again
   * as it was, with what is left of its time, `seconds` after this sight.
   */
  unsent(seconds: number): MetaCommand {
    const { wireKey } = this.#scope
    if (this.invalidated) return { line: `md ${wireKey} I C${this.cas}` }
    const { flags, value: block = Buffer.alloc(0) } = this.#reply
    const remaining = Number(flags.get('t') ?? 1)
    // -1 is for ever: somebody has touched it.
    const left = remaining < 0 ? 0 : Math.max(1, remaining - seconds)
    const head = storeHead(wireKey, block.length)
    const line = `${head} F${flags.get('f') ?? 0} T${left} C${this.cas}`
    return { line, block }
  }
}

class MetaLease extends Lease {
  readonly #sight: Sight
  readonly #since = performance.now()

  constructor(context: LeaseContext, scope: LeaseScope, sight: Sight) {
    super(context, scope)
    this.#sight = sight
  }

  async release(): Promise<void> {
    if (this.#sight.stub) return this.discard()
    const seconds = Math.ceil((performance.now() - this.#since) / 1_000)
    const { line, block } = this.#sight.unsent(seconds)
    await this.#send(line, block)
  }

  async discard(): Promise<void> {
    await this.#send(`md ${this.scope.wireKey} C${this.#sight.cas}`)
  }

  protected notes(_life: Life, fingerprint: string): Notes {
    // The server knows how much of its time is left.
    return { expiry: 0, fingerprint }
  }

  protected async store({ data, flags }: Encoded, exptime: number): Promise<boolean> {
    const { wireKey } = this.scope
    const head = storeHead(wireKey, data.length)
    const line = `${head} F${flags} T${exptime} C${this.#sight.cas}`
    const { status } = await this.#send(line, data)
    return status === 'found'
  }

  #send(line: string, block?: string | Uint8Array | undefined): Promise<MetaReply> {
    const { key, server, timeout } = this.scope
    return server.submit(new MetaRequest('wrap', key, line, block), timeout)
  }
}
