import { MemcacheClient, type MemcacheOptions } from '@glammp/memcache'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type FakeServer, startFakeServer } from '../support/fake-server.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { serversAreControllable } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'

let servers: MemcachedServer[] = []
let endpoint: FakeServer
/** What the endpoint tells: the version on a line, the nodes on the next. */
let list = ''
const listOf = (version: number, ...nodes: readonly MemcachedServer[]): string =>
  `${version}\n${nodes.map(({ host, port }) => `${host}|${host}|${port}`).join(' ')}\n`
const open = (options: MemcacheOptions = {}): MemcacheClient =>
  new MemcacheClient({ servers: endpoint.address, discovery: { interval: 50 }, ...options })

beforeAll(async () => {
  servers = await Promise.all([startMemcached(), startMemcached()])
  endpoint = await startFakeServer((socket) => {
    socket.on('data', () => socket.write(`CONFIG cluster 0 ${list.length}\r\n${list}\r\nEND\r\n`))
  })
})
afterAll(async () => {
  await endpoint.stop()
  await Promise.all(servers.map((server) => server.stop()))
})
beforeEach(() => {
  list = listOf(5, ...servers)
})

describe('an invalid list', () => {
  test.each([
    ['an invalid host', '5\nho/st||11211\n'],
    ['an invalid port', '5\nlocalhost||port\n'],
    ['no nodes', '5\n\n'],
    ['no version', 'soon\n127.0.0.1||11211\n'],
  ])('%s: calls are told, and the next is taken whatever its version', async (_, broken) => {
    list = broken
    await using cache = open()
    const load = (): string => 'loaded'
    expect(await cache.wrap('a', load)).toBe('loaded')
    const calls = [
      cache.get('a'),
      cache.set('a', 1),
      cache.getMany(['a']),
      cache.connect(),
      cache.wrap('a', load, { onError: 'throw' }),
    ]
    for (const end of await Promise.allSettled(calls)) {
      expect(end).toMatchObject({ reason: { code: 'ERR_MEMCACHE_NO_SERVER' } })
    }
    list = listOf(5, ...servers)
    await waitFor(() => cache.set('a', 1))
    // One that comes later changes nothing.
    list = broken.replace('5', '6')
    const asked = endpoint.received().length
    await waitFor(() => endpoint.received().length > asked + 100)
    expect(cache.servers).toHaveLength(2)
    expect(await cache.get('a')).toBe(1)
    list = listOf(6, ...servers.slice(0, 1))
    await waitFor(() => cache.servers.length === 1)
  })

  test('a distribution that throws for it', async () => {
    let ready = false
    await using cache = open({
      distribution: () => {
        if (!ready) throw new Error('no plan for these')
        return { pick: () => 0 }
      },
    })
    await expect(cache.get('a')).rejects.toMatchObject({
      code: 'ERR_MEMCACHE_NO_SERVER',
      message: expect.stringContaining('no plan for these'),
      cause: { message: 'no plan for these' },
    })
    ready = true
    await waitFor(() => cache.set('a', 1))
  })
})

test('a node that is named twice is one server', async () => {
  const [one] = servers as [MemcachedServer]
  list = listOf(5, one, one)
  await using cache = open()
  expect(await cache.set('a', 1)).toBe(true)
  expect(cache.servers).toEqual([one.address])
})

describe.skipIf(!serversAreControllable)('a cluster that was made anew', () => {
  test.each([
    ['an older', 1],
    ['the same', 5],
  ])('is found by %s version', async (_, version) => {
    const [old, young] = servers as [MemcachedServer, MemcachedServer]
    list = listOf(5, old)
    await using cache = open()
    await cache.set('a', 1)
    await old.kill()
    list = listOf(version, young)
    try {
      await waitFor(() => cache.set('a', 2))
      expect(cache.servers).toEqual([young.address])
    } finally {
      await old.restart()
    }
  })

  test('is asked for while connections do not come about, long before the interval is over', async () => {
    const [old, young] = servers as [MemcachedServer, MemcachedServer]
    list = listOf(5, old)
    await using cache = open({ discovery: { interval: 600_000 } })
    await cache.set('a', 1)
    await old.kill()
    list = listOf(1, young)
    try {
      await waitFor(() => cache.set('a', 2), { timeout: 30_000 })
    } finally {
      await old.restart()
    }
  }, 60_000)
})

test('auto discovery', async () => {
  list = listOf(1, ...servers)
  await using other = open({ discovery: true })
  await other.connect()
  expect(other.servers).toEqual(servers.map(({ address }) => address))
})
