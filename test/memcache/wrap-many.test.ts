import { setTimeout as sleep } from 'node:timers/promises'
import { runInNewContext } from 'node:vm'
import { MemcacheClient } from '@glammp/memcache'
import { afterAll, describe, expect } from 'vitest'
import { test } from '../support/memcache.js'
import { startMemcached } from '../support/memcached.js'
import { startProxy } from '../support/proxy.js'
import { serversAreControllable } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'
import { pastEnd } from './past-end.js'

describe.concurrent.each(['meta', 'classic'] as const)('wrapMany on %s', (protocol) => {
  let cache: MemcacheClient
  let other: MemcacheClient
  test.beforeAll(({ addresses }) => {
    cache = new MemcacheClient({ servers: addresses, protocol, namespace: `${protocol}:` })
    other = new MemcacheClient({ servers: addresses, protocol, namespace: `${protocol}:` })
  })
  afterAll(() => Promise.all([cache.close(), other.close()]))

  const keysOf = (name: string, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `${name}:${index}`)

  /** A loadMany that notes what it was asked for. */
  const noting = (
    milliseconds = 0,
  ): { asked: string[][]; load: (keys: string[]) => Promise<Map<string, string>> } => {
    const asked: string[][] = []
    return {
      asked,
      load: async (keys) => {
        asked.push(keys)
        await sleep(milliseconds)
        return new Map(keys.map((key) => [key, `value of ${key}`]))
      },
    }
  }

  test.sequential('loads all misses by one call and stores them', async () => {
    const keys = keysOf('first', 1_000)
    const { asked, load } = noting()
    await cache.wrapMany(keys.slice(0, 400), load, { ttl: 60 })
    const found = await other.wrapMany([...keys, ...keys], load, { ttl: 60 })
    expect([...found.keys()]).toEqual(keys)
    expect(found.get('first:999')).toBe('value of first:999')
    expect(asked).toEqual([keys.slice(0, 400), keys.slice(400)])
    expect(await cache.getMany(keys)).toEqual(found)
    await other.wrapMany(keys, load, { ttl: 60 })
    expect(asked.length).toBe(2)
  })

  test.sequential('two processes that ask for the same keys load each once', async () => {
    const keys = keysOf('shared', 200)
    const first = noting(300)
    const second = noting(300)
    const [here, there] = await Promise.all([
      cache.wrapMany(keys, first.load, { ttl: 60 }),
      other.wrapMany([...keys].reverse(), second.load, { ttl: 60 }),
    ])
    expect(there.size).toBe(200)
    expect(Object.fromEntries(there)).toEqual(Object.fromEntries(here))
    const loaded = [...first.asked, ...second.asked].flat()
    expect(loaded.sort()).toEqual([...keys].sort())
  })

  test.sequential('wrap and wrapMany share one load', async () => {
    const { asked, load } = noting(200)
    const many = cache.wrapMany(['mixed:1', 'mixed:2'], load)
    const one = cache.wrap('mixed:1', () => 'never')
    expect(await one).toBe('value of mixed:1')
    expect((await many).size).toBe(2)
    expect(asked.length).toBe(1)
  })

  test.sequential('loadMany may give an array in the order of its keys', async () => {
    const found = await cache.wrapMany(keysOf('array', 3), (keys) => keys.map((key) => key.length))
    expect(found).toEqual(
      new Map([
        ['array:0', 7],
        ['array:1', 7],
        ['array:2', 7],
      ]),
    )
    const short = cache.wrapMany(keysOf('short', 3), () => [1])
    await expect(short).rejects.toBeInstanceOf(TypeError)
    const start = performance.now()
    await other.wrapMany(keysOf('short', 3), (keys) => keys.map(() => 1))
    expect(performance.now() - start).toBeLessThan(5_000)
  })

  test.sequential('keys without a value are absent, and remembered by negativeTtl', async () => {
    const asked: string[][] = []
    const load = (keys: string[]): Map<string, number> => {
      asked.push(keys)
      return new Map([['some:1', 1]])
    }
    const options = { ttl: 60, negativeTtl: 60 }
    expect(await cache.wrapMany(['some:0', 'some:1'], load, options)).toEqual(
      new Map([['some:1', 1]]),
    )
    expect(await other.wrapMany(['some:0', 'some:1'], load, options)).toEqual(
      new Map([['some:1', 1]]),
    )
    expect(asked).toEqual([['some:0', 'some:1']])
    await cache.wrapMany(['other:0'], load, { ttl: 60 })
    await cache.wrapMany(['other:0'], load, { ttl: 60 })
    expect(asked.length).toBe(3)
  })

  test('a Map of another realm is a Map', async () => {
    const load = (): Map<string, number> => runInNewContext('new Map([["realm:0", 5]])')
    const found = await cache.wrapMany(['realm:0'], load, { ttl: 60 })
    expect([...found]).toEqual([['realm:0', 5]])
  })

  test.sequential('an error reaches all callers, is not stored and frees the leases', async () => {
    const failing = (): never => {
      throw new Error('database is down')
    }
    const keys = keysOf('failing', 10)
    await expect(cache.wrapMany(keys, failing)).rejects.toThrow('database is down')
    const start = performance.now()
    const { load } = noting()
    expect((await other.wrapMany(keys, load)).size).toBe(10)
    expect(performance.now() - start).toBeLessThan(5_000)
  })

  test.sequential('with stale nobody waits', async () => {
    const keys = keysOf('stale', 20)
    const options = { ttl: 1, stale: 60 }
    await cache.wrapMany(keys, (missing) => missing.map(() => 'old'), options)
    await Promise.all(keys.map((key) => pastEnd(cache, key, options, `${protocol}:`)))
    const { asked, load } = noting(3_000)
    const start = performance.now()
    const found = await cache.wrapMany(keys, load, options)
    expect(performance.now() - start).toBeLessThan(2_950)
    expect(new Set(found.values())).toEqual(new Set(['old']))
    await waitFor(async () => (await cache.get('stale:0')) === 'value of stale:0')
    expect(asked).toEqual([keys])
  })

  test.sequential('hits cost one round trip a server', async ({ addresses }) => {
    await using proxy = await startProxy(addresses[0] as string)
    const servers = [proxy.address, ...addresses.slice(1)]
    const through = { servers, protocol, timeout: 10_000 } as const
    await using far = new MemcacheClient({ ...through, namespace: `far-${protocol}:` })
    const keys = keysOf('trip', 2_000)
    await far.wrapMany(keys, (missing) => missing.map(() => 'old'), { ttl: 60 })
    proxy.delay(1_000)
    const start = performance.now()
    const { asked, load } = noting()
    expect((await far.wrapMany(keys, load)).size).toBe(2_000)
    // Each direction is delayed: a second round trip would end after 4 s.
    expect(performance.now() - start).toBeLessThan(3_900)
    expect(asked).toEqual([])
  })

  test.sequential('an invalid key is an error before anything is sent', async () => {
    const { asked, load } = noting()
    await expect(cache.wrapMany(['fine', 'not fine'], load)).rejects.toMatchObject({
      code: 'ERR_MEMCACHE_INVALID_KEY',
    })
    expect(asked).toEqual([])
    expect(await cache.wrapMany([], load)).toEqual(new Map())
  })
})

