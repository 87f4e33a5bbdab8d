import { createCipheriv } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { MemcacheClient, type MemcacheOptions } from '@glammp/memcache'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { startProxy } from '../support/proxy.js'
import { spoken } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'

const MB = 1_048_576

let servers: MemcachedServer[] = []
beforeAll(async () => {
  servers = await Promise.all(
    Array.from({ length: 3 }, () => startMemcached({ args: ['-m', '256'] })),
  )
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()))
})

const client = (options: MemcacheOptions = {}): MemcacheClient =>
  new MemcacheClient({
    servers: servers.map(({ address }) => address),
    largeValues: 'chunk',
    timeout: 10_000,
    ...options,
  })

/** Bytes without a pattern, so that a torn value shows. */
const noise = (length: number, seed = 1): Buffer =>
  createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(
    Buffer.alloc(length),
  )

const keysOf = async (cache: MemcacheClient): Promise<string[]> => {
  const keys: string[] = []
  for await (const key of cache.keys()) keys.push(String(key))
  return keys.sort()
}

const getsOf = async (cache: MemcacheClient): Promise<number> => {
  const [stats] = Object.values(await cache.stats())
  return stats !== undefined && 'cmd_get' in stats ? Number(stats.cmd_get) : Number.NaN
}

/** Items that were read, touched or not. */
const readsOf = async (cache: MemcacheClient): Promise<number> => {
  const [stats] = Object.values(await cache.stats())
  return stats !== undefined && 'cmd_touch' in stats
    ? Number(stats.cmd_get) + Number(stats.cmd_touch)
    : Number.NaN
}

