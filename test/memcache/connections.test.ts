import { setTimeout as sleep } from 'node:timers/promises'
import { MemcacheClient } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { startProxy } from '../support/proxy.js'
import { waitFor } from '../support/wait.js'

let server: MemcachedServer
beforeAll(async () => {
  server = await startMemcached()
})
afterAll(() => server.stop())

describe('connections', () => {
  test('one carries the calls of many ticks, each behind the others', async () => {
    await using proxy = await startProxy(server.address)
    await using cache = new MemcacheClient({ servers: proxy.address, pool: { max: 4 } })
    await cache.set('counter', 0)
    const caller = async (): Promise<void> => {
      for (let turn = 0; turn < 20; turn += 1) await cache.increment('counter')
    }
    // Callers that start apart do not fall into step.
    const callers: Promise<void>[] = []
    for (let index = 0; index < 50; index += 1) {
      callers.push(caller())
      await new Promise((resolve) => setImmediate(resolve))
    }
    await Promise.all(callers)
    expect(await cache.get('counter')).toBe(1_000)
    expect(proxy.connections).toBeLessThanOrEqual(2)
  })

  test('one on which nothing comes gets no more calls', async () => {
    await using proxy = await startProxy(server.address)
    await using cache = new MemcacheClient({ servers: proxy.address, pool: { max: 2 } })
    await cache.set('key', 'value')
    expect(proxy.connections).toBe(1)
    proxy.stall('toClient')
    const waiting = cache.get('key')
    // Silence is what makes it late.
    await sleep(20)
    const other = cache.get('key')
    await waitFor(() => proxy.connections === 2)
    proxy.resume()
    expect(await Promise.all([waiting, other])).toEqual(['value', 'value'])
  })

  test('small values do not wait behind large ones', async () => {
    await using proxy = await startProxy(server.address)
    await using cache = new MemcacheClient({ servers: proxy.address, pool: { max: 2 } })
    await cache.set('large', Buffer.alloc(1_000_000, 1))
    await cache.set('small', 'value')
    // From then on it is known what the answers are like.
    await cache.get('large')
    proxy.stall('toClient')
    const large = cache.get('large')
    await new Promise((resolve) => setImmediate(resolve))
    const small = cache.get('small')
    await waitFor(() => proxy.connections === 2)
    proxy.resume()
    expect(await small).toBe('value')
    expect(await large).toHaveLength(1_000_000)
  })
})
