import {
  type Checks,
  numberThat,
  OptionRules,
  oneOf,
  wholeNumber,
  wholeNumberFrom,
  wrong,
} from '@glammp/wire'
import type { CommandContext } from '../dispatch/context.js'
import { CALL_CHECKS, type CallOptions, checkCall, timeoutOf } from '../dispatch/route.js'
import { type MemcacheError, ServerError } from '../errors.js'
import { secondsFrom, toExptime } from '../keys/ttl.js'
import { LineRequest } from '../requests/line-request.js'
import { parseStats, type StatsOf, type StatsSection, statsCommand } from './stats/stats-section.js'

/** What each server answered, keyed by its address; the error if it could not be asked. */
export type PerServer<T> = Record<string, T | MemcacheError>

/** Options of `flushAll`. */
export interface FlushOptions extends CallOptions {
  /** Seconds from now. */
  readonly delay?: number | undefined
}

/** The known options of `flushAll` and their valid values. */
export const FLUSH_RULES: OptionRules<FlushOptions> = new OptionRules<FlushOptions>({
  delay: secondsFrom(0),
  ...CALL_CHECKS,
})

/** memcached reads a number into 32 bits, with or without a sign. */
const INT32 = 2 ** 31 - 1
const UINT32 = 2 ** 32 - 1

/**
 * memcached has 64 slab classes at most. 1.6.38 takes 64 for one of them, and ends by a segmentation
 * fault.
 */
const LAST_CLASS = 63

const checkLruMode = oneOf('flat', 'segmented')

/**
 * The commands that go to every server. Each resolves to an answer for each server: `true`, or what
 * the server says; if a server cannot be asked or refuses, its MemcacheError stands in the place of
 * the answer. They reject only for invalid arguments. The binary protocol has only `stats`,
 * `version`, `flushAll` and `resetStats`.
 */
export class Admin {
  readonly #context: CommandContext

  constructor(context: CommandContext) {
    this.#context = context
  }

  /** As `MemcacheClient.stats`. */
  async stats<Section extends StatsSection | undefined = undefined>(
    section?: Section,
    options?: CallOptions,
  ): Promise<PerServer<StatsOf<Section>>> {
    const line = statsCommand(section === undefined ? 'general' : section)
    const parse = parseStats as (lines: readonly string[]) => StatsOf<Section>
    return this.#ask('stats', line, parse, options)
  }

  /** As `MemcacheClient.version`. */
  async version(options: CallOptions | undefined): Promise<PerServer<string>> {
    const parse = ([line = '']: string[]): string => line.replace(/^VERSION /, '')
    return this.#ask('version', 'version', parse, options)
  }

  /** As `MemcacheClient.flushAll`; `delay` is seconds. */
  async flushAll(
    delay: number | undefined,
    options: CallOptions | undefined,
  ): Promise<PerServer<true>> {
    const exptime = delay === undefined ? 0 : toExptime(wholeNumber('delay', delay, 0), 'delay')
    const line = exptime === 0 ? 'flush_all' : `flush_all ${exptime}`
    return this.#ask('flushAll', line, accepted, options, true)
  }

  /** As `MemcacheClient.ping`. */
  async ping(options: CallOptions | undefined): Promise<void> {
    const answers = await this.#ask('ping', 'version', () => true, options)
    for (const answer of Object.values(answers)) if (answer !== true) throw answer
  }

  /** As `MemcacheClient.verbosity`. */
  async verbosity(level: number, options: CallOptions | undefined): Promise<PerServer<true>> {
    wholeNumber('the level of verbosity', level, 0, UINT32)
    return this.#ask('verbosity', `verbosity ${level}`, accepted, options)
  }

  /** As `MemcacheClient.resetStats`. */
  async resetStats(options: CallOptions | undefined): Promise<PerServer<true>> {
    return this.#ask('resetStats', 'stats reset', accepted, options)
  }

  /** As `MemcacheClient.cacheMemoryLimit`. */
  async cacheMemoryLimit(
    megabytes: number,
    options: CallOptions | undefined,
  ): Promise<PerServer<true>> {
    wholeNumber('megabytes', megabytes, 8, UINT32)
    return this.#ask('cacheMemoryLimit', `cache_memlimit ${megabytes}`, accepted, options)
  }

  /** Whether pages move between slab classes by themselves: 0 no, 1 slowly, 2 at every eviction. */
  async slabsAutomove(mode: 0 | 1 | 2, options?: CallOptions): Promise<PerServer<true>> {
    wholeNumber('mode', mode, 0, 2)
    return this.#ask('slabsAutomove', `slabs automove ${mode}`, accepted, options)
  }

