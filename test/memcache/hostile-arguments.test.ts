import { MemcacheClient, MemcacheError } from '@glammp/memcache'
import { MemcachedServer } from '@glammp/memcache/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hostile, isAccident } from '../support/hostile.js'
import { methodsOf } from '../support/methods.js'
import { startBinaryRecorder } from './binary-recorder.js'

// Whatever is passed at whatever place of whatever call, the server gets what the call sends in good
// times, or nothing: no text becomes a command of its own. What a server got is told by one that
// shares no code with the client.

type Hostile = (cache: MemcacheClient, value: never) => unknown
interface Row {
  /** The words that the call sends, and how many commands at most. */
  readonly sends: RegExp
  readonly most: number
  /** One for each place. */
  readonly places: readonly Hostile[]
}

const load = (): string => 'loaded'
const CRAWLER = { hot: 1, warm: 1, hotAge: 1, warmAge: 1 }

const key = (sends: RegExp, call: Hostile, ...others: Hostile[]): Row => ({
  sends,
  most: 1,
  places: [call, ...others],
})
const GET = /^(mg|get|gets|binary 0)\b/
const STORE = /^(ms|set|add|replace|append|prepend|cas|binary (1|2|3|14|15))\b/
const TOUCH = /^(mg|touch|gat|gats|binary (28|29))\b/
const COUNT = /^(ma|incr|decr|ms|add|mg|binary (5|6|2))\b/
const DELETE = /^(md|delete|mg|ms|get|gets|cas|set|binary \d+)\b/
const WRAP = /^(mg|ms|md|get|gets|add|set|cas|delete|binary (0|1|2|4))\b/
const LINE = (word: string): RegExp => new RegExp(`^(${word}|binary \\d+)\\b`)

/** What a change asks beside its own command, and how a client meets a server. */
const BESIDE = /^(version|mn)$|^(mg|gets|binary 0) glammp:lock:|^binary 11\b/

const admin = (word: string, ...places: Hostile[]): Row => ({ sends: LINE(word), most: 2, places })

