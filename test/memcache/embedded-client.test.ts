import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MemcacheClient } from '@glammp/memcache'
import { MemcachedServer, type MemcachedServerOptions } from '@glammp/memcache/testing'
import { describe, expect, test } from 'vitest'
import { makeCertificates } from '../support/certificates.js'
import { temporaryDirectory } from '../support/temporary-directory.js'

const protocols = ['meta', 'classic', 'auto'] as const

/** Uses what clients use most. */
async function use(cache: MemcacheClient): Promise<void> {
  expect(await cache.set('text', 'abc', 60)).toBe(true)
  expect(await cache.get('text')).toBe('abc')
  expect(await cache.add('text', 'other')).toBe(false)
  const long = 'x'.repeat(300_000)
  await cache.set('long', long)
  expect(await cache.getMany(['text', 'long', 'none'])).toEqual(
    new Map([
      ['text', 'abc'],
      ['long', long],
    ]),
  )
  expect(await cache.increment('count', 5, { initial: 1 })).toBe(1)
  expect(await cache.increment('count', 5)).toBe(6)
  expect(await cache.decrement('count', 10)).toBe(0)
  expect(await cache.touch('text', 5)).toBe(true)
  expect(await cache.wrap('wrapped', () => ({ loaded: true }), { ttl: 60 })).toEqual({
    loaded: true,
  })
  expect(await cache.delete('text')).toBe(true)
  expect(await cache.get('text')).toBeUndefined()
}

describe.each(protocols)('a client that speaks %s', (protocol) => {
  const withClient = async (
    options: MemcachedServerOptions,
    more: object,
    run: (cache: MemcacheClient, server: MemcachedServer) => Promise<void>,
  ): Promise<void> => {
    await using server = await MemcachedServer.start(options)
    await using cache = new MemcacheClient({ servers: server.address, protocol, ...more })
    await run(cache, server)
  }

  test('works with a server in the process', () => withClient({}, {}, use))

  test('over a unix socket', async () => {
    await using directory = await temporaryDirectory()
    await withClient({ path: join(directory.path, 'socket') }, {}, use)
  })

  test('over TLS', async () => {
    await using certificates = await makeCertificates()
    const { key, cert } = certificates.server
    const [ca, keyPem, certPem] = await Promise.all(
      [certificates.ca, key, cert].map((path) => readFile(path)),
    )
    await withClient({ tls: { key: keyPem, cert: certPem } }, { tls: { ca } }, use)
  })

  test('with a password, and not with a wrong one', async () => {
    const auth = { username: 'ivo', password: 'patins' }
    await withClient({ auth }, { auth }, use)
    await withClient({ auth }, { auth: { ...auth, password: 'none' } }, async (cache) => {
      await expect(cache.get('a')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_AUTHENTICATION' })
    })
  })

  test('sees a ttl end when the clock is moved', () =>
    withClient({}, {}, async (cache, server) => {
      await cache.set('a', 1, 60)
      server.clock.advance(59)
      expect(await cache.get('a')).toBe(1)
      server.clock.advance(1)
      expect(await cache.get('a')).toBeUndefined()
    }))

  test('fails as it does with real servers', () =>
    withClient({}, { timeout: 300, retries: 0 }, async (cache, server) => {
      await cache.set('a', 1)
      server.freeze()
      await expect(cache.get('a')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_TIMEOUT' })
      server.thaw()
      await expect.poll(() => cache.get('a').catch(() => 0)).toBe(1)
      server.delay(20)
      const begin = performance.now()
      expect(await cache.get('a')).toBe(1)
      expect(performance.now() - begin).toBeGreaterThan(15)
      server.delay(60_000)
      const lost = cache.get('a')
      await expect.poll(() => server.requests.length).toBeGreaterThan(4)
      server.dropConnections()
      await expect(lost).rejects.toMatchObject({
        code: expect.stringMatching(/CONNECTION|TIMEOUT/),
      })
      server.delay(0)
      server.refuse()
      server.dropConnections()
      await expect(cache.get('a')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CONNECTION' })
      await server.accept()
      await expect.poll(() => cache.get('a').catch(() => 0)).toBe(1)
    }))
})
