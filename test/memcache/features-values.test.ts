import { tracingChannel } from 'node:diagnostics_channel'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { channelNames, MemcacheClient, type MemcacheOptions } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { held } from '../support/held.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { serversAreControllable } from '../support/server-source.js'
import { waitFor, waitForEvent } from '../support/wait.js'
import { pastEnd } from './past-end.js'

// As features.test.ts, for the rows on cache-aside, values, safety and observing.

let server: MemcachedServer
let cache: MemcacheClient
let other: MemcacheClient
beforeAll(async () => {
  server = await startMemcached()
  cache = new MemcacheClient(server.address)
  other = new MemcacheClient(server.address)
})
afterAll(async () => {
  await Promise.all([cache.close(), other.close()])
  await server.stop()
})

const client = (options: MemcacheOptions = {}): MemcacheClient =>
  new MemcacheClient({ servers: server.address, ...options })
const never = (): never => {
  throw new Error('loaded')
}

describe('cache-aside', () => {
  test('cache-aside in one call', async () => {
    expect(await cache.wrap('wrapped', () => 'loaded', { ttl: 60 })).toBe('loaded')
    expect(await other.wrap('wrapped', never)).toBe('loaded')
  })

  test('cache-aside of many keys', async () => {
    const load = (missing: string[]): string[] => missing.map((key) => key.toUpperCase())
    expect((await cache.wrapMany(['m:a', 'm:b'], load)).get('m:b')).toBe('M:B')
    expect((await other.wrapMany(['m:a', 'm:b'], never)).size).toBe(2)
  })

  const loadsOnce = async (options: MemcacheOptions): Promise<void> => {
    await using first = client(options)
    await using second = client(options)
    let loads = 0
    const load = async (): Promise<number> => {
      await sleep(200)
      loads += 1
      return loads
    }
    const key = `once:${options.protocol}`
    const calls = Array.from({ length: 20 }, (_, index) => (index % 2 ? first : second))
    expect(await Promise.all(calls.map((each) => each.wrap(key, load)))).toEqual(calls.map(() => 1))
  }
  test('one load at a time across processes', () => loadsOnce({ protocol: 'meta' }))
  test('the same without meta commands', () => loadsOnce({ protocol: 'classic' }))

  test('an old value while one caller computes', async () => {
    await cache.wrap('old', () => 'old', { ttl: 1, stale: 60 })
    await pastEnd(cache, 'old', { ttl: 1, stale: 60 })
    const loading = held()
    expect(await cache.wrap('old', loading.load, { ttl: 60, stale: 60 })).toBe('old')
    loading.end('new')
    await waitFor(async () => (await other.get('old')) === 'new')
  })

  test('computing anew before the end', async () => {
    await cache.wrap('ahead', () => 'old', { ttl: 10 })
    expect(await cache.wrap('ahead', () => 'new', { ttl: 60, refreshAhead: 30 })).toBe('old')
    await waitFor(async () => (await other.get('ahead')) === 'new')
  })

  test('invalidation that keeps the old value', async () => {
    await cache.set('invalid', 'old')
    expect(await cache.invalidate('invalid')).toBe(true)
    const loading = held()
    const winner = cache.wrap('invalid', loading.load)
    await loading.begun
    expect(await other.wrap('invalid', never)).toBe('old')
    loading.end('new')
    expect(await winner).toBe('new')
  })

  test('remembering that there is nothing', async () => {
    await cache.wrap('nothing', () => null, { negativeTtl: 60 })
    expect(await other.wrap('nothing', never)).toBeNull()
  })

  test('ends that are spread', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `spread:${index}`)
    const load = (missing: string[]): string[] => missing
    await cache.wrapMany(names, load, { ttl: 10_000, jitter: 0.5 })
    const items = await Promise.all(names.map((name) => cache.inspect(name)))
    const ends = items.map((item) => item?.ttl ?? 0)
    expect(Math.min(...ends)).toBeGreaterThan(4_900)
    expect(Math.max(...ends) - Math.min(...ends)).toBeGreaterThan(2_000)
  })

  test('a cache that is down costs a load', async () => {
    await using down = client({ servers: '127.0.0.1:1' })
    expect(await down.wrap('down', () => 'loaded')).toBe('loaded')
    expect((await down.wrapMany(['a', 'b'], () => [1, 2])).get('b')).toBe(2)
    const failing = down.wrap('down', () => 'loaded', { onError: 'throw' })
    await expect(failing).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CONNECTION' })
  })

  test('invalidation of a whole namespace', async () => {
    await using app = client({ namespace: 'app:', namespaceVersion: true })
    await app.wrap('a', () => 'old')
    await app.invalidateNamespace()
    expect(await app.wrap('a', () => 'new')).toBe('new')
  })

  test('tags', async () => {
    await cache.wrap('tagged', () => 'old', { tags: ['user:7'] })
    await other.tag('user:7').invalidate()
    expect(await cache.wrap('tagged', () => 'new', { tags: ['user:7'] })).toBe('new')
  })

  test('a cache in the process', async () => {
    await using near = client({ near: { max: 10, ttl: 60 } })
    await near.wrap('near', () => 'old')
    await other.set('near', 'new')
    expect(await near.wrap('near', never)).toBe('old')
    await near.delete('near')
    expect(await near.wrap('near', () => 'newer')).toBe('newer')
  })
})

