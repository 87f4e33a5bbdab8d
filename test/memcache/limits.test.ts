import { createHash } from 'node:crypto'
import { MemcacheClient } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { startProxy } from '../support/proxy.js'
import { spoken } from '../support/server-source.js'

let server: MemcachedServer
beforeAll(async () => {
  server = await startMemcached({ args: ['-m', '256'] })
})
afterAll(() => server.stop())

describe('what a user passes never puts a second command on the wire', () => {
  test('and bad input fails before a byte is sent', async () => {
    await using silent = await startFakeServer(() => {})
    await using cache = new MemcacheClient({ servers: silent.address, protocol: 'meta' })
    const badKeys = ['', 'a b', 'a\r\nflush_all', 'k'.repeat(251), 'a\0', '漢'.repeat(84)]
    for (const key of badKeys) {
      const refused = { code: 'ERR_MEMCACHE_INVALID_KEY', key }
      const calls = [
        cache.get(key),
        cache.gets(key),
        cache.getMany(['fine', key]),
        cache.getsMany(['fine', key]),
        cache.getAndTouch(key, 1),
        cache.inspect(key),
        cache.set(key, 'flush_all\r\n'),
        cache.setMany([
          ['fine', 1],
          [key, 1],
        ]),
        cache.add(key, 1),
        cache.replace(key, 1),
        cache.append(key, 'x'),
        cache.prepend(key, 'x'),
        cache.cas(key, 1, '1'),
        cache.delete(key),
        cache.deleteMany(['fine', key]),
        cache.touch(key, 1),
        cache.increment(key),
        cache.decrement(key, 1, { initial: 0 }),
        cache.invalidate(key),
        cache.wrap(key, () => 1),
        cache.wrapMany(['fine', key], () => [1, 1]),
        cache.meta.get(key),
        cache.meta.set(key, 'flush_all\r\n'),
        cache.meta.delete(key),
        cache.meta.arithmetic(key),
      ]
      for (const outcome of await Promise.allSettled(calls)) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: refused })
      }
      expect(() => cache.serverFor(key)).toThrow(expect.objectContaining(refused))
    }
    for (const ttl of [-1, 1.5, Number.NaN, Infinity]) {
      await expect(cache.set('a', 1, ttl)).rejects.toBeInstanceOf(RangeError)
      await expect(cache.touch('a', ttl)).rejects.toBeInstanceOf(RangeError)
      await expect(cache.wrap('a', () => 1, { ttl })).rejects.toBeInstanceOf(RangeError)
    }
    for (const value of [undefined, () => 1, Symbol('s')]) {
      await expect(cache.set('a', value)).rejects.toBeInstanceOf(TypeError)
    }
    for (const delta of [-1, 0.5, Number.NaN, -1n, 2n ** 64n]) {
      await expect(cache.increment('a', delta as number)).rejects.toBeInstanceOf(RangeError)
    }
    for (const cas of ['', '1 ', '1\r\nflush_all', 'x']) {
      await expect(cache.cas('a', 1, cas)).rejects.toBeInstanceOf(TypeError)
    }
    for (const timeout of [0, -1, Number.NaN, 2 ** 31]) {
      await expect(cache.get('a', { timeout })).rejects.toBeInstanceOf(RangeError)
    }
    const section = 'x\r\nflush_all' as 'items'
    await expect(cache.stats(section)).rejects.toBeInstanceOf(TypeError)
    await expect(cache.verbosity(-1)).rejects.toBeInstanceOf(RangeError)
    await expect(cache.flushAll({ delay: -1 })).rejects.toBeInstanceOf(RangeError)
    await expect(cache.set('a', 'x'.repeat(1_048_577))).rejects.toMatchObject({
      code: 'ERR_MEMCACHE_VALUE_TOO_LARGE',
    })
    expect(silent.connections).toBe(0)
    expect(silent.received()).toHaveLength(0)
  })
})

describe.each(spoken(['meta', 'classic', 'binary']))('with %s', (protocol) => {
  test('values around the item size are stored whole, or refused by a ServerError', async () => {
    await using cache = new MemcacheClient({ servers: server.address, protocol })
    for (const size of [1, 1_000, 16_384, 65_536, 500_000, 1_000_000]) {
      const value = Buffer.alloc(size, size % 251)
      expect(await cache.set('large', value)).toBe(true)
      expect(value.equals((await cache.get<Buffer>('large')) ?? Buffer.alloc(0))).toBe(true)
    }
    // Somewhere here is the largest: the item's header counts too, and takes as much as it takes.
    for (let size = 1_048_575; size > 1_048_576 - 300; size -= 13) {
      const value = Buffer.alloc(size, size % 251)
      const stored = await cache.set('large', value).catch(({ code }) => code)
      const found = await cache.get<Buffer>('large')
      if (stored === true) expect(value.equals(found ?? Buffer.alloc(0))).toBe(true)
      else expect([stored, found]).toEqual(['ERR_MEMCACHE_SERVER', undefined])
    }
    // 1 MiB is the size of the item, header and key included.
    await expect(cache.set('large', Buffer.alloc(1_048_576))).rejects.toMatchObject({
      code: 'ERR_MEMCACHE_SERVER',
      key: 'large',
      message: expect.stringMatching(/too large/i),
    })
    expect(await cache.get('large')).toBeUndefined()
  })

  test('keys and values of every small length come back', async () => {
    await using cache = new MemcacheClient({ servers: server.address, protocol })
    const lengths = Array.from({ length: 250 }, (_, index) => index + 1)
    const entries = lengths.map((length) => ['k'.repeat(length), 'v'.repeat(length - 1)] as const)
    expect(await cache.setMany(entries)).toBe(250)
    expect(await cache.getMany(entries.map(([key]) => key))).toEqual(new Map(entries))
    expect(await cache.deleteMany(entries.map(([key]) => key))).toBe(250)
  })

  test('many large values at once arrive whole, beside small ones', async () => {
    await using cache = new MemcacheClient({ servers: server.address, protocol, timeout: 10_000 })
    const values = Array.from({ length: 40 }, (_, index) => Buffer.alloc(index * 20_000, index))
    await Promise.all(
      values.flatMap((value, index) => [
        cache.set(`${protocol}:${index}`, value),
        cache.set(`${protocol}:small:${index}`, index),
      ]),
    )
    const found = await cache.getMany<Buffer>(values.map((_, index) => `${protocol}:${index}`))
    for (const [index, value] of values.entries()) {
      expect(value.equals(found.get(`${protocol}:${index}`) ?? Buffer.from('missing'))).toBe(true)
      expect(await cache.get(`${protocol}:small:${index}`)).toBe(index)
    }
  })

  test('10,000 keys are read in one call', async () => {
    await using cache = new MemcacheClient({ servers: server.address, protocol, timeout: 10_000 })
    const keys = Array.from({ length: 10_000 }, (_, index) => `many:${'x'.repeat(60)}:${index}`)
    await Promise.all(keys.map((key, index) => cache.set(key, index)))
    const found = await cache.getMany<number>(keys)
    expect([...found.values()]).toEqual(keys.map((_, index) => index))
  })
})

