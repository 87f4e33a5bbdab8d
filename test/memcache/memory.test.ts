import { MemcacheClient } from '@glammp/memcache'
import { describe, expect, test } from 'vitest'
import { startMemcached } from '../support/memcached.js'
import { serversAreControllable, serversAreReal, spoken } from '../support/server-source.js'

const PROTOCOLS = spoken(['meta', 'classic', 'binary'])
const MEGABYTE = 1_048_576

describe.skipIf(!serversAreControllable)('a memcached', () => {
  test('with -I 8m takes values of nearly 8 MiB', async () => {
    await using server = await startMemcached({ args: ['-I', '8m', '-m', '128'] })
    for (const protocol of PROTOCOLS) {
      await using cache = new MemcacheClient({
        servers: server.address,
        protocol,
        maxValueSize: 8 * MEGABYTE,
        timeout: 10_000,
      })
      for (const size of [MEGABYTE, 4 * MEGABYTE + 1, 8 * MEGABYTE - 1_000]) {
        const value = Buffer.alloc(size, size % 251)
        expect(await cache.set('large', value)).toBe(true)
        expect(value.equals((await cache.get<Buffer>('large')) ?? Buffer.alloc(0))).toBe(true)
      }
      // The size is that of the item, header and key included; a refused one is gone.
      const refused = Promise.all([cache.set('large', Buffer.alloc(8 * MEGABYTE)), cache.get('b')])
      await expect(refused).rejects.toMatchObject({ code: 'ERR_MEMCACHE_SERVER', key: 'large' })
      expect(await cache.get('large')).toBeUndefined()
    }
  })

  test('with -m 64 that evicts answers with whole values or misses', async () => {
    await using server = await startMemcached({ args: ['-m', '64'] })
    const keys = Array.from({ length: 60 }, (_, index) => `key:${index}`)
    for (const protocol of PROTOCOLS) {
      await using cache = new MemcacheClient({
        servers: server.address,
        protocol,
        namespace: protocol,
        timeout: 10_000,
      })
      const values = new Map(keys.map((key, index) => [key, Buffer.alloc(900_000, index)]))
      for (const [key, value] of values) expect(await cache.set(key, value)).toBe(true)
      const found = await cache.getMany<Buffer>(keys)
      for (const [key, value] of found) expect(value.equals(values.get(key) as Buffer)).toBe(true)
      expect(found.size).toBeGreaterThan(10)
      expect(found.has('key:59')).toBe(true)
    }
    await using cache = new MemcacheClient(server.address)
    const { [server.address]: stats } = await cache.stats()
    expect(stats).toMatchObject({ evictions: expect.any(Number) })
    expect((stats as { evictions: number }).evictions).toBeGreaterThan(0)
  })

  test.skipIf(!serversAreReal)(
    'with -M that is full refuses by a ServerError, and goes on',
    async () => {
      await using server = await startMemcached({ args: ['-M', '-m', '8'] })
      const value = Buffer.alloc(500_000, 1)
      for (const protocol of PROTOCOLS) {
        const options = { servers: server.address, protocol, timeout: 10_000 }
        await using cache = new MemcacheClient(options)
        const stores = Array.from({ length: 40 }, (_, index) => cache.set(`key:${index}`, value))
        const outcomes = await Promise.allSettled(stores)
        const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
        expect(refused.length).toBeGreaterThan(0)
        for (const { reason } of refused) {
          expect(reason).toMatchObject({
            code: 'ERR_MEMCACHE_SERVER',
            message: expect.stringMatching(/out of memory/i),
          })
        }
        const kept = outcomes.findIndex((outcome) => outcome.status === 'fulfilled')
        if (kept !== -1) expect(value.equals((await cache.get(`key:${kept}`)) as Buffer)).toBe(true)
        expect(await cache.get('nothing')).toBeUndefined()
      }
    },
  )
})
