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
  /** Servers that the keys are spread over; 1 unless said. */
  readonly servers?: number
  /** Whose worker answers the jobs: `abraxas` for the peers, our own for ours, raw for raw. */
  readonly jobs?: true
}

const all = ['memjs', 'memcached', 'memcache', 'memcache-client']
const withMany = ['memcached', 'memcache', 'memcache-client']
const jobPeers = ['abraxas', 'node-gearman', 'gearmanode']
const text = { size: 100 } as const

/** memcached: operations a second. */
export const cacheRows: readonly Row[] = [
  {
    name: 'get c=1',
    scenario: { operation: 'get', concurrency: 1, ...text },
    peers: all,
    raw: true,
    ceiling: 0.95,
  },
  {
    name: 'get c=64',
    scenario: { operation: 'get', concurrency: 64, ...text },
    peers: all,
    raw: true,
    best: 4,
    ceiling: 0.7,
  },
  {
    name: 'get c=512',
    scenario: { operation: 'get', concurrency: 512, ...text },
    peers: all,
    raw: true,
    best: 6,
    ceiling: 0.7,
  },
  {
    name: 'set c=64',
    scenario: { operation: 'set', concurrency: 64, ...text },
    peers: all,
    raw: true,
    best: 3.5,
  },
  {
    name: 'getMany of 100, c=4',
    scenario: { operation: 'getMany', concurrency: 4, ...text },
    peers: withMany,
    raw: true,
    best: 3,
  },
  {
    name: 'get 10 KB c=64',
    scenario: { operation: 'get', concurrency: 64, size: 10_240 },
    peers: all,
    raw: true,
    best: 1.8,
  },
  {
    name: 'get 500 KB c=4',
    scenario: { operation: 'get', concurrency: 4, size: 512_000, keys: 10 },
    peers: all,
    raw: true,
    best: 1.5,
  },
  {
    name: 'get object of 1 KB c=64',
    scenario: { operation: 'get', concurrency: 64, size: 1_024, objects: true },
    peers: all,
    raw: false,
    best: 2,
  },
  {
    name: 'set object of 1 KB c=64',
    scenario: { operation: 'set', concurrency: 64, size: 1_024, objects: true },
    peers: all,
    raw: false,
    best: 2,
  },
  {
    name: 'get and set by turns, 3 servers, 100,000 keys, c=64',
    scenario: { operation: 'mix', concurrency: 64, keys: 100_000, ...text },
    peers: all,
    raw: false,
    servers: 3,
  },
]

/** Gearman: jobs a second over `gearmand -t 1`. */
export const jobRows: readonly Row[] = [
  ...[1, 16, 32, 64, 128, 256].map(
    (concurrency): Row => ({
      name: `do c=${concurrency}`,
      scenario: { operation: 'do', concurrency, size: 64 },
      peers: jobPeers,
      raw: true,
      jobs: true,
      ...(concurrency === 64 ? { best: 2, ceiling: 0.8 } : {}),
    }),
  ),
  {
    name: 'doBackground acknowledged c=64',
    scenario: { operation: 'doBackground', concurrency: 64, size: 64 },
    peers: ['abraxas'],
    raw: true,
    jobs: true,
    best: 2.5,
    ceiling: 0.7,
  },
  {
    name: 'do 1 MB c=4',
    scenario: { operation: 'do', concurrency: 4, size: 1_048_576 },
    peers: [],
    raw: true,
    jobs: true,
    ceiling: 0.8,
  },
]
