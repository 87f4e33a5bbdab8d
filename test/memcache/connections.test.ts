import dns from 'node:dns'
import { setTimeout as sleep } from 'node:timers/promises'
import { MemcacheClient } from '@glammp/memcache'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { startMemcached } from '../support/memcached.js'
import { startProxy } from '../support/proxy.js'
import {
  serversAreControllable,
  serversAreEmbedded,
  serversAreProcesses,
} from '../support/server-source.js'
import { waitFor } from '../support/wait.js'

// How many connections there are, when they come about and when they go: where users of other
// clients saw storms of them, leaks, and processes that ended.

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const code = (error: unknown): unknown => (error as { code?: unknown }).code

test('a name that cannot be looked up is a ConnectionError, and costs the other servers nothing', async () => {
  await using server = await startMemcached()
  const missing = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
  vi.spyOn(dns, 'lookup').mockImplementation(((_host: string, ...rest: unknown[]) => {
    const callback = rest.at(-1) as (error: Error) => void
    setImmediate(() => callback(missing))
  }) as never)
  await using cache = new MemcacheClient([server.address, 'node-that-went.example:11211'])
  const keys = Array.from({ length: 40 }, (_, index) => `key:${index}`)
  for (const key of keys) {
    const outcome = await cache.set(key, 1).catch((error: unknown) => error)
    if (cache.serverFor(key) === server.address) expect(outcome).toBe(true)
    else expect(outcome).toMatchObject({ code: 'ERR_MEMCACHE_CONNECTION', cause: missing })
  }
})

const hasSecondLoopback = serversAreProcesses && process.platform === 'linux'
test.skipIf(!hasSecondLoopback)('a name is looked up for each connection', async () => {
  await using first = await startMemcached()
  await using second = await startFakeServer(
    (socket) => socket.on('data', () => socket.write('VA 3 f0\r\nnew\r\n')),
    { host: '127.0.0.2', port: first.port },
  )
  let address = first.host
  vi.spyOn(dns, 'lookup').mockImplementation(((
    _host: string,
    { all }: { all?: boolean },
    callback: (error: null, ...found: unknown[]) => void,
  ) => {
    setImmediate(() =>
      all ? callback(null, [{ address, family: 4 }]) : callback(null, address, 4),
    )
  }) as never)
  const servers = `cache.example:${first.port}`
  await using cache = new MemcacheClient({ servers, protocol: 'meta' })
  await cache.set('a', 'old')
  expect(await cache.get('a')).toBe('old')
  address = second.host
  await first.kill()
  await waitFor(async () => (await cache.get('a')) === 'new')
})

test('many calls at once share the connections that there may be', async () => {
  await using server = await startMemcached()
  await using proxy = await startProxy(server.address)
  const pool = { max: 1 }
  await using cache = new MemcacheClient({ servers: proxy.address, pool, timeout: 10_000 })
  const calls = Array.from({ length: 5_000 }, async (_, index) => {
    await cache.set(`key:${index}`, index)
    return cache.get(`key:${index}`)
  })
  expect(await Promise.all(calls)).toEqual(calls.map((_, index) => index))
  expect(proxy.connections).toBe(1)
})

test('one connection carries the calls of many ticks, each behind the others', async () => {
  await using server = await startMemcached()
  await using proxy = await startProxy(server.address)
  await using cache = new MemcacheClient({ servers: proxy.address, pool: { max: 4 } })
  await cache.set('counter', 0)
  const caller = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await cache.increment('counter')
  }
  // Callers that start apart do not fall into step.
  const callers: Promise<void>[] = []
  for (let index = 0; index < 50; index += 1) {
    callers.push(caller())
    await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all(callers)
  expect(await cache.get('counter')).toBe(1_000)
  expect(proxy.connections).toBeLessThanOrEqual(2)
})

test('a connection on which nothing comes gets no more calls', async () => {
  await using server = await startMemcached()
  await using proxy = await startProxy(server.address)
  await using cache = new MemcacheClient({ servers: proxy.address, pool: { max: 2 } })
  await cache.set('key', 'value')
  expect(proxy.connections).toBe(1)
  proxy.stall('toClient')
  const waiting = cache.get('key')
  // Silence is what makes it late.
  await sleep(20)
  const other = cache.get('key')
  await waitFor(() => proxy.connections === 2)
  proxy.resume()
  expect(await Promise.all([waiting, other])).toEqual(['value', 'value'])
})

test('a process that was busy opens no more connections than one that was not', async () => {
  await using server = await startMemcached()
  await using cache = new MemcacheClient({ servers: server.address, pool: { max: 4 } })
  await cache.set('key', 'value')
  for (let round = 0; round < 5; round += 1) {
    const before = cache.get('key')
    await new Promise((resolve) => setImmediate(resolve))
    // Long enough for the server to have answered, whatever else the machine does.
    const end = performance.now() + 200
    while (performance.now() < end) Math.random()
    expect(await Promise.all([before, cache.get('key')])).toEqual(['value', 'value'])
  }
  expect(cache.metrics().connections.opened).toBe(1)
})

