import { AsyncLocalStorage } from 'node:async_hooks'
import { type TracingChannelSubscribers, tracingChannel } from 'node:diagnostics_channel'
import {
  type CommandMessage,
  channelNames,
  MemcacheClient,
  type MemcacheMetrics,
} from '@glammp/memcache'
import { describe, expect } from 'vitest'
import { findProgram } from '../../scripts/programs.mjs'
import { startFakeServer } from '../support/fake-server.js'
import { test } from '../support/memcache.js'
import { startMemcached } from '../support/memcached.js'
import { run } from '../support/process.js'
import { serversAreControllable, spoken } from '../support/server-source.js'
import { waitFor, waitForEvent } from '../support/wait.js'

const ROOT = new URL('../../', import.meta.url)

describe('the channel of commands', () => {
  type Subscribers = TracingChannelSubscribers<CommandMessage>
  const channel = tracingChannel<unknown, CommandMessage>(channelNames.command)
  const nothing = (): void => {}
  const listen = (wanted: Partial<Subscribers>): Disposable => {
    const subscribers = {
      start: nothing,
      end: nothing,
      asyncStart: nothing,
      asyncEnd: nothing,
      error: nothing,
      ...wanted,
    }
    channel.subscribe(subscribers)
    return { [Symbol.dispose]: () => channel.unsubscribe(subscribers) }
  }

  test.beforeEach(async ({ addresses }) => {
    await using cache = new MemcacheClient(addresses)
    await cache.flushAll()
  })

  test.for(spoken(['meta', 'classic', 'binary']))(
    'tells with %s what became of every command',
    async (protocol, { addresses }) => {
      const seen: CommandMessage[] = []
      using _ = listen({ asyncEnd: (message) => seen.push({ ...message }) })
      await using cache = new MemcacheClient({ servers: addresses[0], protocol })
      const server = addresses[0]
      const last = async (call: Promise<unknown>): Promise<unknown[]> => {
        await call.catch(() => {})
        const messages = seen.splice(0)
        expect(messages.every((message) => message.server === server)).toBe(true)
        return messages.flatMap(({ command, keys, bytes, outcome }) => [
          [command, keys, bytes, outcome],
        ])
      }
      expect(await last(cache.get('a'))).toEqual([['get', 1, 0, 'miss']])
      expect(await last(cache.set('a', 'abc'))).toEqual([['set', 1, 3, 'stored']])
      expect(await last(cache.add('a', 'abcd'))).toEqual([['add', 1, 4, 'not-stored']])
      expect(await last(cache.get('a'))).toEqual([['get', 1, 3, 'hit']])
      expect(await last(cache.gets('a'))).toEqual([['gets', 1, 3, 'hit']])
      expect(await last(cache.getMany(['a', 'b']))).toEqual([['getMany', 2, 3, 'partial']])
      expect(await last(cache.getMany(['b', 'c']))).toEqual([['getMany', 2, 0, 'miss']])
      expect(await last(cache.cas('a', 1, '999999'))).toEqual([['cas', 1, 1, 'exists']])
      expect(await last(cache.cas('b', 1, '999999'))).toEqual([['cas', 1, 1, 'missing']])
      expect(await last(cache.touch('a', 60))).toEqual([['touch', 1, 0, 'touched']])
      expect(await last(cache.touch('b', 60))).toEqual([['touch', 1, 0, 'missing']])
      expect(await last(cache.increment('b'))).toEqual([['increment', 1, 0, 'missing']])
      expect(await last(cache.increment('a'))).toEqual([['increment', 1, 0, 'ERR_MEMCACHE_CLIENT']])
      expect(await last(cache.delete('a'))).toEqual([['delete', 1, 0, 'deleted']])
      expect(await last(cache.delete('a'))).toEqual([['delete', 1, 0, 'missing']])
      expect(await last(cache.version())).toEqual([['version', 0, 0, 'done']])
      const aborted = cache.get('a', { signal: AbortSignal.abort() })
      expect(await last(aborted)).toEqual([['get', 1, 0, 'AbortError']])
    },
  )

  test('has one message a server for commands of many keys', async ({ addresses }) => {
    const seen: CommandMessage[] = []
    using _ = listen({ asyncEnd: (message) => seen.push(message) })
    await using cache = new MemcacheClient(addresses)
    await cache.getMany(Array.from({ length: 100 }, (_, index) => `key:${index}`))
    expect(seen.map(({ server }) => server).sort()).toEqual([...addresses].sort())
    expect(seen.reduce((sum, { keys }) => sum + keys, 0)).toBe(100)
  })

  test('publishes in the order of tracing channels, in the context of the caller', async ({
    addresses,
  }) => {
    const order: string[] = []
    const storage = new AsyncLocalStorage<string>()
    const note =
      (name: string) =>
      ({ outcome }: CommandMessage): void => {
        order.push(`${name} ${outcome} ${storage.getStore()}`)
      }
    using _ = listen({
      start: note('start'),
      end: note('end'),
      asyncStart: note('asyncStart'),
      asyncEnd: note('asyncEnd'),
      error: note('error'),
    })
    await using cache = new MemcacheClient(addresses)
    await storage.run('request 1', () => cache.get('a'))
    expect(order.splice(0)).toEqual([
      'start undefined request 1',
      'end undefined request 1',
      'asyncStart miss request 1',
      'asyncEnd miss request 1',
    ])
    await cache.set('a', 'x')
    order.splice(0)
    await expect(storage.run('request 2', () => cache.increment('a'))).rejects.toThrow()
    expect(order.splice(0)).toEqual([
      'start undefined request 2',
      'end undefined request 2',
      'error ERR_MEMCACHE_CLIENT request 2',
      'asyncStart ERR_MEMCACHE_CLIENT request 2',
      'asyncEnd ERR_MEMCACHE_CLIENT request 2',
    ])
  })

  test('a subscriber changes nothing: values, errors, order', async ({ addresses }) => {
    using _ = listen({})
    await using cache = new MemcacheClient(addresses)
    await cache.set('a', { b: 1 })
    expect(await cache.get('a')).toEqual({ b: 1 })
    await expect(cache.get('a', { timeout: 0 })).rejects.toBeInstanceOf(RangeError)
    await cache.close()
    await expect(cache.get('a')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CLOSED' })
  })

  test('NODE_DEBUG=glammp logs every command', async ({ addresses }) => {
    const program = `
      import { MemcacheClient } from '@glammp/memcache'
      const cache = new MemcacheClient('${addresses[0]}')
      await cache.set('logged', 'abc')
      await cache.close()`
    const tsx = new URL('node_modules/tsx/dist/cli.mjs', ROOT).pathname
    const node = findProgram('node') ?? process.execPath
    const { stderr } = await run(node, [tsx, '--input-type=module', '--eval', program], {
      env: { ...process.env, NODE_DEBUG: 'glammp' },
    })
    expect(stderr).toContain(`set on ${addresses[0]}: stored (1 keys, 3 bytes)`)
  })
})

describe('metrics', () => {
  test('add up', async ({ addresses }) => {
    await using cache = new MemcacheClient(addresses)
    const keys = Array.from({ length: 300 }, (_, index) => `metrics:${index}`)
    expect(cache.metrics()).toMatchObject({ pending: 0, commands: {}, servers: {}, bytesIn: 0 })
    await Promise.all(keys.map((key) => cache.set(key, 'x'.repeat(100))))
    await Promise.all(keys.map((key) => cache.get(key)))
    await Promise.all([cache.get('missing:1'), cache.get('missing:2')])
    await cache.getMany([...keys.slice(0, 100), 'missing:3'])
    await expect(cache.increment(keys[0] as string)).rejects.toThrow()
    const { commands, latency, servers: each, ...total } = cache.metrics()
    expect(commands['set']).toMatchObject({ calls: 300, hits: 0, misses: 0, errors: {} })
    expect(commands['get']).toMatchObject({ calls: 302, hits: 300, misses: 2, errors: {} })
    expect(commands['getMany']).toMatchObject({ calls: 3, hits: 100, misses: 1 })
    expect(commands['increment']).toMatchObject({
      calls: 1,
      errors: { ERR_MEMCACHE_CLIENT: 1 },
    })
    const calls = Object.values(commands).reduce((sum, command) => sum + command.calls, 0)
    expect(latency.count).toBe(calls)
    expect(latency.buckets.reduce((sum, [, count]) => sum + count, 0)).toBe(calls)
    expect(latency.p50).toBeGreaterThan(0)
    expect(latency.p50).toBeLessThanOrEqual(latency.p90)
    expect(latency.p99).toBeLessThanOrEqual(latency.max)
    expect(latency.max).toBeLessThan(1_000)
    expect(Object.keys(each).sort()).toEqual([...addresses].sort())
    const sum = (pick: (server: (typeof each)[string]) => number): number =>
      Object.values(each).reduce((all, server) => all + pick(server), 0)
    expect(sum((server) => server.bytesIn)).toBe(total.bytesIn)
    expect(sum((server) => server.bytesOut)).toBe(total.bytesOut)
    expect(sum((server) => server.connections.open)).toBe(total.connections.open)
    expect(total.bytesOut).toBeGreaterThan(300 * 100)
    expect(total.connections).toEqual({ open: 3, opened: 3, closed: 0 })
    expect(JSON.parse(JSON.stringify(cache.metrics()))).toEqual(cache.metrics())
    await cache.close()
    expect(cache.metrics().connections).toEqual({ open: 0, opened: 3, closed: 3 })
  })

  test('bytes are those that the server counts', async () => {
    await using server = await startMemcached()
    await using cache = new MemcacheClient({ servers: server.address, pool: { max: 1 } })
    await Promise.all(
      Array.from({ length: 50 }, (_, index) => cache.set(`é${index}`, 'ção'.repeat(index * 100))),
    )
    await cache.getMany(Array.from({ length: 50 }, (_, index) => `é${index}`))
    const { bytesIn, bytesOut } = cache.metrics()
    // What the probe of the test read before is in the server's counters as well.
    const stats = (await cache.stats())[server.address]
    if (stats === undefined || stats instanceof Error) throw new Error('no statistics')
    expect(Math.abs(Number(stats['bytes_read']) - bytesOut)).toBeLessThan(64)
    expect(Math.abs(Number(stats['bytes_written']) - bytesIn)).toBeLessThan(64)
  })

  test('show what waits, and timeouts as errors with their time', async () => {
    await using silent = await startFakeServer(() => {})
    await using cache = new MemcacheClient({ servers: silent.address, protocol: 'meta' })
    const calls = Array.from({ length: 10 }, () => cache.get('a', { timeout: 200 }))
    const outcomes = Promise.allSettled(calls)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(cache.metrics()).toMatchObject({
      pending: 10,
      servers: { [silent.address]: { pending: 10 } },
    })
    await outcomes
    const { pending, commands }: MemcacheMetrics = cache.metrics()
    expect(pending).toBe(0)
    expect(commands['get']).toMatchObject({ calls: 10, errors: { ERR_MEMCACHE_TIMEOUT: 10 } })
    expect(commands['get']?.latency.p50).toBeGreaterThanOrEqual(200)
    expect(commands['get']?.latency.p99).toBeLessThan(1_000)
  })

  test('servers that are gone are in the totals alone, whoever took them away', async ({
    addresses,
  }) => {
    const [first = '', second = '', third = ''] = addresses
    await using cache = new MemcacheClient([first, second])
    await cache.connect()
    const before = cache.metrics()
    await cache.removeServer(second)
    expect(Object.keys(cache.metrics().servers)).toEqual([first])
    expect(cache.metrics().bytesIn).toBe(before.bytesIn)
    expect(cache.metrics().connections).toEqual({ open: 1, opened: 2, closed: 1 })

    cache.addServer(second)
    await cache.connect()
    expect(cache.metrics().servers[second]).toMatchObject({ connections: { opened: 1, closed: 0 } })
    for (let round = 0; round < 5; round += 1) {
      await cache.setServers([third])
      await cache.connect()
      await cache.setServers([first])
      await cache.connect()
    }
    const { servers, connections } = cache.metrics()
    expect(Object.keys(servers)).toEqual([first])
    expect(connections).toEqual({ open: 1, opened: 13, closed: 12 })
  })

  test('a server that leaves is there until what is under way on it is finished', async ({
    addresses,
  }) => {
    await using silent = await startFakeServer(() => {})
    const [first = ''] = addresses
    await using cache = new MemcacheClient({ servers: [silent.address, first], protocol: 'meta' })
    const key = Array.from({ length: 100 }, (_, index) => `k${index}`).find(
      (each) => cache.serverFor(each) === silent.address,
    ) as string
    const call = cache.get(key, { timeout: 300 })
    const gone = cache.removeServer(silent.address)
    await waitFor(() => silent.address in cache.metrics().servers)
    await expect(call).rejects.toMatchObject({ code: 'ERR_MEMCACHE_TIMEOUT' })
    await gone
    expect(cache.metrics().servers).not.toHaveProperty([silent.address])
  })

  test('calls that another server took over are counted once', async ({ addresses }) => {
    const dead = await startMemcached()
    await using cache = new MemcacheClient({
      servers: [dead.address, ...addresses],
      failover: 'next',
    })
    await dead.stop()
    const keys = Array.from({ length: 200 }, (_, index) => `moved:${index}`)
    await Promise.all(keys.map((key) => cache.set(key, 1)))
    await Promise.all(keys.map((key) => cache.get(key)))
    const { set, get, getMany: none } = cache.metrics().commands
    expect(set).toMatchObject({ calls: 200, errors: {} })
    expect(get).toMatchObject({ calls: 200, hits: 200, misses: 0, errors: {} })
    expect(none).toBeUndefined()
    await cache.getMany(keys)
    expect(cache.metrics().commands['getMany']).toMatchObject({ hits: 200, misses: 0 })
  })
})

test('server:reconnecting tells of every attempt that failed, and when the next may be', async () => {
  const server = await startMemcached()
  await using cache = new MemcacheClient({ servers: server.address })
  const attempts: number[] = []
  cache.on('server:reconnecting', ({ server: address, attempt, delay }) => {
    expect(address).toBe(server.address)
    expect(delay).toBeGreaterThanOrEqual(0)
    expect(delay).toBeLessThanOrEqual(1_000)
    attempts.push(attempt)
  })
  await cache.set('a', 1)
  expect(attempts).toEqual([])
  await server.stop()
  while (attempts.length < 3) {
    await cache.get('a').catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(attempts).toEqual([1, 2, 3])
})

test.skipIf(!serversAreControllable)('events of servers', async () => {
  await using gone = await startMemcached()
  await using watched = new MemcacheClient(gone.address)
  await watched.set('a', 1)
  const down = waitForEvent(watched, 'server:down')
  await gone.kill()
  await watched.get('a').catch(() => {})
  expect(await down).toMatchObject({ server: gone.address })
})

test('counters and latencies', async ({ addresses }) => {
  await using counted = new MemcacheClient(addresses.slice(0, 1))
  await counted.set('counted', 1)
  await counted.getMany(['counted', 'not-counted'])
  const { commands, latency } = counted.metrics()
  expect(commands['getMany']).toMatchObject({ hits: 1, misses: 1, errors: {} })
  expect(latency.count).toBeGreaterThan(0)
})

test('tracing of every command', async ({ addresses }) => {
  await using cache = new MemcacheClient(addresses.slice(0, 1))
  const told: unknown[] = []
  const channel = tracingChannel(channelNames.command)
  const subscribers = { asyncEnd: (message: object) => told.push({ ...message }) }
  channel.subscribe(subscribers as never)
  await cache.set('traced', 'value')
  channel.unsubscribe(subscribers as never)
  expect(told).toMatchObject([{ command: 'set', server: addresses[0], outcome: 'stored' }])
})