const ROWS: Readonly<Record<string, Row>> = {
  get: key(
    GET,
    (cache, x) => cache.get(x),
    (cache, x) => cache.get('k', x),
  ),
  gets: key(
    GET,
    (cache, x) => cache.gets(x),
    (cache, x) => cache.gets('k', x),
  ),
  getMany: {
    ...key(
      GET,
      (cache, x) => cache.getMany(x),
      (cache, x) => cache.getMany([x]),
    ),
    most: 8,
  },
  getsMany: {
    ...key(
      GET,
      (cache, x) => cache.getsMany(x),
      (cache, x) => cache.getsMany([x]),
    ),
    most: 8,
  },
  getAndTouch: key(
    TOUCH,
    (cache, x) => cache.getAndTouch(x, 5),
    (cache, x) => cache.getAndTouch('k', x),
  ),
  touch: key(
    TOUCH,
    (cache, x) => cache.touch(x, 5),
    (cache, x) => cache.touch('k', x),
  ),
  set: key(
    STORE,
    (cache, x) => cache.set(x, 'v'),
    (cache, x) => cache.set('k', x),
    (cache, x) => cache.set('k', 'v', x),
    (cache, x) => cache.set('k', 'v', { ttl: x }),
  ),
  add: key(
    STORE,
    (cache, x) => cache.add(x, 'v'),
    (cache, x) => cache.add('k', x),
  ),
  replace: key(
    STORE,
    (cache, x) => cache.replace(x, 'v'),
    (cache, x) => cache.replace('k', x),
  ),
  append: key(
    STORE,
    (cache, x) => cache.append(x, 'v'),
    (cache, x) => cache.append('k', x),
  ),
  prepend: key(
    STORE,
    (cache, x) => cache.prepend(x, 'v'),
    (cache, x) => cache.prepend('k', x),
  ),
  cas: key(
    STORE,
    (cache, x) => cache.cas(x, 'v', '1'),
    (cache, x) => cache.cas('k', x, '1'),
    (cache, x) => cache.cas('k', 'v', x),
  ),
  setMany: {
    ...key(
      STORE,
      (cache, x) => cache.setMany(x),
      (cache, x) => cache.setMany([[x, 'v']]),
      (cache, x) => cache.setMany({ k: x }),
      (cache, x) => cache.setMany(new Map([[x, 'v']])),
    ),
    most: 8,
  },
  delete: key(DELETE, (cache, x) => cache.delete(x)),
  deleteMany: {
    ...key(
      DELETE,
      (cache, x) => cache.deleteMany(x),
      (cache, x) => cache.deleteMany([x]),
    ),
    most: 8,
  },
  increment: {
    sends: COUNT,
    most: 3,
    places: [
      (cache, x) => cache.increment(x),
      (cache, x) => cache.increment('n', x),
      (cache, x) => cache.increment('n', 1, { initial: x }),
    ],
  },
  decrement: {
    sends: COUNT,
    most: 3,
    places: [(cache, x) => cache.decrement(x), (cache, x) => cache.decrement('n', x)],
  },
  inspect: key(GET, (cache, x) => cache.inspect(x)),
  wrap: {
    sends: WRAP,
    most: 12,
    places: [
      (cache, x) => cache.wrap(x, load),
      (cache, x) => cache.wrap('k', x),
      (cache, x) => cache.wrap('k', () => x),
      (cache, x) => cache.wrap('k', load, x),
      (cache, x) => cache.wrap('k', load, { tags: [x] }),
      (cache, x) => cache.wrap('k', load, { ttl: x }),
    ],
  },
  wrapMany: {
    sends: WRAP,
    most: 40,
    places: [
      (cache, x) => cache.wrapMany(x, () => new Map()),
      (cache, x) => cache.wrapMany([x], (keys) => new Map(keys.map((each) => [each, 1]))),
      (cache, x) => cache.wrapMany(['k'], () => new Map([['k', x]])),
      (cache, x) => cache.wrapMany(['k'], () => x),
    ],
  },
  invalidate: { sends: DELETE, most: 3, places: [(cache, x) => cache.invalidate(x)] },
  invalidateNamespace: admin('ms|set|add|mg|get', (cache, x) => cache.invalidateNamespace(x)),
  tag: admin('ms|set|add', (cache, x) => cache.tag(x).invalidate()),
  stats: admin('stats', (cache, x) => cache.stats(x)),
  flushAll: admin('flush_all', (cache, x) => cache.flushAll({ delay: x })),
  resetStats: admin('stats', (cache, x) => cache.resetStats(x)),
  cacheMemoryLimit: admin('cache_memlimit', (cache, x) => cache.cacheMemoryLimit(x)),
  ping: admin('mn|version', (cache, x) => cache.ping(x)),
  version: admin('version', (cache, x) => cache.version(x)),
  verbosity: admin('verbosity', (cache, x) => cache.verbosity(x)),
  keys: admin(
    'lru_crawler',
    (cache, x) => cache.keys(x).next(),
    (cache, x) => cache.keys({ prefix: x }).next(),
  ),
  watch: admin('watch', (cache, x) => ended(cache, x)),
  serverFor: admin('never', (cache, x) => cache.serverFor(x)),
  'meta.get': key(
    GET,
    (cache, x) => cache.meta.get(x),
    (cache, x) => cache.meta.get('k', x),
  ),
  'meta.set': key(
    STORE,
    (cache, x) => cache.meta.set(x, 'v'),
    (cache, x) => cache.meta.set('k', x),
    (cache, x) => cache.meta.set('k', 'v', x),
  ),
  'meta.delete': key(
    DELETE,
    (cache, x) => cache.meta.delete(x),
    (cache, x) => cache.meta.delete('k', x),
  ),
  'meta.arithmetic': key(
    COUNT,
    (cache, x) => cache.meta.arithmetic(x),
    (cache, x) => cache.meta.arithmetic('n', x),
  ),
  'admin.stats': admin('stats', (cache, x) => cache.admin.stats(x, undefined)),
  'admin.version': admin('version', (cache, x) => cache.admin.version(x)),
  'admin.ping': admin('mn|version', (cache, x) => cache.admin.ping(x)),
  'admin.resetStats': admin('stats', (cache, x) => cache.admin.resetStats(x)),
  'admin.verbosity': admin('verbosity', (cache, x) => cache.admin.verbosity(x, undefined)),
  'admin.cacheMemoryLimit': admin('cache_memlimit', (cache, x) =>
    cache.admin.cacheMemoryLimit(x, undefined),
  ),
  'admin.slabsAutomove': admin('slabs', (cache, x) => cache.admin.slabsAutomove(x)),
  'admin.slabsReassign': admin('slabs', (cache, x) => cache.admin.slabsReassign(x, x)),
  'admin.lruMode': admin('lru', (cache, x) => cache.admin.lruMode(x)),
  'admin.lruTune': admin(
    'lru',
    (cache, x) => cache.admin.lruTune(x),
    (cache, x) => cache.admin.lruTune({ ...CRAWLER, hot: x }),
  ),
  'admin.lruTempTtl': admin('lru', (cache, x) => cache.admin.lruTempTtl(x)),
  'admin.crawl': admin(
    'lru_crawler',
    (cache, x) => cache.admin.crawl(x),
    (cache, x) => cache.admin.crawl([x]),
  ),
}