describe('values', () => {
  test('values of any type', async () => {
    for (const value of ['á', 1.5, true, null, 2n ** 70n, new Date(0), new Map([['a', [1]]])]) {
      await cache.set('value', value)
      expect(await cache.get('value')).toEqual(value)
    }
  })

  test('the keys and values of other languages', async () => {
    await using php = client({ compat: 'php-memcached' })
    await php.set('php', { u: [1, 'x'] })
    const stored = (await cache.meta.get('php', 'v f')).value
    expect(stored?.toString()).toBe('a:1:{s:1:"u";a:2:{i:0;i:1;i:1;s:1:"x";}}')
    expect(await cache.get('php')).toEqual({ u: [1, 'x'] })
  })

  test('a serializer of your own', async () => {
    const transcoder = {
      serialize: (value: unknown) => ({ data: String(value), flags: 0 }),
      deserialize: (bytes: Buffer) => bytes.toString().toUpperCase(),
    }
    await using own = client({ transcoder })
    await own.set('own', 'text')
    expect(await own.get('own')).toBe('TEXT')
  })

  test('compression', async () => {
    await using small = client({ compression: true })
    await small.set('small', 'x'.repeat(100_000))
    expect((await cache.inspect('small'))?.size).toBeLessThan(1_000)
    expect(await cache.get('small')).toBe('x'.repeat(100_000))
  })

  test('a bound on what is expanded', async () => {
    const bomb = Buffer.concat([Buffer.from([0, 4, 0, 0]), gzipSync(Buffer.alloc(2 ** 24))])
    await cache.meta.set('bomb', bomb, `F${0x0210}`)
    await expect(cache.get('bomb')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_DECODE' })
  })

  test('values over the item size', async () => {
    await using large = client({ largeValues: 'chunk', timeout: 5_000 })
    const value = Buffer.alloc(3_000_000, 'ab')
    await large.set('large', value)
    expect(value.equals((await large.get<Buffer>('large')) ?? Buffer.alloc(0))).toBe(true)
  })
})

describe('safety', () => {
  test('keys of any bytes', async () => {
    const key = Buffer.from(Array.from({ length: 186 }, (_, index) => index))
    await cache.set(key, 'bytes')
    expect(await cache.get(Buffer.from(key))).toBe('bytes')
    expect([...(await cache.getMany([key]))]).toEqual([[key, 'bytes']])
  })

  test('keys checked in every call', async () => {
    const refused = { code: 'ERR_MEMCACHE_INVALID_KEY' }
    for (const key of ['', 'a b', 'a\r\nflush_all', '漢'.repeat(84)]) {
      await expect(cache.get(key)).rejects.toMatchObject(refused)
      await expect(cache.getMany(['a', key])).rejects.toMatchObject(refused)
    }
  })

  test('a ttl over 30 days', async () => {
    await cache.set('long', 1, 60 * 86_400)
    expect((await cache.inspect('long'))?.ttl).toBeGreaterThan(59 * 86_400)
  })

  test('a time limit and a signal for each call', async () => {
    await using away = client({ servers: 'localhost:1' })
    const reason = new Error('enough')
    await expect(away.get('a', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(await cache.get('a', { timeout: 5_000 })).toBeUndefined()
  })
})

describe('observing', () => {
  test.skipIf(!serversAreControllable)('events of servers', async () => {
    await using gone = await startMemcached()
    await using watched = client({ servers: gone.address })
    await watched.set('a', 1)
    const down = waitForEvent(watched, 'server:down')
    await gone.kill()
    await watched.get('a').catch(() => {})
    expect(await down).toMatchObject({ server: gone.address })
  })

  test('counters and latencies', async () => {
    await using counted = client()
    await counted.set('counted', 1)
    await counted.getMany(['counted', 'not-counted'])
    const { commands, latency } = counted.metrics()
    expect(commands['getMany']).toMatchObject({ hits: 1, misses: 1, errors: {} })
    expect(latency.count).toBeGreaterThan(0)
  })

  test('tracing of every command', async () => {
    const told: unknown[] = []
    const channel = tracingChannel(channelNames.command)
    const subscribers = { asyncEnd: (message: object) => told.push({ ...message }) }
    channel.subscribe(subscribers as never)
    await cache.set('traced', 'value')
    channel.unsubscribe(subscribers as never)
    expect(told).toMatchObject([{ command: 'set', server: server.address, outcome: 'stored' }])
  })
})

describe('the table in the manual', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const manual = readFileSync(join(root, 'packages/memcache/README.md'), 'utf8')
  const section = manual.split('## Side by side')[1]?.split('\n## ')[0] ?? ''
  const rows = [...section.matchAll(/^\|(.+)\|$/gm)]
    .map(([, row = '']) => row.split('|').map((cell) => cell.trim()))
    .slice(2)

  test('has no empty cell on our side, and rows that none of the others fills', () => {
    expect(rows.length).toBeGreaterThan(50)
    for (const [name = '', own, ...others] of rows) {
      expect(own, name).toBe('yes')
      expect(others, name).toHaveLength(7)
      for (const cell of others) expect(['yes', 'no', 'partly', ''], name).toContain(cell)
    }
    const ours = rows.filter(([, , ...others]) => others.every((cell) => cell === 'no'))
    expect(ours.length).toBeGreaterThan(5)
  })

  test('has a test for every row, of its name', () => {
    const text = readdirSync(import.meta.dirname)
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
      .join('\n')
    const titles = new Set(
      [...text.matchAll(/\btest(?:\.\w+(?:\([^)]*\))?)*\(\s*'([^']+)'/g)].map(([, title]) => title),
    )
    for (const [name = ''] of rows) expect([...titles], name).toContain(name.replaceAll('`', ''))
  })
})
