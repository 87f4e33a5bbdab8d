import { oneOf } from '@glammp/wire'
import type { GeneralStats, ServerStats } from './server-stats.js'

/** The sections of `stats`, and what each contains for one server. */
export interface StatsBySection {
  /** What it was asked for, found, holds and evicted: the result of `stats` without a section. */
  readonly general: GeneralStats
  /** The flags that it was started with, and what was set since. */
  readonly settings: SettingsStats
  /** What lies in each slab class. */
  readonly items: ItemsStats
  /** The memory of each slab class. */
  readonly slabs: SlabsStats
  /** How many items there are of each size. */
  readonly sizes: SizesStats
  /** Its connections. */
  readonly conns: ConnsStats
}

/** A section of `stats`; without one the general statistics. */
export type StatsSection = keyof StatsBySection

/** The result of `stats` for one server, for a section or without one. */
export type StatsOf<Section extends StatsSection | undefined> =
  StatsBySection[Section extends StatsSection ? Section : 'general']

/** Settings of one server: those that every 1.6.18 reports, among others. */
export interface SettingsStats extends ServerStats {
  /** Bytes of items that it may hold. */
  readonly maxbytes: number
  /** The maximum number of connections. */
  readonly maxconns: number
  /** `'no'`: one connection too many waits; `'yes'`: it is refused. */
  readonly maxconns_fast: 'yes' | 'no'
  /** Port; 0 where it listens on none. */
  readonly tcpport: number
  /** Port; 0 where it listens on none. */
  readonly udpport: number
  /** The interface that it listens on; `'NULL'` for all. */
  readonly inter: string
  /** Path of its unix socket; `'NULL'` without one. */
  readonly domain_socket: string
  /** The octal digits of the unix socket's mask. */
  readonly umask: number
  /** How much it logs, from 0. */
  readonly verbosity: number
  /** Age in seconds of the oldest item that is valid; set after `flushAll`. */
  readonly oldest: number
  /** `'off'`: it refuses new items while it is full. */
  readonly evictions: 'on' | 'off'
  /** The factor between the chunk sizes of one slab class and the next. */
  readonly growth_factor: number
  /** Bytes of the smallest item, without its header. */
  readonly chunk_size: number
  /** Threads that serve connections. */
  readonly num_threads: number
  /** Commands of one connection before another has its turn. */
  readonly reqs_per_event: number
  /** Whether items have cas tokens. */
  readonly cas_enabled: 'yes' | 'no'
  /** Connections that may wait to be accepted. */
  readonly tcp_backlog: number
  /** Whether SASL is needed (`-S`). */
  readonly auth_enabled_sasl: 'yes' | 'no'
  /** Bytes of the largest item, with key and header. */
  readonly item_size_max: number
  /** Whether pages may move between slab classes. */
  readonly slab_reassign: 'yes' | 'no'
  /** Whether they do by themselves: 0 no, 1 slowly, 2 at every eviction. */
  readonly slab_automove: number
  /** Bytes of the largest chunk: larger items take several. */
  readonly slab_chunk_max: number
  /** Whether a crawler looks for expired items. */
  readonly lru_crawler: 'yes' | 'no'
  /** Microseconds that the crawler rests between two items. */
  readonly lru_crawler_sleep: number
  /** Items of each slab class that one walk looks at; 0 for all. */
  readonly lru_crawler_tocrawl: number
  /** Whether a thread keeps the LRUs. */
  readonly lru_maintainer_thread: 'yes' | 'no'
  /** Per cent of memory for the hot LRU. */
  readonly hot_lru_pct: number
  /** Per cent of memory for the warm LRU. */
  readonly warm_lru_pct: number
  /** Age of the hot LRU relative to the cold one. */
  readonly hot_max_factor: number
  /** Age of the warm LRU relative to the cold one. */
  readonly warm_max_factor: number
  /** Whether items of a short ttl have an LRU of their own. */
  readonly temp_lru: 'yes' | 'no'
  /** Seconds under which a ttl is short. */
  readonly temporary_ttl: number
  /** Seconds after which an idle connection is closed; 0 for never. */
  readonly idle_timeout: number
  /** Whether the section `sizes` is kept. */
  readonly track_sizes: 'yes' | 'no'
}

/**
 * Of each slab class that has held items: `items:<class>:number` items, `items:<class>:age` seconds
 * of the oldest, `items:<class>:mem_requested` bytes, `items:<class>:evicted`, ... Empty where
 * nothing was stored.
 */
export interface ItemsStats extends ServerStats {
  readonly [counter: `items:${number}:${string}`]: number
}

/**
 * Of each slab class that has memory: `<class>:chunk_size` bytes, `<class>:total_pages`,
 * `<class>:used_chunks`, `<class>:get_hits`, ...
 */
export interface SlabsStats extends ServerStats {
  readonly [counter: `${number}:${string}`]: number
  /** Slab classes that have memory. */
  readonly active_slabs: number
  /** Bytes of all pages. */
  readonly total_malloced: number
}

/**
 * How many items there are, by their size in bytes, rounded up to 32. A server keeps these counts
 * if it was started with `-o track_sizes`.
 */
export interface SizesStats extends ServerStats {
  readonly [bytes: number]: number
  /** `'disabled'` if it keeps no counts, `'error'` if it cannot. */
  readonly sizes_status?: string
  /** Why it cannot. */
  readonly sizes_error?: string
}

/**
 * Of each connection, by the number of its file: `<file>:addr`, `<file>:listen_addr`,
 * `<file>:state`, and `<file>:secs_since_last_cmd`, seconds. Those it listens on have no
 * `listen_addr`.
 */
export interface ConnsStats extends ServerStats {
  readonly [text: `${number}:${'addr' | 'listen_addr' | 'state'}`]: string
  readonly [seconds: `${number}:secs_since_last_cmd`]: number
}

const SECTIONS = [
  'general',
  'settings',
  'items',
  'slabs',
  'sizes',
  'conns',
] as const satisfies readonly StatsSection[]

const checkSection = oneOf(...SECTIONS)

/** @throws TypeError for an unknown section. */
export function statsCommand(section: StatsSection): string {
  checkSection('the section of stats', section)
  return section === 'general' ? 'stats' : `stats ${section}`
}

/** Text, even where it looks like a number: forks of memcached have versions of two parts. */
const TEXTS: ReadonlySet<string> = new Set(['version', 'libevent'])

/** `STAT curr_items 7` ... -> `{ curr_items: 7 }`. */
export function parseStats(lines: readonly string[]): ServerStats {
  const stats: [name: string, value: number | string][] = []
  for (const line of lines) {
    const [, name, value = ''] = /^STAT (\S+) ?(.*)$/.exec(line) ?? []
    if (name !== undefined) stats.push([name, TEXTS.has(name) ? value : numeric(value)])
  }
  return Object.fromEntries(stats)
}

function numeric(text: string): number | string {
  if (!/^-?\d+(\.\d+)?$/.test(text)) return text
  const number = Number(text)
  return Number.isInteger(number) && !Number.isSafeInteger(number) ? text : number
}
