import {
  ConnectionError,
  type Key,
  MemcacheClient,
  type MemcacheEvents,
  type MemcacheOptions,
} from '@glammp/memcache'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { serversAreControllable, spoken } from '../support/server-source.js'
import { waitFor, waitForEvent } from '../support/wait.js'

const keys = Array.from({ length: 300 }, (_, index) => `key:${index}`)
/** Some with bytes that no line of text holds, some with bytes that are the key of a text. */
const mixedKeys: readonly Key[] = keys.map((key, index) => {
  if (index % 3 === 0) return key
  return Buffer.from(index % 3 === 1 ? `${key} \0\r\n` : `${key}\xff`, 'latin1')
})

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
  const victims = <K extends Key = string>(
    cache: MemcacheClient,
    of: readonly K[] = keys as never,
  ): K[] => of.filter((key) => cache.serverFor(key) === servers[0]?.address)

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
    const server = servers[0]?.address
    expect(ejections).toEqual([{ server, error: expect.any(ConnectionError) }])
    expect(ejections).toMatchObject([{ error: { code: 'ERR_MEMCACHE_CONNECTION', server } }])
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

  describe.each(spoken(['meta', 'binary']))('and keys are text and bytes, over %s', (protocol) => {
    const probes = { failures: 2, cooldown: 200 }

    test("'next': the others take all of its keys at once", async () => {
      await using cache = open({ protocol, failover: 'next', ejection: probes })
      await Promise.all(mixedKeys.map((key, index) => cache.set(key, index)))
      const lost = victims(cache, mixedKeys)
      const isLost = new Set(lost)
      for (const kind of ['string', 'object']) {
        expect(lost.filter((key) => typeof key === kind).length).toBeGreaterThan(10)
      }
      let ejected = false
      cache.once('server:ejected', () => {
        ejected = true
      })
      await servers[0]?.kill()
      // From the first call on, whatever the key, and in the order that was asked for.
      const found = await cache.getMany<number>(mixedKeys)
      expect([...found]).toEqual(
        [...mixedKeys.entries()].flatMap(([i, key]) => (isLost.has(key) ? [] : [[key, i]])),
      )
      for (const key of lost) expect(await cache.set(key, 'again')).toBe(true)
      for (const key of lost) {
        expect(await cache.get(key)).toBe('again')
        expect(await cache.gets(key)).toMatchObject({ value: 'again' })
        expect(await cache.getAndTouch(key, 100)).toBe('again')
      }
      // Bytes that are the key of a text are that key there too; the caller's own object comes back.
      const copies = lost.map((key) =>
        typeof key === 'string' ? Buffer.from(key) : key.subarray(),
      )
      const read = await cache.getMany(copies)
      expect([...read.keys()].every((key, index) => key === copies[index])).toBe(true)
      expect([...read.values()]).toEqual(lost.map(() => 'again'))
      expect(await cache.setMany(mixedKeys.map((key) => [key, 'third'] as const))).toBe(300)
      expect((await cache.getMany(mixedKeys)).size).toBe(300)
      expect((await cache.getsMany(lost)).size).toBe(lost.length)
      await waitFor(async () => (await cache.set(lost[0] as Key, 'third')) && ejected)
      expect((await cache.getMany(mixedKeys)).size).toBe(300)
      const rejoined = waitForEvent(cache, 'server:rejoined')
      await servers[0]?.restart()
      await rejoined
      expect((await cache.getMany(lost)).size).toBe(0)
    })

    test('a gutter takes all of its keys, for a short time only', async () => {
      await using cache = open({
        protocol,
        failover: { gutter: spare.address, ttl: 4 },
        ejection: { failures: 1, cooldown: 100 },
      })
      await Promise.all(mixedKeys.map((key, index) => cache.set(key, index, 3_600)))
      const lost = victims(cache, mixedKeys)
      await servers[0]?.kill()
      expect((await cache.getMany(mixedKeys)).size).toBe(300 - lost.length)
      await Promise.all(mixedKeys.map((key) => cache.set(key, 'new', 3_600)))
      await using gutter = new MemcacheClient({ servers: spare.address, protocol })
      expect([...(await gutter.getMany(mixedKeys)).keys()]).toEqual(lost)
      const found = await cache.getMany(mixedKeys)
      expect([...found.keys()]).toEqual(mixedKeys)
      expect(new Set(found.values())).toEqual(new Set(['new']))
      await waitFor(async () => (await gutter.getMany(lost)).size === 0)
      for (const key of lost.slice(0, 6)) {
        const refused = { code: 'ERR_MEMCACHE_CONNECTION', key }
        await expect(cache.delete(key)).rejects.toMatchObject(refused)
        await expect(cache.increment(key)).rejects.toMatchObject(refused)
      }
    })
  })

  test("'none': a getMany of text and bytes that one server cannot answer is its error", async () => {
    await using cache = open({ protocol: 'meta' })
    await Promise.all(mixedKeys.map((key) => cache.set(key, 1)))
    await servers[0]?.kill()
    await expect(cache.getMany(mixedKeys)).rejects.toMatchObject({
      code: 'ERR_MEMCACHE_CONNECTION',
      server: servers[0]?.address,
    })
    const rest = mixedKeys.filter((key) => cache.serverFor(key) !== servers[0]?.address)
    expect([...(await cache.getMany(rest)).keys()]).toEqual(rest)
  })

  test('a stand-in that is used over the classic protocol refuses the keys that it cannot carry', async () => {
    await using cache = open({ protocol: 'classic', failover: 'next' })
    await servers[0]?.kill()
    const lost = victims(cache, mixedKeys)
    for (const key of lost) {
      const isText = typeof key === 'string' || !String(key).includes(' ')
      const outcome = await cache.set(key, 1).catch((error: unknown) => error)
      if (isText) expect(outcome).toBe(true)
      else expect(outcome).toMatchObject({ code: 'ERR_MEMCACHE_INVALID_KEY', key })
    }
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

  test('with every server left out calls find the first that is back, within a second or two', async () => {
    const ejection = { failures: 1, cooldown: 60_000 }
    await using cache = open({ failover: 'next', ejection })
    await using guttered = open({ failover: { gutter: spare.address }, ejection })
    const out = new Set<string>()
    for (const client of [cache, guttered]) {
      client.on('server:ejected', ({ server }) => out.add(server))
    }
    await Promise.all([...servers, spare].map((server) => server.kill()))
    await waitFor(async () => {
      await Promise.allSettled([cache.getMany(keys), guttered.getMany(keys)])
      return out.size === servers.length + 1
    })
    await servers[1]?.restart()
    await waitFor(() => cache.set(keys[0] as string, 1).catch(() => false))
    await spare.restart()
    await waitFor(() => guttered.set(victims(guttered)[0] as string, 1).catch(() => false))
  })

  test('ejection alone spares callers the wait for a server that hangs', async () => {
    await using cache = open({ timeout: 1_000, ejection: { failures: 1, cooldown: 60_000 } })
    await Promise.all(keys.map((key) => cache.set(key, key)))
    const [key = ''] = victims(cache)
    await servers[0]?.pause()
    await expect(cache.get(key)).rejects.toMatchObject({ code: 'ERR_MEMCACHE_TIMEOUT' })
    await waitFor(async () => {
      const started = performance.now()
      await expect(cache.get(key)).rejects.toMatchObject({ code: expect.any(String) })
      return performance.now() - started < 500
    })
    await servers[0]?.resume()
  })

  test('a refusal of the server is not a failure: it is not ejected', async () => {
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
    let lagging: MemcachedServer[] | undefined
    let questions = 0
    await using endpoint = await startFakeServer((socket) => {
      socket.on('data', () => {
        questions += 1
        const isBehind = lagging !== undefined && questions % 3 > 0
        const list = (isBehind ? (lagging ?? []) : nodes)
          .map(({ host, port }) => `${host}|${host}|${port}`)
          .join(' ')
        const block = `${isBehind ? version - 1 : version}\n${list}\n`
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
    // A node that is behind tells an older list, twice between the others.
    lagging = servers.slice(0, 1)
    const seen = new Set<number>()
    const asked = endpoint.received().length
    await waitFor(() => {
      seen.add(cache.servers.length)
      return endpoint.received().length > asked + 300
    })
    expect(seen).toEqual(new Set([3]))
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

  test('does not hold up a call whose signal aborts', async () => {
    await using endpoint = await startFakeServer(() => {})
    const cache = new MemcacheClient({
      servers: endpoint.address,
      discovery: true,
      connectTimeout: 60_000,
      timeout: 60_000,
    })
    const reason = new Error('the page was left')
    const abort = new AbortController()
    const { signal } = abort
    const calls = [
      cache.get('a', { signal }),
      cache.getMany(['a', 'b'], { signal }),
      cache.set('a', 1, { signal }),
      cache.invalidate('a', { signal }),
      cache.version({ signal }),
    ]
    await waitFor(() => endpoint.received().length > 0)
    abort.abort(reason)
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toEqual({ status: 'rejected', reason })
    }
    // The endpoint still owes an answer.
    await endpoint.stop()
    await cache.close()
  })
})