test('an item lives as long as its ttl says, also past 30 days, over every protocol', async () => {
  const check = async (protocol: 'meta' | 'classic' | 'binary'): Promise<void> => {
    await using cache = new MemcacheClient({
      servers: server.address,
      protocol,
      namespace: protocol,
    })
    await cache.set('past', 1, new Date(0))
    await cache.set('days30', 1, 30 * 86_400)
    // One second more is a date to memcached, of 1970.
    await cache.set('days30+1s', 1, 30 * 86_400 + 1)
    await cache.set('days60', 1, { ttl: 60 * 86_400 })
    await cache.set('second', 1, 1)
    await cache.set('date', 1, new Date(Date.now() + 3_600_000))
    const wanted = ['past', 'days30', 'days30+1s', 'days60', 'date']
    expect(await cache.getMany(wanted)).toEqual(
      new Map([
        ['days30', 1],
        ['days30+1s', 1],
        ['days60', 1],
        ['date', 1],
      ]),
    )
    if (protocol === 'meta') {
      expect((await cache.inspect('days30+1s'))?.ttl).toBeGreaterThan(30 * 86_400 - 60)
    }
    await new Promise((resolve) => setTimeout(resolve, 2_100))
    expect(await cache.get('second')).toBeUndefined()
    expect(await cache.get('days60')).toBe(1)
  }
  await Promise.all(spoken(['meta', 'classic', 'binary']).map(check))
})

test('a value over maxValueSize and a key over 250 bytes can be allowed', async () => {
  await using large = await startMemcached({ args: ['-I', '4m', '-m', '64'] })
  await using cache = new MemcacheClient({
    servers: large.address,
    maxValueSize: 4 * 1_048_576,
    longKeys: 'hash',
  })
  const key = 'k'.repeat(1_000)
  const value = 'é'.repeat(1_500_000)
  expect(await cache.set(key, value)).toBe(true)
  expect((await cache.get(key)) === value).toBe(true)
})

test("longKeys: 'hash' hashes keys that are too long, and no others", async () => {
  await using server = await startMemcached()
  const options = { servers: server.address, namespace: 'ns:' }
  await using hashing = new MemcacheClient({ ...options, longKeys: 'hash' })
  await using plain = new MemcacheClient(options)
  const long = ['a', 'b'].map((letter) => letter.repeat(248))
  const longest = 'c'.repeat(247)
  await hashing.setMany([...long, longest].map((key) => [key, key[0]]))
  expect(await plain.get(longest)).toBe('c')
  const digest = createHash('sha256').update(`ns:${long[0]}`).digest('base64url')
  expect(await plain.get(`sha256-${digest}`)).toBe('a')
  await expect(plain.get(long[0] ?? '')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_INVALID_KEY' })
  const found = await hashing.getMany(long)
  expect([...found]).toEqual(long.map((key) => [key, key[0]]))
  expect(await hashing.wrap(long[1] ?? '', () => 'loaded')).toBe('b')
  expect(await hashing.deleteMany(long)).toBe(2)
})

test('50 first commands at once open one connection', async () => {
  await using fresh = await startMemcached()
  await using proxy = await startProxy(fresh.address)
  await using cache = new MemcacheClient(proxy.address)
  await Promise.all(Array.from({ length: 50 }, (_, index) => cache.set(`k${index}`, index)))
  expect((await cache.getMany(['k0', 'k49'])).size).toBe(2)
  expect(proxy.connections).toBe(1)
})

test('keys checked in every call', async () => {
  await using cache = new MemcacheClient(server.address)
  const refused = { code: 'ERR_MEMCACHE_INVALID_KEY' }
  for (const key of ['', 'a b', 'a\r\nflush_all', '漢'.repeat(84)]) {
    await expect(cache.get(key)).rejects.toMatchObject(refused)
    await expect(cache.getMany(['a', key])).rejects.toMatchObject(refused)
  }
})

test('a time limit and a signal for each call', async () => {
  await using away = new MemcacheClient('localhost:1')
  await using cache = new MemcacheClient(server.address)
  const reason = new Error('enough')
  await expect(away.get('a', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  expect(await cache.get('not-there', { timeout: 5_000 })).toBeUndefined()
})