describe.each(spoken(['meta', 'classic', 'binary']))('with %s', (protocol) => {
  beforeEach(async () => {
    await using cache = client()
    await cache.flushAll()
  })

  test('a value of 8 MB comes back whole through every command that reads', async () => {
    await using cache = client({ protocol })
    const value = noise(8 * MB)
    expect(await cache.set('filme', value, 60)).toBe(true)
    await cache.set('small', 1)
    expect(value.equals((await cache.get<Buffer>('filme')) ?? Buffer.alloc(0))).toBe(true)
    const found = await cache.getMany<Buffer>(['filme', 'small', 'missing'])
    expect([...found.keys()]).toEqual(['filme', 'small'])
    expect(found.get('filme')?.equals(value)).toBe(true)
    const touched = await cache.getAndTouch<Buffer>('filme', 100)
    expect(touched?.equals(value)).toBe(true)
    const wrapped = await cache.wrap('filme', () => Buffer.from('wrong'))
    expect(wrapped.equals(value)).toBe(true)
  })

  test('with one chunk deleted it is a miss, never a part', async () => {
    await using cache = client({ protocol })
    await using meta = client()
    await cache.set('filme', noise(8 * MB))
    const chunks = (await keysOf(meta)).filter((key) => key !== 'filme')
    expect(chunks).toHaveLength(9)
    expect(await cache.delete(chunks[4] as string)).toBe(true)
    expect(await cache.get('filme')).toBeUndefined()
    expect(await cache.getMany(['filme'])).toEqual(new Map())
    expect(await cache.gets('filme')).toBeUndefined()
    expect(await cache.touch('filme', 60)).toBe(false)
    const value = noise(3 * MB, 2)
    expect((await cache.wrap('filme', () => value)).equals(value)).toBe(true)
    expect((await cache.get<Buffer>('filme'))?.equals(value)).toBe(true)
  })

  test('add, replace and cas say what became of it, and leave no chunks behind', async () => {
    await using cache = client({ protocol })
    await using meta = client()
    const value = noise(2 * MB)
    expect(await cache.replace('filme', value)).toBe(false)
    expect(await cache.add('filme', value)).toBe(true)
    expect(await cache.add('filme', value)).toBe(false)
    const { cas = '0' } = (await cache.gets<Buffer>('filme')) ?? {}
    await cache.set('filme', 'other')
    expect(await cache.cas('filme', value, cas)).toBe('exists')
    const now = await cache.gets<string>('filme')
    expect(now?.value).toBe('other')
    expect(await cache.cas('filme', value, now?.cas ?? '0')).toBe('stored')
    expect((await cache.get<Buffer>('filme'))?.equals(value)).toBe(true)
    await waitFor(async () => (await keysOf(meta)).length === 1 + 3)
  })

  test('of a value that is stored again the old chunks go', async () => {
    await using cache = client({ protocol })
    await using meta = client()
    const has = (chunks: number) => async () => (await keysOf(meta)).length === 1 + chunks
    for (const seed of [1, 2, 3]) await cache.set('film', noise(3 * MB, seed))
    await waitFor(has(4))
    expect((await cache.get<Buffer>('film'))?.equals(noise(3 * MB, 3))).toBe(true)
    await cache.replace('film', noise(2 * MB))
    await waitFor(has(3))
    expect(await cache.add('film', 'small')).toBe(false)
    expect(await cache.cas('film', 'small', '1')).toBe('exists')
    expect((await cache.get<Buffer>('film'))?.equals(noise(2 * MB))).toBe(true)
    await cache.setMany({ film: 'small' })
    await waitFor(has(0))
    await Promise.all([1, 2, 3].map((seed) => cache.set('film', noise(3 * MB, seed))))
    await waitFor(has(4))
    await cache.set('film', 'small', 1)
    await waitFor(async () => (await keysOf(meta)).every((key) => key === 'film'))
  })

  test('a reader finds the new value where the chunks of the old one went while it read', async () => {
    const [{ address } = { address: '' }] = servers
    await using proxy = await startProxy(address)
    await using cache = client({ protocol, servers: proxy.address })
    await using writer = client({ servers: address })
    const reads = [
      () => cache.get<Buffer>('film'),
      async () => (await cache.gets<Buffer>('film'))?.value,
      async () => (await cache.getMany<Buffer>(['missing', 'film'])).get('film'),
      () => cache.wrap('film', () => Buffer.from('loaded')),
    ]
    const values = [noise(2 * MB), Buffer.from('small'), noise(3 * MB), noise(4 * MB)]
    for (const [turn, read] of reads.entries()) {
      await writer.set('film', noise(5 * MB, turn))
      await cache.get('other')
      const before = await getsOf(writer)
      proxy.stall('toClient')
      const found = read()
      await waitFor(async () => (await getsOf(writer)) > before)
      const value = values[turn] as Buffer
      await writer.set('film', value)
      const chunks = value.length < MB ? 0 : value.length / MB + 1
      await waitFor(async () => (await keysOf(writer)).length === 1 + chunks)
      proxy.resume()
      expect((await found)?.equals(value)).toBe(true)
    }
  })

  test.for([
    ['a large value', noise(2 * MB, 9), true],
    ['a small value', 'small', true],
    ['nothing', undefined, false],
  ] as const)('touch tells of %s that took the place of the chunks it touched', async (row) => {
    const [, value, isThere] = row
    const [{ address } = { address: '' }] = servers
    await using proxy = await startProxy(address)
    await using cache = client({ protocol, servers: proxy.address })
    await using writer = client({ servers: address })
    await writer.set('film', noise(5 * MB))
    await cache.get('other')
    const before = await readsOf(writer)
    proxy.stall('toClient')
    const touched = cache.touch('film', 60)
    await waitFor(async () => (await readsOf(writer)) > before)
    if (value === undefined) await writer.delete('film')
    else await writer.set('film', value)
    const items = value === undefined ? 0 : value === 'small' ? 1 : 4
    await waitFor(async () => (await keysOf(writer)).length === items)
    proxy.resume()
    expect(await touched).toBe(isThere)
  })

  test('of a list each key has its own new value where the chunks of all went', async () => {
    const [{ address } = { address: '' }] = servers
    await using proxy = await startProxy(address)
    await using cache = client({ protocol, servers: proxy.address })
    await using writer = client({ servers: address })
    const keys = ['film', 'book', 'song']
    const reads = [
      () => cache.getMany<Buffer>(keys),
      async () => {
        const found = await cache.getsMany<Buffer>(keys)
        return new Map([...found].map(([key, { value }]) => [key, value]))
      },
      () => cache.wrapMany(keys, () => keys.map(() => Buffer.from('loaded'))),
    ]
    for (const [turn, read] of reads.entries()) {
      for (const key of keys) await writer.set(key, noise(2 * MB, turn))
      await cache.get('other')
      const before = await getsOf(writer)
      proxy.stall('toClient')
      const found = read()
      await waitFor(async () => (await getsOf(writer)) >= before + keys.length)
      for (const key of keys) await writer.set(key, Buffer.from(`new ${key} ${turn}`))
      await waitFor(async () => (await keysOf(writer)).length === keys.length)
      proxy.resume()
      const values = [...(await found)].map(([key, value]) => [key, String(value)])
      expect(values).toEqual(keys.map((key) => [key, `new ${key} ${turn}`]))
    }
  })

  test('delete takes the chunks along', async () => {
    await using cache = client({ protocol })
    await using meta = client()
    await cache.setMany({ a: noise(2 * MB), b: noise(2 * MB, 2), c: 'small' })
    expect(await cache.delete('a')).toBe(true)
    expect(await cache.deleteMany(['b', 'c', 'missing'])).toBe(2)
    await waitFor(async () => (await keysOf(meta)).length === 0)
  })

  test('commands of one key keep their order', async () => {
    await using cache = client({ protocol })
    const [first, second] = [noise(2 * MB, 1), noise(2 * MB, 2)]
    const results = await Promise.all([
      cache.set('order', first),
      cache.get<Buffer>('order'),
      cache.set('order', second),
      cache.set('order', 'small'),
      cache.get('order'),
    ])
    expect(results[1]?.equals(first)).toBe(true)
    expect(results[4]).toBe('small')
  })
})

