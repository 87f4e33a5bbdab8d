import { setTimeout as sleep } from 'node:timers/promises'
import { MemcacheClient } from '@glammp/memcache'
import { afterAll, describe, expect } from 'vitest'
import { test } from '../support/memcache.js'
import { type FaultProxy, startProxy } from '../support/proxy.js'
import { spoken } from '../support/server-source.js'

describe.each(spoken(['meta', 'classic', 'binary']))('over %s', (protocol) => {
  let proxy: FaultProxy
  test.beforeAll(async ({ server }) => {
    proxy = await startProxy(server.address)
  })
  afterAll(() => proxy.stop())

  // A frozen process reads no end of a connection, as this one does not until the tick is over.
  test.each(['reset', 'end'] as const)(
    'an idle connection whose %s was not read yet loses no call',
    async (how) => {
      await using cache = new MemcacheClient({
        servers: proxy.address,
        protocol,
        pool: { max: 3 },
        retries: 0,
      })
      const calls = () => [
        cache.set('x', 2),
        cache.get('x'),
        cache.increment('n', 1, { initial: 1 }),
        cache.delete('q'),
        cache.append('x', '3'),
        cache.getMany(['x', 'q']),
      ]
      for (let round = 0; round < 5; round += 1) {
        await Promise.all(calls())
        // So long that the connections count as idle.
        await sleep(20)
        proxy.cut(how)
        const outcomes = await Promise.allSettled(calls())
        expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => 'fulfilled'))
      }
    },
  )

  test('a process that is busy from its start waits for its connection', async ({ server }) => {
    await using cache = new MemcacheClient({
      servers: server.address,
      protocol,
      connectTimeout: 400,
      timeout: 400,
    })
    const call = cache.set('busy', 1)
    const until = performance.now() + 1_200
    while (performance.now() < until);
    expect(await call).toBe(true)
  })
})
