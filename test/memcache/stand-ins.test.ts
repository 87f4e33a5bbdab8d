import { MemcacheClient, type MemcacheOptions } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { type FakeServer, startFakeServer } from '../support/fake-server.js'
import { test } from '../support/memcache.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { serversAreControllable } from '../support/server-source.js'
import { waitForEvent } from '../support/wait.js'

const keys = Array.from({ length: 60 }, (_, index) => `key:${index}`)

describe.skipIf(!serversAreControllable)('of servers that are down in any number', () => {
  let live: MemcachedServer[] = []
  let dead: MemcachedServer[] = []
  beforeAll(async () => {
    const servers = await Promise.all(Array.from({ length: 5 }, () => startMemcached()))
    live = servers.slice(0, 2)
    dead = servers.slice(2)
    await Promise.all(dead.map((server) => server.kill()))
  })
  afterAll(async () => {
    await Promise.all([...live, ...dead].map((server) => server.stop()))
  })
  const addresses = (servers: readonly { readonly address: string }[]): string[] =>
    servers.map(({ address }) => address)

  test('the first call of a new client finds one that is not', async () => {
    for (const key of keys) {
      await using cache = new MemcacheClient({
        servers: [...addresses(live.slice(0, 1)), ...addresses(dead)],
        failover: 'next',
      })
      expect(await cache.set(key, key)).toBe(true)
      expect((await cache.getMany([key, 'other'])).get(key)).toBe(key)
    }
  })

  test('no call of many is refused, while they rest and are tried again', async () => {
    await using cache = new MemcacheClient({
      servers: [...addresses(dead), ...addresses(live)],
      failover: 'next',
      ejection: { failures: 10_000, cooldown: 60_000 },
    })
    let attempts = 0
    cache.on('server:reconnecting', () => {
      attempts += 1
    })
    for (let round = 0; attempts < 20; round += 1) {
      await Promise.all(keys.map((key) => cache.set(key, round)))
      expect((await cache.getMany(keys)).size).toBe(keys.length)
    }
  })

  test('clients that saw other things before agree on who stands in', async () => {
    const servers = addresses([...dead, ...live])
    const ejection = { failures: 10_000, cooldown: 60_000 }
    const options = { servers, failover: 'next', ejection } as const
    await using one = new MemcacheClient(options)
    await using other = new MemcacheClient({ ...options, servers: [...servers].reverse() })
    await Promise.all(keys.map((key) => one.set(key, `${key} of one`)))
    for (const key of keys) await other.get(`another:${key}`)
    // Keys that are at home on a server that lives are there for both as well.
    expect((await other.getMany(keys)).size).toBe(keys.length)
    await dead[0]?.restart()
    try {
      await Promise.all([one.connect().catch(() => {}), other.connect().catch(() => {})])
      await Promise.all(keys.map((key) => other.set(key, `${key} of other`)))
      for (const key of keys) expect(await one.get(key)).toBe(`${key} of other`)
    } finally {
      await dead[0]?.kill()
    }
  })

  test('a gutter server stands in for another', async () => {
    const [home, spareOne] = dead
    const gutter = [spareOne?.address ?? '', live[0]?.address ?? '']
    for (const key of keys.slice(0, 20)) {
      await using cache = new MemcacheClient({
        servers: home?.address ?? '',
        failover: { gutter, ttl: 100 },
      })
      expect(await cache.set(key, 'kept')).toBe(true)
      expect(await cache.get(key)).toBe('kept')
    }
  })

  test('a distribution that throws is the error of its call, and of no other', async () => {
    await using cache = new MemcacheClient({
      servers: [...addresses(dead), ...addresses(live)],
      failover: 'next',
      distribution: (servers) => ({
        pick(key) {
          if (servers.length < 5 || key === 'bad') throw new Error('no such place')
          return 0
        },
      }),
    })
    const calls = ['a', 'bad', 'b'].map((key) => cache.set(key, key))
    expect(await Promise.allSettled(calls)).toMatchObject([
      { value: true },
      { reason: { message: 'no such place' } },
      { value: true },
    ])
  })
})

describe('of servers that accept connections and say nothing', () => {
  let silent: FakeServer
  beforeAll(async () => {
    silent = await startFakeServer(() => {}, { host: '0.0.0.0' })
  })
  afterAll(() => silent.stop())

  // All of 127.0.0.0/8 is this machine, on Linux.
  test.skipIf(process.platform !== 'linux')(
    'a hundred take no longer than one',
    async ({ server: live }) => {
      const many = Array.from({ length: 100 }, (_, index) => `127.0.1.${index + 1}:${silent.port}`)
      await using cache = new MemcacheClient({
        servers: [...many, live.address],
        failover: 'next',
        connectTimeout: 500,
        // A hundred in a row would take 50 seconds.
        timeout: 20_000,
      })
      expect(await Promise.all(keys.map((key) => cache.set(key, key)))).toEqual(
        keys.map(() => true),
      )
      expect((await cache.getMany(keys)).size).toBe(keys.length)
    },
  )

  test('no call waits for one that is known to be down', async ({ server: live }) => {
    await using cache = new MemcacheClient({
      servers: [silent.address.replace('0.0.0.0', '127.0.0.1'), live.address],
      failover: 'next',
      distribution: () => ({ pick: () => 0 }),
      ejection: { failures: 10_000, cooldown: 60_000 },
      connectTimeout: 1_500,
      timeout: 1_000,
    })
    const down = waitForEvent(cache, 'server:down')
    // Nobody knows yet.
    await expect(cache.get('a')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_TIMEOUT' })
    await down
    let again = false
    cache.on('server:reconnecting', ({ attempt }) => {
      again = attempt > 1
    })
    // It is tried again meanwhile, which takes longer than a call may.
    while (!again) expect(await cache.set('a', 1)).toBe(true)
  })
})

const survives = async (options: MemcacheOptions): Promise<void> => {
  await using other = new MemcacheClient(options)
  expect(await other.setMany(keys.map((key) => [key, key]))).toBe(keys.length)
  expect((await other.getMany(keys)).size).toBe(keys.length)
}
test('failover', ({ addresses }) =>
  survives({ servers: [...addresses, 'localhost:1'], failover: 'next' }))
test('a gutter', ({ addresses }) =>
  survives({ servers: 'localhost:1', failover: { gutter: addresses } }))

test.skipIf(!serversAreControllable)('a failing server left out until it answers', async () => {
  await using server = await startMemcached()
  await using other = new MemcacheClient({
    servers: server.address,
    ejection: { failures: 1, cooldown: 50 },
  })
  const ejected = waitForEvent(other, 'server:ejected')
  await server.kill()
  await expect(other.get('a')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CONNECTION' })
  await ejected
  const rejoined = waitForEvent(other, 'server:rejoined')
  await server.restart()
  // By a probe: nothing is called meanwhile.
  expect(await rejoined).toEqual({ server: server.address })
  expect(await other.get('a')).toBeUndefined()
})
