import type { Scenario } from './scenario.js'

/** One line of the tables: what is measured, of whom, and what we want to reach. */
export interface Row {
  readonly name: string
  readonly scenario: Scenario
  /** Whom to measure beside ours and the raw sockets. */
  readonly peers: readonly string[]
  /** Whether raw sockets can do the same. */
  readonly raw: boolean
  /** At least so many times the best peer. */
  readonly best?: number
  /** At least this share of the raw sockets. */
  readonly ceiling?: number
  /** At least this share of what the row of this name reaches. */
  readonly keeps?: { readonly row: string; readonly share: number }
  /** Servers that the keys are spread over; 1 unless said. */
  readonly servers?: number
  /** How gearmand is started: the row is one of jobs. */
  readonly gearmand?: readonly string[]
  /** Latency at half the throughput is measured too. */
  readonly latency?: true
  /** Measured with `--quick` too. */
  readonly quick?: true
}

/** What is measured is the client: with more threads it is where their rounds fall into step. */
const ONE_THREAD: readonly string[] = ['-t', '1']
/** As gearmand comes (1.1.20). */
const DEFAULT_THREADS: readonly string[] = ['-t', '4']
/**
 * Room for a queue of a million, which a row without a worker makes: with the default of 991 buckets
 * a submit takes gearmand longer and longer, 9 us up to 115,000 jobs in the queue, 54 us at 280,000.
 */
const MANY_BUCKETS: readonly string[] = ['--hashtable-buckets', '1000003']

// The fastest first: two of them are measured with `--quick`.
export const allPeers: readonly string[] = ['memcache', 'memjs', 'memcache-client', 'memcached']
export const manyPeers: readonly string[] = ['memcache', 'memcached', 'memcache-client']
const jobPeers = ['node-gearman', 'gearmanode', 'abraxas']

function cacheRow(name: string, scenario: Scenario, more: Partial<Row> = {}): Row {
  return { name, scenario, peers: allPeers, raw: true, ...more }
}

function getRow(concurrency: number, more: Partial<Row>): Row {
  return cacheRow(`get c=${concurrency}`, { operation: 'get', concurrency, size: 100 }, more)
}

function setRow(concurrency: number, more: Partial<Row>): Row {
  return cacheRow(`set c=${concurrency}`, { operation: 'set', concurrency, size: 100 }, more)
}

// npm's memcache, memjs and the others have no `wrap`; cacheable's `getOrSet` is over memjs, and has no `stale`.
function wrapRow(name: string, wrap: Scenario['wrap'], more: Partial<Row>): Row {
  const scenario: Scenario = { operation: 'wrap', concurrency: 64, size: 100, wrap }
  const keeps = { row: 'get c=64', share: 0.8 }
  return { name, scenario, peers: [], raw: false, keeps, ...more }
}

/** memcached: operations a second. */
export const cacheRows: readonly Row[] = [
  getRow(1, { ceiling: 0.95, quick: true }),
  getRow(64, { best: 4, ceiling: 0.7, latency: true, quick: true }),
  getRow(512, { best: 6, ceiling: 0.7, quick: true }),
  wrapRow('wrap hit c=64', {}, { peers: ['cacheable'], quick: true }),
  wrapRow('wrap hit with stale c=64', { stale: 60 }, {}),
  wrapRow('wrap hit with stale and a tag c=64', { stale: 60, tags: ['tag'] }, { quick: true }),
  setRow(1, {}),
  setRow(64, { best: 3.5, latency: true, quick: true }),
  setRow(512, {}),
  cacheRow(
    'getMany of 100, c=4',
    { operation: 'getMany', concurrency: 4, size: 100 },
    { peers: manyPeers, best: 3, quick: true },
  ),
  cacheRow(
    'get 10 KB c=64',
    { operation: 'get', concurrency: 64, size: 10_240 },
    { best: 1.8, quick: true },
  ),
  cacheRow(
    'get 500 KB c=4',
    { operation: 'get', concurrency: 4, size: 512_000, keys: 10 },
    { best: 1.5, quick: true },
  ),
  cacheRow(
    'get 500 KB c=4, as Buffers',
    { operation: 'get', concurrency: 4, size: 512_000, keys: 10, buffers: true },
    { peers: [] },
  ),
  cacheRow(
    'get object of 1 KB c=64',
    { operation: 'get', concurrency: 64, size: 1_024, objects: true },
    { raw: false, best: 2, quick: true },
  ),
  cacheRow(
    'set object of 1 KB c=64',
    { operation: 'set', concurrency: 64, size: 1_024, objects: true },
    { raw: false, best: 2 },
  ),
  cacheRow(
    'get and set by turns, 3 servers, 100,000 keys, c=64',
    { operation: 'mix', concurrency: 64, keys: 100_000, size: 100 },
    { raw: false, servers: 3, latency: true },
  ),
]

function jobRow(concurrency: number, more: Partial<Row> = {}): Row {
  return {
    name: `do c=${concurrency}`,
    scenario: { operation: 'do', concurrency, size: 64 },
    peers: jobPeers,
    raw: true,
    gearmand: ONE_THREAD,
    ...more,
  }
}

function backgroundRow(concurrency: number, more: Partial<Row>): Row {
  return {
    name: `doBackground acknowledged c=${concurrency}`,
    scenario: { operation: 'doBackground', concurrency, size: 64 },
    peers: ['abraxas'],
    raw: true,
    gearmand: [...ONE_THREAD, ...MANY_BUCKETS],
    ...more,
  }
}

// Raw sockets make no text of what they receive, so Buffers are what they can be compared with.
function largeJobRow(name: string, more: Partial<Scenario>): Row {
  return {
    name,
    scenario: { operation: 'do', concurrency: 4, size: 1_048_576, ...more },
    peers: [],
    raw: true,
    gearmand: ONE_THREAD,
    ceiling: 0.8,
    quick: true,
  }
}

function keepsUp(concurrency: number): Partial<Row> {
  return { keeps: { row: `do c=${concurrency / 2}`, share: 0.9 } }
}

/** Gearman over `gearmand -t 1`: jobs a second. */
export const jobRows: readonly Row[] = [
  jobRow(1),
  jobRow(16),
  jobRow(32, keepsUp(32)),
  jobRow(64, { best: 2, ceiling: 0.8, latency: true, quick: true, ...keepsUp(64) }),
  jobRow(128, keepsUp(128)),
  jobRow(256, keepsUp(256)),
  backgroundRow(1, {}),
  backgroundRow(64, { best: 2.5, ceiling: 0.7, quick: true }),
  largeJobRow('do 1 MB c=4', {}),
  largeJobRow('do 1 MB c=4, as Buffers', { buffers: true }),
]

/** The same with a gearmand that is told nothing. */
export const defaultRows: readonly Row[] = [
  ...[1, 16, 64, 256].map((concurrency) => ({
    ...jobRow(concurrency, { gearmand: DEFAULT_THREADS, peers: ['node-gearman'] }),
    name: `do c=${concurrency}, gearmand's default threads`,
  })),
  {
    ...backgroundRow(64, { gearmand: ONE_THREAD, best: 2.5, ceiling: 0.7 }),
    name: "doBackground acknowledged c=64, gearmand's default table",
  },
]
