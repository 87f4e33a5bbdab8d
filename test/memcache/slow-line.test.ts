import { readFile } from 'node:fs/promises'
import { MemcacheClient } from '@glammp/memcache'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { makeCertificates } from '../support/certificates.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { type FaultProxy, startProxy } from '../support/proxy.js'
import { serversAreControllable, spoken } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'

/** Bytes a millisecond: 12 MB take twice the timeout. */
const RATE = 6_000
const large = Buffer.alloc(12_000_000, 'large value ')
const many = Array.from({ length: 12 }, (_, index): [string, Buffer] => [
  `many:${index}`,
  Buffer.alloc(1_000_000, `${index},`),
])
const timeOut = { code: 'ERR_MEMCACHE_TIMEOUT' }

describe.each(spoken(['meta', 'classic', 'binary']))('over %s, on a slow line,', (protocol) => {
  let server: MemcachedServer
  let proxy: FaultProxy
  let cache: MemcacheClient
  beforeAll(async () => {
    server = await startMemcached({ args: ['-I', '16m', '-m', '256'] })
    proxy = await startProxy(server.address)
    cache = new MemcacheClient({
      servers: proxy.address,
      protocol,
      maxValueSize: 16_000_000,
      timeout: 1_000,
    })
    await cache.connect()
  })
  afterAll(async () => {
    await cache.close()
    await proxy.stop()
    await server.stop()
  })
  beforeEach(() => proxy.heal())

  test('a value that takes longer than the timeout is stored and read', async () => {
    proxy.set('toServer', { rate: RATE })
    expect(await cache.set('large', large)).toBe(true)
    proxy.heal()
    proxy.set('toClient', { rate: RATE })
    expect(large.equals((await cache.get<Buffer>('large')) as Buffer)).toBe(true)
  }, 60_000)

  test('so are many, and calls between them', async () => {
    proxy.set('toServer', { rate: RATE })
    const stored = cache.setMany(many)
    const between = cache.get('nothing')
    expect(await stored).toBe(many.length)
    expect(await between).toBeUndefined()
    proxy.heal()
    proxy.set('toClient', { rate: RATE })
    const [found, small] = await Promise.all([
      cache.getMany(many.map(([key]) => key)),
      cache.set('small', 1),
    ])
    expect([...found.keys()]).toEqual(many.map(([key]) => key))
    expect(small).toBe(true)
  }, 60_000)

  test('a server that takes no more bytes ends it', async () => {
    const before = proxy.bytes('toServer')
    proxy.set('toServer', { rate: RATE })
    const stored = cache.set('large', large).catch((error: unknown) => error)
    await waitFor(() => proxy.bytes('toServer') > before + 1_000_000)
    proxy.stall('toServer')
    expect(await stored).toMatchObject(timeOut)
  }, 60_000)

  test('a server that takes none at all ends it soon', async () => {
    proxy.stall('toServer')
    const started = performance.now()
    await expect(cache.set('large', large)).rejects.toMatchObject(timeOut)
    expect(performance.now() - started).toBeLessThan(5_000)
  })

  test('a server that falls silent in a value ends it', async () => {
    expect(await cache.set('large', large, { timeout: 20_000 })).toBe(true)
    const before = proxy.bytes('toClient')
    proxy.set('toClient', { rate: RATE })
    const read = cache.get('large').catch((error: unknown) => error)
    await waitFor(() => proxy.bytes('toClient') > before + 1_000_000)
    proxy.stall('toClient')
    expect(await read).toMatchObject(timeOut)
  }, 60_000)
})

test('a value in pieces is stored and read on a slow line', async () => {
  await using server = await startMemcached({ args: ['-m', '256'] })
  await using proxy = await startProxy(server.address)
  await using cache = new MemcacheClient({
    servers: proxy.address,
    largeValues: 'chunk',
    timeout: 1_000,
    pool: { max: 1 },
  })
  await cache.connect()
  proxy.set('toServer', { rate: RATE })
  expect(await cache.set('large', large)).toBe(true)
  proxy.heal()
  proxy.set('toClient', { rate: RATE })
  expect(large.equals((await cache.get<Buffer>('large')) as Buffer)).toBe(true)
}, 60_000)

test.skipIf(!serversAreControllable)(
  'so it is over TLS',
  async () => {
    await using certificates = await makeCertificates()
    const { key, cert } = certificates.server
    const tlsArgs = ['-Z', '-o', `ssl_chain_cert=${cert},ssl_key=${key}`]
    await using server = await startMemcached({
      args: ['-I', '16m', '-m', '256', ...tlsArgs],
      directories: [certificates.directory],
    })
    await using proxy = await startProxy(server.address)
    await using cache = new MemcacheClient({
      servers: `localhost:${proxy.port}`,
      tls: { ca: await readFile(certificates.ca) },
      maxValueSize: 16_000_000,
      timeout: 1_000,
    })
    await cache.connect()
    proxy.set('toServer', { rate: RATE })
    expect(await cache.set('large', large)).toBe(true)
    proxy.heal()
    proxy.set('toClient', { rate: RATE })
    expect(large.equals((await cache.get<Buffer>('large')) as Buffer)).toBe(true)
    proxy.heal()
    proxy.stall('toServer')
    await expect(cache.set('large', large)).rejects.toMatchObject(timeOut)
  },
  60_000,
)
