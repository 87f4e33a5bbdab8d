import { OptionRules } from '@glammp/wire'
import type { Fate } from '../dispatch/chunks.js'
import type { CommandContext } from '../dispatch/context.js'
import { CALL_CHECKS, type CallOptions, type route, timeoutOf } from '../dispatch/route.js'
import { type Key, keptKey } from '../key.js'
import { secondsFrom, toExptime } from '../keys/ttl.js'
import { DeletionRequest, InvalidationRequest } from '../requests/item-request.js'
import type { Request } from '../requests/request.js'
import { overtakeLoad } from './guard.js'

/** Options of `invalidate`. */
export interface InvalidateOptions extends CallOptions {
  /**
   * Seconds that the old value may still be served while it is computed anew; then it is gone. If
   * the server does not speak meta, it is gone at once.
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
    const { chunks, keys, fleet } = this.#context
    const wireKey = keys.toWire(key, 'invalidate')
    const kept = keptKey(key)
    const exptime = toExptime(options?.stale ?? STALE)
    const send = (call: CallOptions | undefined): Promise<boolean> => {
      const timeout = timeoutOf(this.#context, call)
      const submit = <T>(request: Request<T>): Promise<T> =>
        fleet.homeOf(wireKey).submit(request, timeout, call?.signal)
      if (this.#foreignReaders) return submit(new DeletionRequest('invalidate', key, wireKey))
      const request = new InvalidationRequest('invalidate', key, wireKey, exptime)
      if (chunks === undefined) return submit(request)
      const way: typeof route = (_context, _wireKey, old) => submit(old)
      const sending = { call, way, patient: false }
      const fateOf = (found: boolean): Fate =>
        !found ? 'stays' : request.deletes ? 'gone' : { exptime }
      const owner = { command: 'invalidate', key: kept }
      return chunks.replacing(owner, wireKey, sending, () => submit(request), fateOf)
    }
    const change = { command: 'invalidate', key: kept, wireKey, send, onlyIfFound: false }
    return overtakeLoad(this.#context, change, options)
  }
}