// Of servers of their own, at the same time: they wait for the end of a ttl.
test.concurrent.each(spoken(['meta', 'classic', 'binary']))(
  'with %s touch lets the chunks live as long as the item',
  async (protocol) => {
    await using server = await startMemcached({ args: ['-m', '256'] })
    await using cache = client({ protocol, servers: server.address })
    const value = noise(2 * MB)
    await Promise.all([
      cache.set('touched', value, 4),
      cache.set('touched:get', value, 4),
      cache.set('lost', value, 4),
    ])
    expect(await cache.touch('touched', 60)).toBe(true)
    expect(await cache.touch('missing', 60)).toBe(false)
    await cache.getAndTouch('touched:get', 60)
    await waitFor(async () => (await cache.get('lost')) === undefined)
    // The others were stored within a tick of the server's clock of it.
    await sleep(1_100)
    expect((await cache.get<Buffer>('touched'))?.equals(value)).toBe(true)
    expect((await cache.get<Buffer>('touched:get'))?.equals(value)).toBe(true)
  },
)

test('readers find one writing or the other, or nothing, while writers go on', async () => {
  await using cache = client()
  const values = [noise(3 * MB, 1), noise(5 * MB, 2)]
  await cache.set('raced', values[0])
  let writing = true
  const writer = (async () => {
    for (let round = 0; round < 10; round += 1) await cache.set('raced', values[round % 2])
    writing = false
  })()
  while (writing) {
    const value = await cache.get<Buffer>('raced')
    expect(value === undefined || values.some((one) => one.equals(value))).toBe(true)
  }
  await writer
})

test('values just around the item size are stored, in chunks or not', async () => {
  await using cache = client()
  for (const size of [MB - 600, MB - 512, MB - 511, MB - 1, MB, MB + 1, 2 * (MB - 512)]) {
    const value = noise(size)
    expect(await cache.set('edge', value)).toBe(true)
    expect((await cache.get<Buffer>('edge'))?.equals(value)).toBe(true)
  }
})

