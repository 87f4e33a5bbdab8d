import { MemcacheClient, type MemcacheEvents, type MemcacheOptions } from '@glammp/memcache'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { serversAreControllable } from '../support/server-source.js'
import { waitFor, waitForEvent } from '../support/wait.js'

const keys = Array.from({ length: 300 }, (_, index) => `key:${index}`)

describe.skipIf(!serversAreControllable)('while a server cannot be reached', () => {
  let servers: MemcachedServer[] = []
  let spare: MemcachedServer
  beforeAll(async () => {
    servers = await Promise.all(Array.from({ length: 4 }, () => startMemcached()))
    spare = servers.pop() as MemcachedServer
  })
  afterEach(async () => {
    await Promise.all([...servers, spare].map((server) => server.restart()))
  })
  afterAll(async () => {
    await Promise.all([...servers, spare].map((server) => server.stop()))
  })

  const open = (options: MemcacheOptions): MemcacheClient =>
    new MemcacheClient({ servers: servers.map(({ address }) => address), ...options })
  const victims = (cache: MemcacheClient): string[] =>
    keys.filter((key) => cache.serverFor(key) === servers[0]?.address)

  test("'next': the others take its keys at once, and give them back when it has answered a probe", async () => {
    await using cache = open({ failover: 'next', ejection: { failures: 2, cooldown: 200 } })
    await Promise.all(keys.map((key) => cache.set(key, key)))
    const lost = victims(cache)
    const ejections: unknown[] = []
    cache.on('server:ejected', (event) => ejections.push(event))
    await servers[0]?.kill()
    // From the first call on nobody sees an error.
    expect((await cache.getMany(keys)).size).toBe(keys.length - lost.length)
    for (const key of lost) {
      expect(await cache.get(key)).toBeUndefined()
      expect(await cache.set(key, `${key} again`)).toBe(true)
      expect(await cache.get(key)).toBe(`${key} again`)
    }
    expect((await cache.getMany(keys)).size).toBe(keys.length)
    await waitFor(async () => (await cache.set(lost[0] as string, 'x')) && ejections.length > 0)
    expect(ejections).toEqual([{ server: servers[0]?.address, reason: expect.any(Error) }])
    const rejoined = waitForEvent(cache, 'server:rejoined')
    await servers[0]?.restart()
    expect(await rejoined).toEqual({ server: servers[0]?.address })
    for (const key of lost) expect(await cache.get(key)).toBeUndefined()
    expect(cache.serverFor(lost[0] as string)).toBe(servers[0]?.address)
  })

  test('a gutter takes its keys, for a short time only, and nobody else’s', async () => {
    await using cache = open({
      failover: { gutter: spare.address, ttl: 4 },
      ejection: { failures: 1, cooldown: 100 },
    })
    await Promise.all(keys.map((key) => cache.set(key, key, 3_600)))
    const lost = victims(cache)
    await servers[0]?.kill()
    await Promise.all(keys.map((key) => cache.set(key, 'new', 3_600)))
    await using gutter = new MemcacheClient(spare.address)
    const there = await gutter.getMany(keys)
    expect([...there.keys()]).toEqual(lost)
    expect((await cache.getMany(keys)).size).toBe(keys.length)
    await waitFor(async () => (await gutter.getMany(lost)).size === 0)
    // Deletes and counters are not for a stand-in.
    await expect(cache.delete(lost[0] as string)).rejects.toMatchObject({
      code: 'ERR_MEMCACHE_CONNECTION',
    })
    await expect(cache.increment(lost[0] as string)).rejects.toMatchObject({
      code: 'ERR_MEMCACHE_CONNECTION',
    })
  })

  test('with no server left every call is a ConnectionError, soon', async () => {
    await using cache = open({ failover: 'next' })
    await Promise.all(servers.map((server) => server.kill()))
    for (let round = 0; round < 20; round += 1) {
      await expect(cache.get('a')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CONNECTION' })
      await expect(cache.getMany(keys)).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CONNECTION' })
    }
    await Promise.all(servers.map((server) => server.restart()))
    await waitFor(async () => (await cache.getMany(keys)) !== undefined)
  })

  test('ejection alone spares callers the wait for a server that hangs', async () => {
    await using cache = open({ timeout: 150, ejection: { failures: 1, cooldown: 60_000 } })
    await Promise.all(keys.map((key) => cache.set(key, key)))
    const [key = ''] = victims(cache)
    await servers[0]?.pause()
    await expect(cache.get(key)).rejects.toMatchObject({ code: 'ERR_MEMCACHE_TIMEOUT' })
    await waitFor(async () => {
      const started = performance.now()
      await expect(cache.get(key)).rejects.toMatchObject({ code: expect.any(String) })
      return performance.now() - started < 50
    })
    await servers[0]?.resume()
  })

  test('a refusal of the server is no failure: it is not ejected', async () => {
    await using cache = open({ ejection: { failures: 1, cooldown: 60_000 } })
    const events: string[] = []
    for (const name of ['server:ejected', 'server:down'] as const) {
      cache.on(name, ({ server }: MemcacheEvents[typeof name][0]) => events.push(server))
    }
    for (let round = 0; round < 5; round += 1) {
      await expect(cache.set('large', Buffer.alloc(1_048_576))).rejects.toMatchObject({
        code: 'ERR_MEMCACHE_SERVER',
      })
    }
    expect(await cache.set('large', 'small')).toBe(true)
    expect(events).toEqual([])
  })
})

describe('discovery', () => {
  test('asks the configuration endpoint for the servers, and follows its changes', async () => {
    const servers = await Promise.all([startMemcached(), startMemcached(), startMemcached()])
    let version = 12
    let nodes = servers.slice(0, 2)
    await using endpoint = await startFakeServer((socket) => {
      socket.on('data', () => {
        const list = nodes.map(({ host, port }) => `${host}|${host}|${port}`).join(' ')
        const block = `${version}\n${list}\n`
        socket.write(`CONFIG cluster 0 ${block.length}\r\n${block}\r\nEND\r\n`)
      })
    })
    await using cache = new MemcacheClient({
      servers: endpoint.address,
      discovery: { interval: 50 },
    })
    await Promise.all(keys.map((key) => cache.set(key, key)))
    expect(cache.servers).toEqual(nodes.map(({ address }) => address))
    expect((await cache.getMany(keys)).size).toBe(keys.length)
    nodes = servers
    version = 13
    await waitFor(() => cache.servers.length === 3)
    expect(await cache.version()).toEqual(
      Object.fromEntries(servers.map(({ address }) => [address, expect.any(String)])),
    )
    // A node that is behind tells an older list.
    nodes = servers.slice(0, 1)
    version = 12
    const asked = endpoint.received().length
    await waitFor(() => endpoint.received().length > asked + 100)
    expect(cache.servers).toHaveLength(3)
    await Promise.all(servers.map((server) => server.stop()))
  })

  test('that finds no endpoint is an error of the calls, and is tried again', async () => {
    let sane = false
    await using endpoint = await startFakeServer((socket) => {
      socket.on('data', () => {
        const block = `1\nlocalhost||${endpoint.port}\n`
        socket.write(sane ? `CONFIG cluster 0 ${block.length}\r\n${block}\r\nEND\r\n` : 'ERROR\r\n')
      })
    })
    await using cache = new MemcacheClient({ servers: endpoint.address, discovery: true })
    await expect(cache.get('a')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CLIENT' })
    await expect(cache.connect()).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CLIENT' })
    sane = true
    await waitFor(() =>
      cache.get('a').then(
        () => false,
        () => cache.servers.length === 1,
      ),
    )
    expect(cache.servers).toEqual([`localhost:${endpoint.port}`])
  })
})
