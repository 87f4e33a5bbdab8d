import { MemcacheClient, type ServerStats } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { startProxy } from '../support/proxy.js'
import { serversAreProcesses } from '../support/server-source.js'

const SERVERS = 100
const KEYS = 10_000
const keys = Array.from({ length: KEYS }, (_, index) => `user:${index}:profile`)

async function sum(cache: MemcacheClient, name: string): Promise<number> {
  const stats = Object.values(await cache.stats()) as ServerStats[]
  return stats.reduce((total, server) => total + Number(server[name]), 0)
}

describe.skipIf(!serversAreProcesses)(`over ${SERVERS} servers`, { timeout: 60_000 }, () => {
  let servers: MemcachedServer[] = []
  beforeAll(async () => {
    servers = await Promise.all(Array.from({ length: SERVERS }, () => startMemcached()))
  })
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()))
  })

  test('10,000 keys are stored and read, and one server that goes costs its own keys', async () => {
    await using cache = new MemcacheClient({
      servers: servers.map(({ address }) => address),
      distribution: 'ketama-fixed',
      timeout: 10_000,
    })
    expect(await cache.setMany(keys.map((key, index) => [key, index] as const))).toBe(KEYS)
    const found = await cache.getMany<number>(keys)
    expect([...found.values()]).toEqual(keys.map((_, index) => index))
    expect(await sum(cache, 'get_misses')).toBe(0)

    const before = new Map(keys.map((key) => [key, cache.serverFor(key)]))
    const gone = servers[17]?.address as string
    await cache.removeServer(gone)
    const moved = keys.filter((key) => cache.serverFor(key) !== before.get(key))
    const own = keys.filter((key) => before.get(key) === gone)
    expect(moved).toEqual(own)
    expect(moved.length / KEYS).toBeLessThan(0.015)
    // Only a key that moved is asked for in vain.
    expect((await cache.getMany(keys)).size).toBe(KEYS - moved.length)
    expect(await sum(cache, 'get_misses')).toBe(moved.length)
  })

  test('getMany of 10,000 keys takes one round trip a server', async () => {
    const proxies = await Promise.all(servers.map(({ address }) => startProxy(address)))
    await using cache = new MemcacheClient({
      servers: proxies.map(({ address }) => address),
      timeout: 10_000,
    })
    await cache.setMany(keys.map((key, index) => [key, index] as const))
    await cache.getMany(keys)
    // Longer than this process needs for what it does itself, on behalf of all proxies.
    const oneWay = 1_500
    for (const proxy of proxies) proxy.delay(oneWay)
    const started = performance.now()
    expect((await cache.getMany(keys)).size).toBe(KEYS)
    const took = performance.now() - started
    // Whatever waited for an answer before it asked on would take two round trips.
    expect(took).toBeGreaterThanOrEqual(2 * oneWay)
    expect(took).toBeLessThan(4 * oneWay)
    await Promise.all(proxies.map((proxy) => proxy.stop()))
  })
})
