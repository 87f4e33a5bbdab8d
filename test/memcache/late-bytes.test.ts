import { MemcacheClient } from '@glammp/memcache'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { spoken } from '../support/server-source.js'

// Several threads: what lies on two connections when the server goes on is carried out in any order.
let server: MemcachedServer
beforeEach(async () => {
  server = await startMemcached({ args: ['-t', '4', '-m', '256'] })
})
afterEach(() => server.stop())

const LARGE = Buffer.alloc(200_000, 'x')
const KEYS = Array.from({ length: 20 }, (_, at) => `late:${at}`)

describe.each(spoken(['meta', 'classic', 'binary']))('with %s', (protocol) => {
  test('what a hanging server was sent undoes nothing that came after its time', async () => {
    const cache = new MemcacheClient({ servers: server.address, protocol, timeout: 20_000 })
    await cache.set('warm', 1)
    await server.pause()
    const lost = await Promise.allSettled(
      KEYS.map((key) => cache.set(key, LARGE, { timeout: 200 })),
    )
    expect(lost.every(({ status }) => status === 'rejected')).toBe(true)
    const deleted = Promise.all(KEYS.map((key) => cache.delete(key)))
    await server.resume()
    await deleted
    expect((await cache.getMany(KEYS)).size).toBe(0)
    await cache.close()
  })
})

test('close waits for no connection that was given up', async () => {
  const cache = new MemcacheClient({ servers: server.address, timeout: 200 })
  await cache.set('a', 1)
  await server.pause()
  await expect(cache.set('a', 2)).rejects.toMatchObject({ code: 'ERR_MEMCACHE_TIMEOUT' })
  await expect(cache.set('a', 3)).rejects.toMatchObject({ code: 'ERR_MEMCACHE_TIMEOUT' })
  await cache.close()
  await server.resume()
})
