import { deflateSync, gzipSync } from 'node:zlib'
import { type CompressionAlgorithm, MemcacheClient, type MemcacheOptions } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { hasPhpMemcached, inPhp } from '../support/php.js'
import { spoken } from '../support/server-source.js'

let server: MemcachedServer
beforeAll(async () => {
  server = await startMemcached({ args: ['-I', '2m'] })
})
afterAll(() => server.stop())

const client = (options: MemcacheOptions = {}): MemcacheClient =>
  new MemcacheClient({ servers: server.address, timeout: 10_000, ...options })

const estados = { uf: ['SC', 'RS', 'SP'], texto: 'o Ivo andava de PATINS!!! '.repeat(2_000) }

describe.each(spoken(['meta', 'classic', 'binary']))('with %s', (protocol) => {
  test.each<CompressionAlgorithm>(['zlib', 'deflate', 'gzip', 'brotli'])(
    'values compressed by %s come back as they were, to any client',
    async (algorithm) => {
      await using cache = client({ protocol, compression: { algorithm } })
      await using plain = client({ protocol })
      const values = new Map<string, unknown>([
        ['small', 'x'],
        ['text', 'é'.repeat(5_000)],
        ['object', estados],
        ['large', 'x'.repeat(1_500_000)],
        ['bytes', Buffer.alloc(20_000, 'abc')],
        ['counter', 41],
      ])
      expect(await cache.setMany(values, 60)).toBe(values.size)
      for (const reader of [cache, plain]) {
        expect(await reader.getMany(values.keys())).toEqual(values)
        expect((await reader.get('large')) === values.get('large')).toBe(true)
        expect((await reader.gets('object'))?.value).toEqual(estados)
        expect((await reader.getAndTouch('text', 60)) === values.get('text')).toBe(true)
        expect(await reader.wrap('object', () => 'wrong')).toEqual(estados)
      }
      expect(await cache.increment('counter')).toBe(42)
    },
  )
})

test('what is compressed is smaller on the server', async () => {
  await using cache = client({ compression: true })
  await cache.set('object', estados)
  const { size = 0, flags } = (await cache.inspect('object')) ?? {}
  expect(size).toBeLessThan(1_000)
  expect(flags).toBe(0x37)
})

test('a value over the item size is stored if it fits when compressed', async () => {
  await using cache = client({ compression: true })
  const text = 'o PHp '.repeat(500_000)
  expect(await cache.set('huge', text)).toBe(true)
  expect((await cache.get('huge')) === text).toBe(true)
  expect((await cache.wrap('huge:wrapped', () => text)) === text).toBe(true)
  expect((await cache.get('huge:wrapped')) === text).toBe(true)
  await using off = client()
  await expect(off.set('huge', text)).rejects.toMatchObject({
    code: 'ERR_MEMCACHE_VALUE_TOO_LARGE',
  })
  const noise = Buffer.from(Array.from({ length: 2_000_000 }, () => Math.random() * 256))
  await expect(cache.set('noise', noise)).rejects.toMatchObject({
    code: 'ERR_MEMCACHE_VALUE_TOO_LARGE',
    key: 'noise',
  })
})

test('commands of one key keep their order, though large values take longer to compress', async () => {
  await using cache = client({ compression: true })
  const large = 'grande '.repeat(100_000)
  for (let round = 0; round < 5; round += 1) {
    const results = await Promise.all([
      cache.set('order', large),
      cache.get('order'),
      cache.set('order', 'small'),
      cache.getMany(['order']),
      cache.set('order', `${large}2`),
      cache.set('order', `${large}3`.slice(1)),
      cache.gets('order'),
      cache.delete('order'),
      cache.get('order'),
    ])
    expect(results[1] === large).toBe(true)
    expect(results[3]).toEqual(new Map([['order', 'small']]))
    expect(results[6]?.value === `${large}3`.slice(1)).toBe(true)
    expect(results[7]).toBe(true)
    expect(results[8]).toBeUndefined()
  }
})

