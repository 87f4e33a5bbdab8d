import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { type Key, MemcacheClient, type WatchEvent } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { serversAreControllable } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'

let servers: MemcachedServer[] = []
let cache: MemcacheClient
let addresses: string[] = []
beforeAll(async () => {
  servers = await Promise.all([startMemcached(), startMemcached()])
  addresses = servers.map(({ address }) => address)
  cache = new MemcacheClient({ servers: addresses, namespace: 'app:' })
})
afterAll(async () => {
  await cache.close()
  await Promise.all(servers.map((server) => server.stop()))
})
const everywhere = (): Record<string, true> =>
  Object.fromEntries(addresses.map((address) => [address, true]))

describe('inspect', () => {
  test('tells what the server knows of an item, undefined on a miss', async () => {
    expect(await cache.inspect('item')).toBeUndefined()
    await cache.set('item', 'twelve bytes', 100)
    const fresh = await cache.inspect('item')
    expect(fresh).toEqual({
      size: 12,
      ttl: expect.any(Number),
      lastAccess: expect.any(Number),
      hit: false,
      flags: 0,
      cas: (await cache.gets('item'))?.cas,
      stale: false,
    })
    expect(fresh?.ttl).toBeGreaterThan(95)
    expect(await cache.inspect('item')).toMatchObject({ hit: true })
    await cache.set('item', 1)
    expect(await cache.inspect('item')).toMatchObject({ ttl: Infinity, flags: 1 })
  })

  test('what a server knows of an item', async () => {
    await cache.set('known', 'twelve bytes', 100)
    expect(await cache.inspect('known')).toMatchObject({ size: 12, hit: false, stale: false })
  })

  test('sees a stale item without taking the right to recompute it from who comes next', async () => {
    await cache.set('item', 'old', 100)
    await cache.meta.delete('item', 'I T30')
    expect(await cache.inspect('item')).toMatchObject({ stale: true })
    const { flags } = await cache.meta.get('item', 'v')
    expect(flags.has('W')).toBe(true)
  })

  test('is a ClientError where the server does not speak meta', async () => {
    await using classic = new MemcacheClient({ servers: addresses, protocol: 'classic' })
    await expect(classic.inspect('item')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CLIENT' })
    expect(await classic.set('item', 1)).toBe(true)
  })
})

describe('meta', () => {
  test('sends what has no method of its own', async () => {
    expect(await cache.meta.get('raw')).toEqual({
      status: 'missing',
      flags: new Map(),
      value: undefined,
    })
    expect(await cache.meta.set('raw', 'é', 'T60 F5')).toMatchObject({ status: 'found' })
    const { status, flags, value } = await cache.meta.get('raw', 'v f t c s')
    expect(status).toBe('found')
    expect(value).toEqual(Buffer.from('é'))
    expect(Object.fromEntries(flags)).toMatchObject({ f: '5', s: '2', t: expect.any(String) })
    expect(await cache.meta.set('raw', 'x', 'ME')).toMatchObject({ status: 'not-stored' })
    expect(await cache.meta.set('raw', 'x', 'C999999')).toMatchObject({ status: 'exists' })
    expect(await cache.meta.delete('raw')).toMatchObject({ status: 'found' })
    expect(await cache.meta.delete('raw')).toMatchObject({ status: 'missing' })
    const counted = await cache.meta.arithmetic('count', 'v N60 J5')
    expect(counted.value?.toString()).toBe('5')
  })

  test.each(['v q', 'b', 'v\r\nflush_all', ' v', 'v  t', '1'])(
    'refuses the flags %j',
    async (flags) => {
      await expect(cache.meta.get('raw', flags)).rejects.toBeInstanceOf(TypeError)
    },
  )
})

describe('keys', () => {
  test('lists the keys of all servers that are in the namespace', async () => {
    await using other = new MemcacheClient({ servers: addresses, namespace: 'other:' })
    await other.set('hidden', 1)
    const names = Array.from({ length: 3_000 }, (_, index) => `list:${index}:é%20`)
    await cache.setMany(names.map((name) => [name, 1] as const))
    const listed = new Set<Key>()
    for await (const key of cache.keys({ prefix: 'list:' })) listed.add(key)
    expect(listed).toEqual(new Set(names))
    let any = 0
    for await (const key of cache.keys()) {
      expect(key).not.toContain('hidden')
      any += 1
      if (any === 10) break
    }
    expect(any).toBe(10)
  })

  test('listing of all keys', async () => {
    await cache.setMany({ 'listed:á': 1, 'listed:b': 2 })
    const found: Key[] = []
    for await (const key of cache.keys({ prefix: 'listed:' })) found.push(key)
    expect(found.sort()).toEqual(['listed:b', 'listed:á'])
  })

  test('can be read slowly, and twice at a time', async () => {
    const count = async (): Promise<number> => {
      let listed = 0
      for await (const _ of cache.keys({ prefix: 'list:' })) {
        listed += 1
        if (listed % 1_000 === 0) await sleep(20)
      }
      return listed
    }
    expect(await Promise.all([count(), count()])).toEqual([3_000, 3_000])
  })

  test.skipIf(!serversAreControllable)(
    'of a server that is down is a ConnectionError',
    async () => {
      await using mortal = await startMemcached()
      await using client = new MemcacheClient(mortal.address)
      await mortal.kill()
      await expect(client.keys().next()).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CONNECTION' })
      await mortal.restart()
      await mortal.pause()
      await expect(client.keys({ timeout: 100 }).next()).rejects.toMatchObject({
        code: 'ERR_MEMCACHE_TIMEOUT',
      })
    },
  )
})

describe('watch', () => {
  test('the log of the servers', async () => {
    const timer = setInterval(() => void cache.set('logged', 1), 50)
    const enough = new AbortController()
    const follow = async (): Promise<void> => {
      for await (const { key, type } of cache.watch('mutations', { signal: enough.signal })) {
        expect({ key, type }).toEqual({ key: 'logged', type: 'item_store' })
        enough.abort()
      }
    }
    await expect(follow()).rejects.toMatchObject({ name: 'AbortError' })
    clearInterval(timer)
  })

  test('leaves no rejection behind when its loop ends while the next line is awaited', async () => {
    const rejections: unknown[] = []
    const listen = (reason: unknown): unknown => rejections.push(reason)
    process.on('unhandledRejection', listen)
    const sets = setInterval(() => void cache.set('watched', 1), 100)
    for await (const _ of cache.watch('mutations')) break
    clearInterval(sets)
    // Rejections are told after the microtasks of the tick.
    await nextTurn()
    process.off('unhandledRejection', listen)
    expect(rejections).toEqual([])
  })

  test('tells what happens on every server, until the loop ends', async () => {
    const seen: WatchEvent[] = []
    const log = cache.watch('mutations', 'fetchers')
    const reading = (async () => {
      for await (const event of log) {
        seen.push(event)
        if (new Set(seen.map(({ server }) => server)).size === 2 && seen.length > 20) break
      }
    })()
    await waitFor(async () => {
      for (let index = 0; index < 20; index += 1) await cache.set(`watched:${index}`, index)
      return seen.length > 20
    })
    await reading
    expect(seen.every(({ type }) => type.startsWith('item_'))).toBe(true)
    expect(seen.some(({ key }) => String(key).startsWith('watched:'))).toBe(true)
  })

  test('ends with its signal and with the client; bad classes are a TypeError', async () => {
    await expect(cache.watch().next()).rejects.toBeInstanceOf(TypeError)
    await expect(cache.watch('x\r\nquit' as 'mutations').next()).rejects.toBeInstanceOf(TypeError)
    const signal = AbortSignal.timeout(50)
    await expect(cache.watch('mutations', { signal }).next()).rejects.toMatchObject({
      name: 'TimeoutError',
    })
    const client = new MemcacheClient(addresses)
    const next = client.watch('evictions').next()
    await sleep(50)
    await client.close()
    await expect(next).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CLOSED' })
  })

  test('ends with a signal that aborts while it is still connecting', async () => {
    const abort = new AbortController()
    const next = cache.watch('mutations', { signal: abort.signal }).next()
    abort.abort()
    await expect(next).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('ends with a client that closes while it is still connecting', async () => {
    const client = new MemcacheClient(addresses)
    const next = client.watch('evictions').next()
    await client.close()
    await expect(next).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CLOSED' })
  })
})

describe.skipIf(!serversAreControllable)('admin', () => {
  test('resetStats sets the counters back', async () => {
    await cache.set('item', 1)
    expect((await cache.stats())[addresses[0] as string]).toMatchObject({
      cmd_set: expect.any(Number),
    })
    expect(await cache.resetStats()).toEqual(everywhere())
    expect((await cache.stats())[addresses[0] as string]).toMatchObject({ cmd_set: 0 })
  })

  test('memory, slabs and LRU are set while the server runs', async () => {
    expect(await cache.cacheMemoryLimit(100)).toEqual(everywhere())
    expect((await cache.stats('settings'))[addresses[0] as string]).toMatchObject({
      maxbytes: 100 * 1_048_576,
    })
    await expect(cache.cacheMemoryLimit(1)).rejects.toBeInstanceOf(RangeError)
    expect(await cache.admin.slabsAutomove(0)).toEqual(everywhere())
    expect(await cache.admin.lruMode('segmented')).toEqual(everywhere())
    expect(await cache.admin.lruTune({ hot: 10, warm: 25, hotAge: 0.1, warmAge: 2 })).toEqual(
      everywhere(),
    )
    expect(await cache.admin.lruTempTtl(-1)).toEqual(everywhere())
    expect(await cache.admin.crawl('all')).toEqual(everywhere())
    const refused = await cache.admin.slabsReassign(1, 2)
    expect(Object.values(refused)[0]).toMatchObject({
      code: 'ERR_MEMCACHE_SERVER',
      message: expect.stringContaining('slabsReassign'),
    })
  })
})

test('statistics of all servers', async () => {
  const stats = await cache.stats()
  expect(Object.keys(stats)).toEqual(addresses)
  for (const one of Object.values(stats)) expect(one).toMatchObject({ pid: expect.any(Number) })
})

test('emptying of all servers, now or later', async () => {
  await using own = await startMemcached()
  await using other = new MemcacheClient(own.address)
  await other.set('a', 1)
  expect(await other.flushAll({ delay: 3_600 })).toEqual({ [own.address]: true })
  expect(await other.get('a')).toBe(1)
  expect(await other.flushAll()).toEqual({ [own.address]: true })
  expect(await other.get('a')).toBeUndefined()
})

test('settings of running servers', async () => {
  expect(Object.values(await cache.admin.lruMode('segmented'))).toEqual([true, true])
  expect(Object.values(await cache.cacheMemoryLimit(64))).toEqual([true, true])
})

test('servers added and removed at run time', async () => {
  const keys = Array.from({ length: 40 }, (_, index) => `key:${index}`)
  await using other = new MemcacheClient({ servers: addresses.slice(0, 1) })
  other.addServer(addresses[1] as string)
  expect(await other.setMany(keys.map((key) => [key, key]))).toBe(keys.length)
  await other.removeServer(addresses[0] as string)
  expect(other.servers).toEqual(addresses.slice(1))
  expect(await other.set('a', 1)).toBe(true)
})
