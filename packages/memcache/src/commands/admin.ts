import { type MemcacheError, ServerError } from '../errors.js'
import { LineRequest } from '../protocol/line-request.js'
import type { CommandContext } from './context.js'
import { type CallOptions, timeoutOf } from './route.js'
import { parseStats, type StatsOf, type StatsSection, statsCommand } from './stats-section.js'

/** What each server answered, keyed by its address; the error where it could not be asked. */
export type PerServer<T> = Record<string, T | MemcacheError>

/**
 * The commands that go to every server. Each answers by server: `true`, or what it says; where a
 * server cannot be asked or refuses, its MemcacheError stands in the place of the answer. They
 * reject for arguments that cannot be alone. The binary protocol has words for `stats`, `version`,
 * `flushAll` and `resetStats` alone.
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
    const line = statsCommand(section ?? 'general')
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
    if (delay !== undefined && (!Number.isInteger(delay) || delay < 0)) {
      throw new RangeError(`delay is a whole number of seconds; not ${delay}`)
    }
    const line = delay === undefined || delay === 0 ? 'flush_all' : `flush_all ${delay}`
    return this.#ask('flushAll', line, accepted, options, true)
  }

  /** As `MemcacheClient.ping`. */
  async ping(options: CallOptions | undefined): Promise<void> {
    const answers = await this.#ask('ping', 'version', () => true, options)
    for (const answer of Object.values(answers)) if (answer !== true) throw answer
  }

  /** As `MemcacheClient.verbosity`. */
  async verbosity(level: number, options: CallOptions | undefined): Promise<PerServer<true>> {
    if (!Number.isInteger(level) || level < 0) {
      throw new RangeError(`verbosity is a whole number from 0; not ${level}`)
    }
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
    wholeNumber('megabytes', megabytes, 8)
    return this.#ask('cacheMemoryLimit', `cache_memlimit ${megabytes}`, accepted, options)
  }

  /** Whether pages move between slab classes by themselves: 0 no, 1 slowly, 2 at every eviction. */
  async slabsAutomove(mode: 0 | 1 | 2, options?: CallOptions): Promise<PerServer<true>> {
    wholeNumber('mode', mode, 0)
    return this.#ask('slabsAutomove', `slabs automove ${mode}`, accepted, options)
  }

  /**
   * Moves a page from one slab class to another; a `source` of -1 takes any. `true` says that it
   * has begun; a ServerError in its place that the server is busy or has no page to spare.
   */
  async slabsReassign(
    source: number,
    destination: number,
    options?: CallOptions,
  ): Promise<PerServer<true>> {
    wholeNumber('source', source, -1)
    wholeNumber('destination', destination, 0)
    const line = `slabs reassign ${source} ${destination}`
    return this.#ask('slabsReassign', line, accepted, options)
  }

  /** One LRU for all items (`flat`), or hot, warm and cold ones. */
  async lruMode(mode: 'flat' | 'segmented', options?: CallOptions): Promise<PerServer<true>> {
    if (mode !== 'flat' && mode !== 'segmented') {
      throw new TypeError(`the LRU is 'flat' or 'segmented'; not '${mode}'`)
    }
    return this.#ask('lruMode', `lru mode ${mode}`, accepted, options)
  }

  /**
   * Shares of memory of the hot and warm LRU in per cent, and their ages relative to the cold one.
   */
  async lruTune(
    { hot, warm, hotAge, warmAge }: LruShares,
    options?: CallOptions,
  ): Promise<PerServer<true>> {
    for (const [name, value] of Object.entries({ hot, warm })) wholeNumber(name, value, 1)
    for (const age of [hotAge, warmAge]) {
      if (!(age > 0 && age < 1e6)) throw new RangeError(`an age is a factor over 0; not ${age}`)
    }
    return this.#ask('lruTune', `lru tune ${hot} ${warm} ${hotAge} ${warmAge}`, accepted, options)
  }

  /**
   * Items with a ttl under so many seconds go to an LRU of their own, where they are not evicted;
   * -1 for none.
   */
  async lruTempTtl(seconds: number, options?: CallOptions): Promise<PerServer<true>> {
    wholeNumber('seconds', seconds, -1)
    return this.#ask('lruTempTtl', `lru temp_ttl ${seconds}`, accepted, options)
  }

  /** Lets the crawler look for expired items in these slab classes, or in all. */
  async crawl(classes: readonly number[] | 'all', options?: CallOptions): Promise<PerServer<true>> {
    if (classes !== 'all') for (const id of classes) wholeNumber('slab class', id, 1)
    const list = classes === 'all' ? 'all' : classes.join(',')
    return this.#ask('crawl', `lru_crawler crawl ${list}`, accepted, options)
  }

  async #ask<T>(
    command: string,
    line: string,
    parse: (lines: string[]) => T,
    options: CallOptions | undefined,
    standIns = false,
  ): Promise<PerServer<T>> {
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

/** What a server answered; a refusal in its own words stands in the place of the answer. */
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

/** What `lruTune` sets. */
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

// Done is `OK`, which leaves no line; `BUSY`, `BADCLASS`, `NOSPARE`, `MEMLIMIT_TOO_SMALL` do.
function accepted([line]: string[]): true {
  if (line === undefined) return true
  throw new ServerError(line)
}

function wholeNumber(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return
  throw new RangeError(`${name} is a whole number from ${least}; not ${value}`)
}