test('small values do not wait behind large ones', async () => {
  await using server = await startMemcached()
  await using proxy = await startProxy(server.address)
  await using cache = new MemcacheClient({ servers: proxy.address, pool: { max: 2 } })
  await cache.set('large', Buffer.alloc(1_000_000, 1))
  await cache.set('small', 'value')
  // From then on it is known what the answers are like.
  await cache.get('large')
  proxy.stall('toClient')
  const large = cache.get('large')
  await new Promise((resolve) => setImmediate(resolve))
  const small = cache.get('small')
  await waitFor(() => proxy.connections === 2)
  proxy.resume()
  expect(await small).toBe('value')
  expect(await large).toHaveLength(1_000_000)
})

describe.skipIf(!serversAreControllable)('a server that does not answer', () => {
  test('costs no more connections than the pool has, however many calls time out', async () => {
    await using server = await startMemcached()
    await using cache = new MemcacheClient({ servers: server.address, timeout: 40 })
    const sockets = (): number =>
      process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
    // Of a server in this process its ends of the connections are counted too.
    const most = serversAreEmbedded ? 4 : 2
    const before = sockets()
    await cache.connect()
    await server.pause()
    for (let round = 0; round < 20; round += 1) {
      const calls = Array.from({ length: 20 }, (_, index) => cache.get(`key:${index}`))
      const outcomes = await Promise.allSettled(calls)
      for (const outcome of outcomes) expect(outcome.status).toBe('rejected')
      expect(sockets() - before).toBeLessThanOrEqual(most)
    }
    await server.resume()
    await waitFor(() => cache.get('key:1', { timeout: 1_000 }).then(() => true))
  })

  test('to connections is not stormed, and is used again soon after it does', async () => {
    await using server = await startMemcached()
    await using proxy = await startProxy(server.address)
    await using cache = new MemcacheClient(proxy.address)
    proxy.refuse(true)
    const end = performance.now() + 1_500
    let failed = 0
    while (performance.now() < end) {
      const calls = Array.from({ length: 100 }, (_, index) => cache.get(`key:${index}`))
      for (const outcome of await Promise.allSettled(calls)) {
        expect(outcome.status === 'rejected' && code(outcome.reason)).toBe(
          'ERR_MEMCACHE_CONNECTION',
        )
        failed += 1
      }
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(failed).toBeGreaterThan(1_000)
    expect(proxy.connections).toBeLessThan(60)
    proxy.heal()
    await waitFor(() => cache.set('a', 1), { timeout: 10_000 })
  })
})

test('a server whose connections time out is used once they come about, by the same client', async () => {
  await using server = await startMemcached()
  await using proxy = await startProxy(server.address)
  await using cache = new MemcacheClient({
    servers: proxy.address,
    connectTimeout: 60,
    timeout: 300,
  })
  let attempts = 0
  cache.on('server:reconnecting', () => {
    attempts += 1
  })
  proxy.stall('toClient')
  while (attempts < 5) {
    const calls = ['a', 'b', 'c'].map((key) => cache.get(key))
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({
        reason: { code: expect.stringMatching(/^ERR_MEMCACHE_(TIMEOUT|CONNECTION)$/) },
      })
    }
    await sleep(5)
  }
  // What was given up is closed: none of it waits for the server to go on.
  await waitFor(() => proxy.held <= 1)
  proxy.heal()
  await waitFor(() => cache.set('a', 1), { timeout: 10_000 })
  expect(await cache.get('a')).toBe(1)
})

test('connections that are idle are closed, but for those of min', async () => {
  await using server = await startMemcached()
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] })
  // A client of its own, which looks for idle connections by the fake clock.
  vi.resetModules()
  vi.doMock('../../packages/wire/src/clock.js', async (original) => ({
    ...(await original<object>()),
    every: (milliseconds: number, callback: () => void) => {
      const timer = setInterval(callback, milliseconds)
      return () => clearInterval(timer)
    },
  }))
  const { MemcacheClient } = await import('@glammp/memcache')
  for (const min of [0, 1]) {
    const proxy = await startProxy(server.address)
    const cache = new MemcacheClient({ servers: proxy.address, pool: { min, max: 2 } })
    await cache.set('a', 1)
    const minutes = 3
    for (let second = 0; second < minutes * 60; second += 1)
      await vi.advanceTimersByTimeAsync(1_000)
    await waitFor(() => proxy.open <= min)
    expect(proxy.open).toBe(min)
    expect(await cache.get('a')).toBe(1)
    await cache.close()
    await proxy.stop()
  }
  vi.useRealTimers()
  vi.doUnmock('../../packages/wire/src/clock.js')
  vi.resetModules()
})