test('close waits for a value that is being compressed', async () => {
  const cache = client({ compression: true })
  const stored = cache.set('closing', 'x'.repeat(3_000_000))
  await cache.close()
  expect(await stored).toBe(true)
  await expect(cache.set('closing', 'x'.repeat(3_000_000))).rejects.toMatchObject({
    code: 'ERR_MEMCACHE_CLOSED',
  })
})

test('an aborted call rejects while its value is being expanded', async () => {
  await using cache = client({ compression: true })
  await cache.set('abort', 'x'.repeat(8_000_000))
  const abort = new AbortController()
  const reading = cache.get('abort', { signal: abort.signal })
  const reason = new Error('enough')
  abort.abort(reason)
  await expect(reading).rejects.toBe(reason)
})

test('append is refused while compression is on; a value that others appended to is not decoded', async () => {
  await using cache = client({ compression: true })
  await using plain = client()
  await cache.set('grows', 'x'.repeat(5_000))
  await expect(cache.append('grows', 'y')).rejects.toBeInstanceOf(TypeError)
  await expect(cache.prepend('grows', 'y')).rejects.toBeInstanceOf(TypeError)
  await plain.append('grows', 'y')
  const code = 'ERR_MEMCACHE_DECODE'
  await expect(cache.get('grows')).rejects.toMatchObject({ code, key: 'grows' })
  await expect(cache.getMany(['grows', 'other'])).rejects.toMatchObject({ code })
  expect(await cache.wrap('grows', () => 'computed anew')).toBe('computed anew')
})

test('a value bomb is a DecodeError, and in wrap a miss', async () => {
  await using cache = client()
  const head = Buffer.alloc(4)
  head.writeUInt32LE(2 ** 30)
  const bomb = Buffer.concat([head, deflateSync(Buffer.alloc(2 ** 26))])
  await cache.meta.set('bomb', bomb, 'F48')
  await expect(cache.get('bomb')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_DECODE' })
  expect(await cache.wrap('bomb', () => 'computed anew')).toBe('computed anew')
})

describe.skipIf(!hasPhpMemcached)('PHP', () => {
  test('reads the strings that we compress with zlib, and we read those that it does', async () => {
    await using cache = client({ compression: true })
    const text = 'às vezes ☃ '.repeat(1_000)
    await cache.set('ours', text)
    const read = await inPhp<string>([server], `return $m->get('ours');`)
    expect(read === text).toBe(true)
    await inPhp(
      [server],
      `$m->setOption(Memcached::OPT_COMPRESSION_TYPE, Memcached::COMPRESSION_ZLIB);
       return $m->set('theirs', $in);`,
      text,
    )
    expect((await cache.inspect('theirs'))?.flags).toBe(0x30)
    expect((await cache.get('theirs')) === text).toBe(true)
    await using plain = client()
    expect((await plain.get('theirs')) === text).toBe(true)
  })

  test('refuses what only this client expands, rather than taking it for text', async () => {
    for (const algorithm of ['deflate', 'gzip', 'brotli'] as const) {
      await using cache = client({ compression: { algorithm } })
      await cache.set('own', 'x'.repeat(5_000))
      expect(await inPhp([server], `return @$m->get('own');`)).toBe(false)
    }
    await using chunked = client({ largeValues: 'chunk' })
    await chunked.set('own', Buffer.alloc(3_000_000))
    expect(await inPhp([server], `return @$m->get('own');`)).toBe(false)
  })
})

test('compression', async () => {
  await using small = client({ compression: true })
  await using plain = client()
  await small.set('small', 'x'.repeat(100_000))
  expect((await plain.inspect('small'))?.size).toBeLessThan(1_000)
  expect(await plain.get('small')).toBe('x'.repeat(100_000))
})

test('a bound on what is expanded', async () => {
  await using cache = client()
  const bomb = Buffer.concat([Buffer.from([0, 4, 0, 0]), gzipSync(Buffer.alloc(2 ** 24))])
  await cache.meta.set('bomb', bomb, `F${0x0210}`)
  await expect(cache.get('bomb')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_DECODE' })
})
