import { MemcacheClient, type WrapOptions } from '@glammp/memcache'
import { afterAll, describe, expect } from 'vitest'
import { held } from '../support/held.js'
import { test } from '../support/memcache.js'
import { startProxy } from '../support/proxy.js'
import { waitFor } from '../support/wait.js'
import { pastEnd } from './past-end.js'

describe.concurrent.each(['meta', 'classic'] as const)('options of wrap on %s', (protocol) => {
  let cache: MemcacheClient
  let inspector: MemcacheClient
  test.beforeAll(({ server }) => {
    cache = new MemcacheClient({ servers: server.address, protocol })
    inspector = new MemcacheClient({ servers: server.address, protocol: 'meta' })
  })
  afterAll(() => Promise.all([cache.close(), inspector.close()]))

  const key = (name: string): string => `${protocol}:${name}`
  const ttlOf = async (name: string): Promise<number> => {
    const { flags } = await inspector.meta.get(key(name), 't')
    return Number(flags.get('t'))
  }

  test.each([undefined, null])('negativeTtl remembers %s', async (nothing) => {
    let loads = 0
    const load = (): typeof nothing => {
      loads += 1
      return nothing
    }
    const name = `nothing-${nothing}`
    // Three seconds at least, whenever the server's clock ticks.
    const options = { ttl: 60, negativeTtl: 4 }
    expect(await cache.wrap(key(name), load, options)).toBe(nothing)
    expect(await cache.wrap(key(name), load, options)).toBe(nothing)
    expect(loads).toBe(1)
    expect(await cache.get(key(name))).toBeNull()
    await waitFor(async () => (await cache.get(key(name))) === undefined)
    expect(await cache.wrap(key(name), load, options)).toBe(nothing)
    expect(loads).toBe(2)
  })

  test.sequential('nothing where there was something removes it', async () => {
    await cache.wrap(key('removed'), () => 'value', { ttl: 60 })
    await cache.invalidate(key('removed'))
    expect(await cache.wrap(key('removed'), () => undefined)).toBeUndefined()
    expect(await cache.get(key('removed'))).toBeUndefined()
  })

  test.sequential('jitter spreads the ends between ttl * (1 - jitter) and ttl', async () => {
    const names = Array.from({ length: 60 }, (_, index) => `jitter-${index}`)
    const options = { ttl: 1_000, jitter: 0.2 }
    await Promise.all(names.map((name) => cache.wrap(key(name), () => 1, options)))
    const ttls = await Promise.all(names.map(ttlOf))
    // The server's clock may have ticked.
    expect(Math.min(...ttls)).toBeGreaterThanOrEqual(798)
    expect(Math.max(...ttls)).toBeLessThanOrEqual(1_000)
    expect(new Set(ttls).size).toBeGreaterThan(20)
  })

  test.sequential('stale adds to the time on the server, not to that of nothing at all', async () => {
    await cache.wrap(key('stale'), () => 1, { ttl: 100, stale: 50 })
    expect(await ttlOf('stale')).toBeGreaterThan(145)
    await cache.wrap(key('for-ever'), () => 1, { stale: 50 })
    expect(await ttlOf('for-ever')).toBe(-1)
    const end = new Date(Date.now() + 100_000)
    await cache.wrap(key('date'), () => 1, { ttl: end, stale: 50 })
    expect(await ttlOf('date')).toBeGreaterThan(145)
  })

  test.sequential('refreshAhead computes anew in the background before the end', async () => {
    const options = { ttl: 600, refreshAhead: 599 }
    await cache.wrap(key('ahead'), () => 'first', options)
    let begun = false
    let end = (_value: string): void => {}
    const slow = (): Promise<string> => {
      begun = true
      return new Promise((resolve) => {
        end = resolve
      })
    }
    // One or two seconds from now it is due; all that time nobody waits.
    await waitFor(async () => {
      expect(await cache.wrap(key('ahead'), slow, options)).toBe('first')
      return begun
    })
    expect(await cache.wrap(key('ahead'), slow, options)).toBe('first')
    end('second')
    await waitFor(async () => (await cache.get(key('ahead'))) === 'second')
  })

  test.sequential('a hit costs one round trip, also with tags', async ({ server }) => {
    await using proxy = await startProxy(server.address)
    await using far = new MemcacheClient({ servers: proxy.address, protocol, timeout: 10_000 })
    const options = { ttl: 60, stale: 60, refreshAhead: 10, tags: ['a', 'b'] }
    await far.wrap(key('trip'), () => 'value', options)
    proxy.delay(1_000)
    const start = performance.now()
    expect(await far.wrap(key('trip'), () => 'never', options)).toBe('value')
    // Each direction is delayed: a second round trip would end after 4 s.
    expect(performance.now() - start).toBeLessThan(3_900)
  })

  test.sequential('a large value that was set before is found, and wrapped values are compressed', async ({
    server,
  }) => {
    const compression = { algorithm: 'gzip' } as const
    await using small = new MemcacheClient({ servers: server.address, protocol, compression })
    const large = 'compressible '.repeat(50_000)
    const stored = small.set(key('large'), large)
    expect(await small.wrap(key('large'), () => 'loaded')).toBe(large)
    await stored
    await small.wrap(key('larger'), () => large, { ttl: 60, tags: ['t'] })
    expect(await small.get(key('larger'))).toBe(large)
    expect(await small.wrap(key('larger'), () => 'loaded', { tags: ['t'] })).toBe(large)
    const { flags } = await inspector.meta.get(key('larger'), 's')
    expect(Number(flags.get('s'))).toBeLessThan(50_000)
  })

  test.sequential.each<[string, WrapOptions]>([
    ['lease 0', { lease: 0 }],
    ['lease 0.5', { lease: 0.5 }],
    ['stale -1', { stale: -1 }],
    ['jitter 2', { jitter: 2 }],
    ['negativeTtl 0', { negativeTtl: 0 }],
    ['refreshAhead over ttl', { ttl: 10, refreshAhead: 10 }],
    ['refreshAhead over the jittered ttl', { ttl: 10, jitter: 0.5, refreshAhead: 5 }],
    ['ttl NaN', { ttl: Number.NaN }],
  ])('%s is a RangeError', async (_name, options) => {
    const load = (): never => {
      throw new Error('loaded')
    }
    await expect(cache.wrap('options', load, options)).rejects.toBeInstanceOf(RangeError)
  })
})

