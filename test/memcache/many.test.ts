import { MemcacheClient, MemcacheError } from '@glammp/memcache'
import { describe, expect } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { test } from '../support/memcache.js'
import { startMemcached } from '../support/memcached.js'
import { serversAreControllable, spoken } from '../support/server-source.js'

const entries = (count: number): [string, number][] =>
  Array.from({ length: count }, (_, index) => [`key:${index}`, index])

describe.each(spoken(['meta', 'classic', 'binary']))('with %s', (protocol) => {
  test('setMany stores a Map, an object or pairs; deleteMany says how many were there', async ({
    servers,
  }) => {
    await using cache = new MemcacheClient({
      servers: servers.map(({ address }) => address),
      protocol,
      namespace: `${protocol}:`,
    })
    const all = entries(1_000)
    expect(await cache.setMany(new Map(all), 60)).toBe(1_000)
    expect(await cache.getMany(all.map(([key]) => key))).toEqual(new Map(all))
    expect(await cache.setMany({ a: 1, b: 2 }, { ttl: 60 })).toBe(2)
    expect(await cache.setMany([['c', 3]])).toBe(1)
    expect(await cache.setMany([])).toBe(0)
    expect(await cache.deleteMany(['a', 'b', 'c', 'never', 'a'])).toBe(3)
    expect(await cache.deleteMany(all.map(([key]) => key))).toBe(1_000)
    expect(await cache.deleteMany([])).toBe(0)
  })

  test('many long keys are read and touched at once', async ({ servers }) => {
    await using cache = new MemcacheClient({
      servers: servers.map(({ address }) => address),
      protocol,
      namespace: `long:${protocol}:`,
    })
    const keys = Array.from({ length: 50 }, (_, index) => `${index}:`.padEnd(230, 'k'))
    await cache.setMany(keys.map((key, index) => [key, index]))
    const found = await Promise.all(keys.map((key) => cache.getAndTouch(key, 60)))
    expect(found).toEqual(keys.map((_, index) => index))
    expect([...(await cache.getMany(keys)).values()]).toEqual(found)
  })
})

test('one bad key or value rejects before anything is sent', async () => {
  await using silent = await startFakeServer(() => {})
  await using cache = new MemcacheClient(silent.address)
  await expect(cache.setMany({ fine: 1, 'not fine': 2 })).rejects.toMatchObject({
    code: 'ERR_MEMCACHE_INVALID_KEY',
  })
  await expect(cache.setMany({ fine: 1, undefined })).rejects.toBeInstanceOf(TypeError)
  await expect(cache.setMany({ fine: 1, large: Buffer.alloc(2e6) })).rejects.toMatchObject({
    code: 'ERR_MEMCACHE_VALUE_TOO_LARGE',
    key: 'large',
  })
  await expect(cache.deleteMany(['fine', ''])).rejects.toBeInstanceOf(MemcacheError)
  expect(silent.connections).toBe(0)
})

test.skipIf(!serversAreControllable)(
  'a failed server rejects with the keys that did not make it; the others are done',
  async ({ servers }) => {
    await using mortal = await startMemcached()
    const addresses = [mortal.address, ...servers.map(({ address }) => address)]
    await using cache = new MemcacheClient(addresses)
    await mortal.kill()
    const all = entries(400)
    const lost = all.map(([key]) => key).filter((key) => cache.serverFor(key) === mortal.address)
    const failure = { code: 'ERR_MEMCACHE_CONNECTION', keys: lost, server: mortal.address }
    await expect(cache.setMany(all)).rejects.toMatchObject(failure)
    const rest = all.map(([key]) => key).filter((key) => !lost.includes(key))
    expect((await cache.getMany(rest)).size).toBe(rest.length)
    await expect(cache.getMany(all.map(([key]) => key))).rejects.toMatchObject({
      code: 'ERR_MEMCACHE_CONNECTION',
      keys: expect.arrayContaining(lost),
    })
    await expect(cache.deleteMany(all.map(([key]) => key))).rejects.toMatchObject(failure)
    expect((await cache.getMany(rest)).size).toBe(0)
  },
)

describe('of three servers', () => {
  const keys = Array.from({ length: 40 }, (_, index) => `key:${index}`)

  test('get of many keys, one round trip a server', async ({ addresses }) => {
    await using cache = new MemcacheClient(addresses)
    await Promise.all(keys.map((key) => cache.set(key, key)))
    expect([...(await cache.getMany([...keys, 'missing'])).keys()]).toEqual(keys)
  })

  test('cas tokens of many keys', async ({ addresses }) => {
    await using cache = new MemcacheClient(addresses)
    await cache.setMany({ a: 1, b: 2 })
    const found = await cache.getsMany<number>(['a', 'b'])
    expect(await cache.cas('b', 3, found.get('b')?.cas ?? '')).toBe('stored')
  })

  test('set and delete of many keys', async ({ addresses }) => {
    await using cache = new MemcacheClient(addresses)
    expect(await cache.setMany(new Map(keys.map((key) => [key, 1])))).toBe(keys.length)
    expect(await cache.deleteMany(keys)).toBe(keys.length)
  })
})