/** What takes servers, or nothing; `admin.flushAll` takes a number that may be any. */
const WITHOUT = [
  ...['connect', 'metrics', 'addServer', 'removeServer', 'setServers', 'close', 'quit'],
  'admin.flushAll',
]

/** Watching goes on until it is ended. */
async function ended(cache: MemcacheClient, x: never): Promise<unknown> {
  const events = cache.watch(x)
  const first = events.next()
  first.catch(() => {})
  // The server has the line once it answers what follows.
  await cache.version()
  await events.return?.()
  return first
}

interface Recorder extends AsyncDisposable {
  readonly address: string
  readonly requests: readonly string[]
}

const startTextRecorder = (): Promise<Recorder> => MemcachedServer.start()

describe.each([
  ['meta', startTextRecorder],
  ['classic', startTextRecorder],
  ['binary', startBinaryRecorder],
] as const)('over %s', (protocol, start) => {
  let server: Recorder
  let cache: MemcacheClient
  beforeAll(async () => {
    server = await start()
    cache = new MemcacheClient({ servers: server.address, protocol, timeout: 2_000 })
    await cache.set('n', 5)
  })
  afterAll(async () => {
    await cache.close()
    await server[Symbol.asyncDispose]()
  })

  test('there is a row for every call', () => {
    const internal = ['everythingChanges', 'loadsUnderWay']
    const all = [
      ...methodsOf(cache).filter((name) => !internal.includes(name)),
      ...methodsOf(cache.meta).map((name) => `meta.${name}`),
      ...methodsOf(cache.admin).map((name) => `admin.${name}`),
    ]
    expect([...Object.keys(ROWS), ...WITHOUT].sort()).toEqual(all.sort())
  })

  // The recorder compares no cas tokens, without which locks are not taken away.
  const rows = Object.entries(ROWS).filter(([name]) => protocol !== 'binary' || !/^wrap/.test(name))

  test.each(rows)('%s sends its own commands, or none', async (_name, row) => {
    for (const place of row.places) {
      const property = fc.asyncProperty(hostile, async (value) => {
        const before = server.requests.length
        const error: unknown = await Promise.resolve()
          .then(() => place(cache, value as never))
          .then(
            () => undefined,
            (reason: unknown) => reason,
          )
        if (error !== undefined) {
          const isOurs =
            error instanceof MemcacheError ||
            ((error instanceof TypeError || error instanceof RangeError) && !isAccident(error))
          expect(isOurs, String(error)).toBe(true)
          // Nothing was sent that the server did not understand.
          expect(String(error)).not.toMatch(/ProtocolError|TimeoutError|ConnectionError/)
        }
        // What was sent has been heard: the answer of the call came behind it.
        const heard = server.requests.slice(before).filter((line) => !BESIDE.test(line))
        expect(heard.length, heard.join('|')).toBeLessThanOrEqual(row.most)
        for (const line of heard) expect(line).toMatch(row.sends)
      })
      await fc.assert(property, { numRuns: 120 })
    }
  })

  test('after all of it the client is in step with the server', async () => {
    await cache.set('last', 'value')
    expect(await cache.get('last')).toBe('value')
    expect(server.requests.some((line) => /^(shutdown|set injected)/.test(line))).toBe(false)
  })
})
