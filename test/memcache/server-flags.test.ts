import { MemcacheClient } from '@glammp/memcache'
import { describe, expect, test } from 'vitest'
import { startMemcached } from '../support/memcached.js'
import { serversAreReal, spoken } from '../support/server-source.js'

const PROTOCOLS = spoken(['auto', 'classic', 'binary'])

describe.skipIf(!serversAreReal).each(PROTOCOLS)('what a flag forbids, over %s:', (protocol) => {
  test('flushAll with -F says so, and the connection goes on', async () => {
    await using server = await startMemcached({ args: ['-F'] })
    await using cache = new MemcacheClient({ servers: server.address, protocol })
    const [stored, answers, found] = await Promise.all([
      cache.set('a', 1),
      cache.flushAll(),
      cache.get('a'),
    ])
    expect(answers[server.address]).toMatchObject({
      code: 'ERR_MEMCACHE_CLIENT',
      message: expect.stringMatching(/not allowed|does not allow/),
      server: server.address,
    })
    expect([stored, found]).toEqual([true, 1])
  })

  test('keys with -X says so', async () => {
    await using server = await startMemcached({ args: ['-X'] })
    await using cache = new MemcacheClient({ servers: server.address, protocol })
    await cache.set('a', 1)
    await expect(cache.keys().next()).rejects.toMatchObject({
      code: 'ERR_MEMCACHE_CLIENT',
      // The binary protocol has no list of keys.
      message: expect.stringMatching(/metadump not allowed|does not know/),
    })
    expect(await cache.get('a')).toBe(1)
  })

  test('gets with -C says that there are no tokens, and wrap does without', async () => {
    await using server = await startMemcached({ args: ['-C'] })
    await using cache = new MemcacheClient({ servers: server.address, protocol })
    await cache.set('a', 1)
    const refused = { code: 'ERR_MEMCACHE_CLIENT', message: expect.stringContaining('(-C)') }
    await expect(cache.gets('a')).rejects.toMatchObject(refused)
    await expect(cache.getsMany(['a', 'b'])).rejects.toMatchObject(refused)
    expect(await cache.gets('b')).toBeUndefined()
    expect(await cache.getMany(['a', 'b'])).toEqual(new Map([['a', 1]]))
    expect(await cache.wrap('w', () => 5, { ttl: 60 })).toBe(5)
    expect(await cache.wrap('w', () => 6, { ttl: 60 })).toBe(5)
    expect(await cache.invalidate('w')).toBe(true)
    expect(await cache.wrap('w', () => 7, { ttl: 60 })).toBe(7)
  })
})