test('an old value while one caller computes', async ({ cache, other }) => {
  await cache.wrap('old', () => 'old', { ttl: 1, stale: 60 })
  await pastEnd(cache, 'old', { ttl: 1, stale: 60 })
  const loading = held()
  expect(await cache.wrap('old', loading.load, { ttl: 60, stale: 60 })).toBe('old')
  loading.end('new')
  await waitFor(async () => (await other.get('old')) === 'new')
})

test('computing anew before the end', async ({ cache, other }) => {
  await cache.wrap('ahead', () => 'old', { ttl: 10 })
  expect(await cache.wrap('ahead', () => 'new', { ttl: 60, refreshAhead: 30 })).toBe('old')
  await waitFor(async () => (await other.get('ahead')) === 'new')
})

test('remembering that there is nothing', async ({ cache, other }) => {
  await cache.wrap('nothing', () => null, { negativeTtl: 60 })
  const never = (): never => {
    throw new Error('loaded')
  }
  expect(await other.wrap('nothing', never)).toBeNull()
})

test('ends that are spread', async ({ cache }) => {
  const names = Array.from({ length: 50 }, (_, index) => `spread:${index}`)
  const load = (missing: string[]): string[] => missing
  await cache.wrapMany(names, load, { ttl: 10_000, jitter: 0.5 })
  const items = await Promise.all(names.map((name) => cache.inspect(name)))
  const ends = items.map((item) => item?.ttl ?? 0)
  expect(Math.min(...ends)).toBeGreaterThan(4_900)
  expect(Math.max(...ends) - Math.min(...ends)).toBeGreaterThan(2_000)
})
