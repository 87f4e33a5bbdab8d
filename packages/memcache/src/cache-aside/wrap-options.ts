import { isDate } from 'node:util/types'
import { numberThat, OptionRules, oneOf, wrong } from '@glammp/wire'
import { CALL_CHECKS, type CallOptions } from '../dispatch/route.js'
import { checkTtl, secondsFrom, type Ttl, toExptime, USUAL_LOAD } from '../keys/ttl.js'
import type { Life, LookupOptions } from '../leases/lease.js'

/** The options of `wrap` and `wrapMany`, besides the keys and the function that loads. */
export interface WrapOptions extends CallOptions {
  /** Seconds that a loaded value lives, 0 (the default) for ever; or the Date on which it ends. */
  readonly ttl?: Ttl | undefined
  /**
   * Seconds that a value past its ttl may still be served: nobody waits while one caller of all
   * processes computes it anew in the background. The item lives `ttl + stale` on the server.
   * @defaultValue 0
   */
  readonly stale?: number | undefined
  /**
   * Seconds that the caller who computes may take at least; after that the next one may compute,
   * and the value of the first is no longer stored. Choose it longer than the slowest load.
   * @defaultValue 10
   */
  readonly lease?: number | undefined
  /**
   * Seconds before its end at which a value is computed anew in the background: below ttl, and
   * longer than the slowest load, because a value that comes after the end is not stored.
   * @defaultValue 0
   */
  readonly refreshAhead?: number | undefined
  /**
   * Spreads the ends of values that are loaded together: each lives a random number of seconds
   * from `ttl * (1 - jitter)` to `ttl`. 0 to 1; without effect on a ttl of 0 and a Date.
   * @defaultValue 0
   */
  readonly jitter?: number | undefined
  /**
   * Seconds that `undefined` or `null` from `load` is remembered; without it they are not, and the
   * next caller loads again.
   */
  readonly negativeTtl?: number | undefined
  /**
   * Names that `cache.tag(name).invalidate()` invalidates by. Values with tags carry a header of 24
   * bytes: this client reads them by `get` as well, other programs do not.
   */
  readonly tags?: readonly string[] | undefined
  /**
   * What follows from a failure of the cache: with `'load'` a call of `load`, with `'throw'` an
   * error of the call of `wrap`.
   * @defaultValue `'load'`
   */
  readonly onError?: 'load' | 'throw' | undefined
}

/** The known options and their valid values. */
const RULES = new OptionRules<WrapOptions>({
  ttl: checkTtl,
  stale: secondsFrom(0),
  lease: secondsFrom(1),
  refreshAhead: secondsFrom(0),
  jitter: numberThat('a number from 0 to 1', (value) => value >= 0 && value <= 1),
  negativeTtl: secondsFrom(1),
  tags: checkTags,
  onError: oneOf('load', 'throw'),
  ...CALL_CHECKS,
})

function checkTags(name: string, value: unknown): void {
  if (!Array.isArray(value)) throw new TypeError(wrong(name, 'an array of strings', value))
  for (const tag of value) checkTag('a tag', tag)
}

/** @throws TypeError if it is not a tag. */
export function checkTag(name: string, value: unknown): void {
  if (typeof value === 'string' && value !== '') return
  throw new TypeError(wrong(name, 'a string of at least one character', value))
}

/** The options of one call, checked. */
export class WrapPlan {
  readonly lease: number
  readonly stale: number
  readonly refreshAhead: number
  readonly tags: readonly string[]
  readonly timeout: number | undefined
  /** A failure of the cache rejects the call. */
  readonly throws: boolean
  /** How the last key was looked up that was not one of a list. */
  ask: LookupOptions | undefined
  readonly #ttl: Ttl
  readonly #negativeTtl: number | undefined
  readonly #jitter: number

  /**
   * @param command - what the options are for.
   * @param tags - carried beside those of the options.
   * @param foreignReaders - no header about age with values: they are not served stale, and not
   *   computed ahead.
   * @throws TypeError or RangeError for invalid options.
   */
  constructor(
    command: string,
    options: WrapOptions,
    tags: readonly string[],
    foreignReaders: boolean,
  ) {
    RULES.check(command, options)
    const { ttl = 0, negativeTtl, onError = 'load', jitter = 0 } = options
    const { lease = USUAL_LOAD, stale = 0, refreshAhead = 0 } = options
    this.lease = lease
    this.stale = foreignReaders ? 0 : stale
    this.refreshAhead = foreignReaders ? 0 : refreshAhead
    if (foreignReaders && options.tags !== undefined && options.tags.length > 0) {
      throw new TypeError('with compat there are no tags: other clients cannot read their header')
    }
    this.tags = options.tags === undefined ? tags : [...tags, ...options.tags]
    this.timeout = options.timeout
    this.throws = onError === 'throw'
    this.#ttl = ttl
    this.#negativeTtl = negativeTtl
    this.#jitter = jitter
    // Invalid options are found before anything is loaded.
    if (this.stale > 0) {
      toExptime(prolonged(ttl, this.stale), 'ttl with stale')
      if (negativeTtl !== undefined) toExptime(negativeTtl + this.stale, 'ttl with stale')
    }
    if (this.lease !== USUAL_LOAD) toExptime(this.lease + 1, 'lease')
    if (this.refreshAhead > 0) this.#checkRefreshAhead()
  }

  /** True if the value should be stored. */
  keeps(value: unknown): boolean {
    return (value !== undefined && value !== null) || this.#negativeTtl !== undefined
  }

  /** How long the value lives, from now. */
  life(value: unknown): Life {
    const ttl = value === undefined || value === null ? (this.#negativeTtl ?? 0) : this.#ttl
    const { stale } = this
    const hasOwnEnd = stale > 0 || this.refreshAhead > 0
    if (isDate(ttl)) {
      const end = ttl.getTime()
      // Staleness is judged by the remaining ttl on the server, whose clock is behind anyway.
      const exptime = toExptime(prolonged(ttl, stale), 'ttl', stale > 0 ? Math.floor : Math.ceil)
      const fresh = (end - Date.now()) / 1_000 - this.refreshAhead
      return { exptime, expiry: hasOwnEnd ? unixTime(end) : 0, stale, fresh }
    }
    if (ttl === 0) return { exptime: 0, expiry: 0, stale: 0, fresh: Infinity }
    const own = this.#spread(ttl)
    const expiry = hasOwnEnd ? unixTime(Date.now()) + own : 0
    return { exptime: toExptime(own + stale), expiry, stale, fresh: own - this.refreshAhead }
  }

  #spread(ttl: number): number {
    const shortest = Math.max(1, Math.ceil(ttl * (1 - this.#jitter)))
    return shortest + Math.floor(Math.random() * (ttl - shortest + 1))
  }

  #checkRefreshAhead(): void {
    for (const span of [this.#ttl, this.#negativeTtl]) {
      if (typeof span !== 'number' || span === 0) continue
      const shortest = Math.max(1, Math.ceil(span * (1 - this.#jitter)))
      if (this.refreshAhead < shortest) continue
      throw new RangeError(
        `refreshAhead (${this.refreshAhead}) must be below every ttl with its jitter (${shortest})`,
      )
    }
  }
}

function prolonged(ttl: Ttl, seconds: number): Ttl {
  if (isDate(ttl)) return new Date(ttl.getTime() + seconds * 1_000)
  return ttl === 0 ? 0 : ttl + seconds
}

function unixTime(milliseconds: number): number {
  return Math.ceil(milliseconds / 1_000)
}