  /**
   * Moves a page from one slab class to another; a `source` of -1 takes any. `true` says that it
   * has begun; a ServerError instead of it says that the server is busy or has no page to spare.
   */
  async slabsReassign(
    source: number,
    destination: number,
    options?: CallOptions,
  ): Promise<PerServer<true>> {
    wholeNumber('source', source, -1, LAST_CLASS)
    wholeNumber('destination', destination, 0, LAST_CLASS)
    const line = `slabs reassign ${source} ${destination}`
    return this.#ask('slabsReassign', line, accepted, options)
  }

  /** One LRU for all items (`flat`), or hot, warm and cold ones. */
  async lruMode(mode: 'flat' | 'segmented', options?: CallOptions): Promise<PerServer<true>> {
    checkLruMode('the mode of the LRU', mode)
    return this.#ask('lruMode', `lru mode ${mode}`, accepted, options)
  }

  /**
   * Shares of memory of the hot and warm LRU in per cent, and their ages relative to the cold one.
   */
  async lruTune(shares: LruShares, options?: CallOptions): Promise<PerServer<true>> {
    LRU_RULES.check('lruTune', shares)
    const { hot, warm, hotAge, warmAge } = shares
    // The one that is missing.
    for (const [name, check] of Object.entries(LRU_CHECKS))
      check(name, shares[name as keyof LruShares])
    return this.#ask('lruTune', `lru tune ${hot} ${warm} ${hotAge} ${warmAge}`, accepted, options)
  }

  /**
   * Items with a ttl under this number of seconds go to an LRU of their own, where they are not
   * evicted; -1 for none.
   */
  async lruTempTtl(seconds: number, options?: CallOptions): Promise<PerServer<true>> {
    wholeNumber('seconds', seconds, -1, INT32)
    return this.#ask('lruTempTtl', `lru temp_ttl ${seconds}`, accepted, options)
  }

  /** Lets the crawler look for expired items in these slab classes, or in all. */
  async crawl(classes: readonly number[] | 'all', options?: CallOptions): Promise<PerServer<true>> {
    if (classes !== 'all' && (!Array.isArray(classes) || classes.length === 0)) {
      throw new TypeError(wrong('classes', "'all' or a list of slab classes", classes))
    }
    if (classes !== 'all') for (const id of classes) wholeNumber('a slab class', id, 1, UINT32)
    const list = classes === 'all' ? classes : classes.join(',')
    return this.#ask('crawl', `lru_crawler crawl ${list}`, accepted, options)
  }

  async #ask<T>(
    command: string,
    line: string,
    parse: (lines: string[]) => T,
    options: CallOptions | undefined,
    standIns = false,
  ): Promise<PerServer<T>> {
    checkCall(command, options)
    const answers = await this.#context.fleet.askAll(
      () => new LineRequest(command, line),
      timeoutOf(this.#context, options),
      options?.signal,
      standIns,
    )
    const result: PerServer<T> = {}
    for (const [server, answer] of answers) {
      result[server] = Array.isArray(answer) ? parsed(parse, answer, command, server) : answer
    }
    return result
  }
}

/**
 * What a server answered; for a refusal, an error with the server's words in the place of the
 * answer.
 */
function parsed<T>(
  parse: (lines: string[]) => T,
  lines: string[],
  command: string,
  server: string,
): T | MemcacheError {
  try {
    return parse(lines)
  } catch (error) {
    if (!(error instanceof ServerError)) throw error
    return new ServerError(`${command}: ${error.message}`, { command, server })
  }
}

/** Options of `lruTune`. */
export interface LruShares {
  /** Per cent of memory. */
  readonly hot: number
  /** Per cent of memory. */
  readonly warm: number
  /** Factor of the age of the cold LRU's oldest item. */
  readonly hotAge: number
  /** Factor of the age of the cold LRU's oldest item. */
  readonly warmAge: number
}

const age = numberThat('a factor over 0', (value) => value > 0 && value < 1e6)

const LRU_CHECKS: Checks<LruShares> = {
  hot: wholeNumberFrom(1, 100),
  warm: wholeNumberFrom(1, 100),
  hotAge: age,
  warmAge: age,
}

const LRU_RULES = new OptionRules<LruShares>(LRU_CHECKS)

// Success is `OK`, which leaves no line; `BUSY`, `BADCLASS`, `NOSPARE`, `MEMLIMIT_TOO_SMALL` do.
function accepted([line]: string[]): true {
  if (line === undefined) return true
  throw new ServerError(line)
}
