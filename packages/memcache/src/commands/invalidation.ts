import { OptionRules } from '@glammp/wire'
import { type Key, keptKey } from '../given-key.js'
import { DeletionRequest } from '../protocol/item-request.js'
import { MetaRequest } from '../protocol/meta-request.js'
import { secondsFrom, toExptime } from '../ttl.js'
import type { CommandContext } from './context.js'
import { guarded } from './guard.js'
import { CALL_CHECKS, type CallOptions, timeoutOf } from './route.js'

/** What `invalidate` takes. */
export interface InvalidateOptions extends CallOptions {
  /**
   * Seconds that the old value may still be served while it is computed anew; then it is gone.
   * Where the server does not speak meta it is gone at once.
   * @defaultValue 30
   */
  readonly stale?: number | undefined
}

const RULES = new OptionRules<InvalidateOptions>({
  stale: secondsFrom(1),
  ...CALL_CHECKS,
})

/** Bounded: the server never takes back the right to compute from a caller that died with it. */
const STALE = 30

/** The command that marks an item stale. */
export class Invalidation {
  readonly #context: CommandContext
  readonly #foreignReaders: boolean

  /** @param foreignReaders - as in `WrapSettings`. */
  constructor(context: CommandContext, foreignReaders: boolean) {
    this.#context = context
    this.#foreignReaders = foreignReaders
  }

  /** Resolves to whether the item was there. */
  async invalidate(key: Key, options: InvalidateOptions | undefined): Promise<boolean> {
    if (options !== undefined) RULES.check('invalidate', options)
    const { keys, fleet } = this.#context
    const wireKey = keys.toWire(key, 'invalidate')
    const kept = keptKey(key)
    const timeout = timeoutOf(this.#context, options)
    const exptime = toExptime(options?.stale ?? STALE)
    const { signal } = options ?? {}
    await fleet.ready(signal)
    const { protocol } = await fleet.homeOf(wireKey).features(timeout)
    const marks = protocol.name === 'meta' && !this.#foreignReaders
    const send = async (): Promise<boolean> => {
      const server = fleet.homeOf(wireKey)
      if (!marks) {
        return server.submit(new DeletionRequest('invalidate', key, wireKey), timeout, signal)
      }
      const request = new MetaRequest('invalidate', key, `md ${wireKey} I T${exptime}`)
      return (await server.submit(request, timeout, signal)).status === 'found'
    }
    return guarded(this.#context, { key: kept, wireKey, send, onlyIfFound: false }, options)
  }
}
