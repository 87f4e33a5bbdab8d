import { mock } from 'node:test'
import { GearmanClient, GearmanWorker } from '@glammp/gearman'
import { MemcacheClient } from '@glammp/memcache'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type GearmandServer, startGearmand } from '../support/gearmand.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'

let memcached: MemcachedServer
let gearmand: GearmandServer

beforeAll(async () => {
  memcached = await startMemcached()
  gearmand = await startGearmand()
})

afterEach(() => {
  vi.useRealTimers()
  mock.timers.reset()
})

afterAll(async () => {
  await memcached?.stop()
  await gearmand?.stop()
})

const fakes: [string, () => void][] = [
  [
    'vitest',
    () => {
      // Node's own sockets need process.nextTick.
      const toFake = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] as const
      const others = ['setImmediate', 'clearImmediate', 'queueMicrotask', 'performance'] as const
      vi.useFakeTimers({ toFake: [...toFake, ...others, 'Date'] })
    },
  ],
  ['node:test', () => mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate'] })],
]

describe.each(fakes)('fake timers of %s', (kind, fake) => {
  test.each(['before them', 'under them'])('a cache that was made %s', async (when) => {
    if (when === 'under them') fake()
    const cache = new MemcacheClient({ servers: memcached.address, timeout: 300 })
    await cache.set('a', 1)
    if (when === 'before them') fake()
    expect(await cache.get('a')).toBe(1)
    expect(
      await cache.wrap(`loaded-${when}-${kind}`.replaceAll(' ', '-'), () => 2, { ttl: 60 }),
    ).toBe(2)
    await memcached.pause()
    try {
      await expect(cache.get('a')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_TIMEOUT' })
    } finally {
      await memcached.resume()
    }
    await cache.close()
  })

  test('a client and a worker of jobs', async () => {
    fake()
    const client = new GearmanClient({ servers: gearmand.address })
    const worker = new GearmanWorker(gearmand.address)
    worker.addFunction('upper', (job) => job.workload().toUpperCase())
    const left = worker.work()
    expect(await client.do('upper', 'a')).toBe('A')
    await expect(client.do('nobody', '', { timeout: 200 })).rejects.toMatchObject({
      code: 'ERR_GEARMAN_TIMEOUT',
    })
    await worker.close({ timeout: 1_000 })
    await left
    await client.close()
  })
})