test('compressed values, objects and long keys go in chunks as well', async () => {
  await using cache = client({ compression: true, longKeys: 'hash', namespace: 'ns:' })
  const bytes = noise(6 * MB)
  const map = new Map([['a', 1]])
  const key = 'k'.repeat(300)
  await cache.set(key, { bytes, map })
  const object = await cache.get<{ bytes: Buffer; map: unknown }>(key)
  expect(object?.bytes.equals(bytes)).toBe(true)
  expect(object?.map).toEqual(map)
  const text = noise(3 * MB).toString('base64')
  await cache.wrap('tagged', () => text, { ttl: 60, tags: ['user:7'] })
  expect((await cache.wrap('tagged', () => 'wrong', { tags: ['user:7'] })) === text).toBe(true)
  expect((await cache.get('tagged')) === text).toBe(true)
  await cache.tag('user:7').invalidate()
  expect(await cache.wrap('tagged', () => 'new', { tags: ['user:7'] })).toBe('new')
})

test('the reading of all chunks is one round trip a server', async () => {
  await using proxy = await startProxy(servers[0]?.address ?? '')
  await using cache = client({ servers: proxy.address, pool: { max: 1 } })
  await cache.set('filme', noise(8 * MB))
  proxy.delay(1_000)
  const start = performance.now()
  expect(await cache.get<Buffer>('filme')).toHaveLength(8 * MB)
  // One for the index, one for the chunks. Each direction is delayed: a third would end after 6 s.
  expect(performance.now() - start).toBeLessThan(5_900)
})

test('what is too large, and what cannot be done to a value in chunks, is an error', async () => {
  await using cache = client({ largeValues: { maxSize: 3 * MB } })
  await expect(cache.set('huge', Buffer.alloc(3 * MB + 1))).rejects.toMatchObject({
    code: 'ERR_MEMCACHE_VALUE_TOO_LARGE',
    key: 'huge',
  })
  await cache.set('filme', noise(2 * MB))
  await expect(cache.append('filme', 'x')).rejects.toBeInstanceOf(TypeError)
  await expect(cache.prepend('filme', 'x')).rejects.toBeInstanceOf(TypeError)
  await expect(cache.increment('filme')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CLIENT' })
  expect(await cache.get<Buffer>('filme')).toHaveLength(2 * MB)
  await using rejecting = client({ largeValues: 'reject' })
  await expect(rejecting.get('filme')).rejects.toMatchObject({
    code: 'ERR_MEMCACHE_DECODE',
    message: expect.stringContaining('largeValues'),
  })
  await expect(rejecting.set('filme', Buffer.alloc(2 * MB))).rejects.toMatchObject({
    code: 'ERR_MEMCACHE_VALUE_TOO_LARGE',
  })
})

test.each([
  ['one byte of it changed', 'glammp1 AAAAAAAAAAAAAAAA 2 5 0 deadbeef'],
  ['a length over the bound', 'glammp1 AAAAAAAAAAAAAAAA 2 9999999999 0 00000000'],
  ['more chunks than bytes', 'glammp1 AAAAAAAAAAAAAAAA 65536 5 0 00000000'],
  ['no index at all', 'x'],
])('an index with %s is a DecodeError and no memory', async (_name, index) => {
  await using cache = client()
  await cache.meta.set('glammp:chunk:AAAAAAAAAAAAAAAA:0', 'abc')
  await cache.meta.set('glammp:chunk:AAAAAAAAAAAAAAAA:1', 'de')
  await cache.meta.set('forged', index, `F${0x1010}`)
  await expect(cache.get('forged')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_DECODE' })
  expect(await cache.wrap('forged', () => 'computed anew')).toBe('computed anew')
})

test('values over the item size', async () => {
  await using large = client({ timeout: 5_000 })
  const value = Buffer.alloc(3_000_000, 'ab')
  await large.set('large', value)
  expect(value.equals((await large.get<Buffer>('large')) ?? Buffer.alloc(0))).toBe(true)
})