test.skipIf(!serversAreControllable)('a server that is down costs loads, no errors', async () => {
  await using first = await startMemcached()
  await using second = await startMemcached()
  await using cache = new MemcacheClient({ servers: [first.address, second.address] })
  const keys = Array.from({ length: 50 }, (_, index) => `key:${index}`)
  const load = (missing: string[]): string[] => missing.map(() => 'value')
  await cache.wrapMany(keys, load)
  await first.kill()
  const asked: string[] = []
  const found = await cache.wrapMany(keys, (missing) => {
    asked.push(...missing)
    return load(missing)
  })
  expect(found.size).toBe(50)
  expect(asked).toEqual(keys.filter((key) => cache.serverFor(key) === first.address))
  await expect(cache.wrapMany(keys, load, { onError: 'throw' })).rejects.toMatchObject({
    code: 'ERR_MEMCACHE_CONNECTION',
  })
})

test('cache-aside of many keys', async ({ addresses }) => {
  await using cache = new MemcacheClient(addresses)
  await using other = new MemcacheClient(addresses)
  const load = (missing: string[]): string[] => missing.map((key) => key.toUpperCase())
  const never = (): never => {
    throw new Error('loaded')
  }
  expect((await cache.wrapMany(['m:a', 'm:b'], load)).get('m:b')).toBe('M:B')
  expect((await other.wrapMany(['m:a', 'm:b'], never)).size).toBe(2)
})
