import { MemcacheClient } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { serversAreControllable } from '../support/server-source.js'

const keys = Array.from({ length: 2_000 }, (_, index) => `key:${index}`)

describe.skipIf(!serversAreControllable)('the fleet changes while calls go on', () => {
  let servers: MemcachedServer[] = []
  let addresses: string[] = []
  beforeAll(async () => {
    servers = await Promise.all(Array.from({ length: 5 }, () => startMemcached()))
    addresses = servers.map(({ address }) => address)
  })
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()))
  })

  test('a server that is added takes its share, one that is removed gives it back', async () => {
    await using cache = new MemcacheClient(addresses.slice(0, 4))
    const before = new Map(keys.map((key) => [key, cache.serverFor(key)]))
    await Promise.all(keys.map((key) => cache.set(key, key)))
    cache.addServer(addresses[4] as string)
    expect(cache.servers).toEqual(addresses)
    const moved = keys.filter((key) => cache.serverFor(key) !== before.get(key))
    for (const key of moved) expect(cache.serverFor(key)).toBe(addresses[4])
    expect(moved.length).toBeGreaterThan(keys.length / 10)
    expect(moved.length).toBeLessThan(keys.length / 3)
    const found = await cache.getMany(keys)
    expect(found.size).toBe(keys.length - moved.length)
    await cache.removeServer(addresses[4] as string)
    expect(keys.every((key) => cache.serverFor(key) === before.get(key))).toBe(true)
    expect((await cache.getMany(keys)).size).toBe(keys.length)
  })

  test('calls under way on a server that is removed are finished', async () => {
    await using cache = new MemcacheClient(addresses)
    const calls = keys.map((key) => cache.set(key, key))
    const removed = cache.removeServer(addresses[0] as string)
    expect(await Promise.all(calls)).toEqual(keys.map(() => true))
    await removed
    expect(cache.servers).toEqual(addresses.slice(1))
    await using alone = new MemcacheClient(addresses[0])
    expect((await alone.getMany(keys)).size).toBeGreaterThan(100)
  })

  test('setServers keeps the connections of those that stay, and heeds weights', async () => {
    await using cache = new MemcacheClient(addresses.slice(0, 2))
    await cache.set('a', 1)
    await cache.setServers([
      { host: servers[0]?.host, port: servers[0]?.port, weight: 3 },
      addresses[1] as string,
    ])
    const first = keys.filter((key) => cache.serverFor(key) === addresses[0])
    expect(first.length / keys.length).toBeGreaterThan(0.65)
    await cache.setServers(addresses.slice(2))
    expect(cache.servers).toEqual(addresses.slice(2))
    expect(await cache.set('a', 1)).toBe(true)
  })

  test('a server twice, or one that is not there, is a TypeError; none at all a NoServerError', async () => {
    await using cache = new MemcacheClient(addresses.slice(0, 1))
    expect(() => cache.addServer(addresses[0] as string)).toThrow(TypeError)
    await expect(cache.removeServer('nowhere:1')).rejects.toBeInstanceOf(TypeError)
    await cache.removeServer(addresses[0] as string)
    await expect(cache.get('a')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_NO_SERVER' })
    await expect(cache.getMany(['a'])).rejects.toMatchObject({ code: 'ERR_MEMCACHE_NO_SERVER' })
    expect(await cache.version()).toEqual({})
    cache.addServer(addresses[0] as string)
    expect(await cache.set('a', 1)).toBe(true)
  })

  test('a distribution of one’s own places every key', async () => {
    await using cache = new MemcacheClient({
      servers: addresses,
      distribution: (list) => ({ pick: (key) => key.length % list.length }),
    })
    for (const key of ['a', 'ab', 'abc', 'abcd']) {
      expect(cache.serverFor(key)).toBe(addresses[key.length % 5])
      expect(await cache.set(key, key)).toBe(true)
    }
    await using wrong = new MemcacheClient({
      servers: addresses,
      distribution: () => ({ pick: () => 99 }),
    })
    await expect(wrong.get('a')).rejects.toBeInstanceOf(RangeError)
  })
})
