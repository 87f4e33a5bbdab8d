import { MemcacheClient } from '@glammp/memcache'
import { describe, expect } from 'vitest'
import { test } from '../support/memcache.js'
import { spoken } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'
import { pastEnd } from './past-end.js'

describe.each(spoken(['meta', 'classic', 'binary']))('loads that fail on %s', (protocol) => {
  test('in the background rest for longer and longer, and cost the old value nothing', async ({
    server,
  }) => {
    await using cache = new MemcacheClient({ servers: server.address, protocol })
    await using meta = new MemcacheClient({ servers: server.address, protocol: 'meta' })
    const key = `failing:${protocol}`
    const options = { ttl: 1, stale: 1_000 }
    await cache.wrap(key, () => 'old', options)
    await pastEnd(cache, key, options)
    const delays: number[] = []
    const times: number[] = []
    cache.on('refresh:failed', ({ delay }) => {
      delays.push(delay)
      times.push(performance.now())
    })
    let loads = 0
    const failing = (): never => {
      loads += 1
      throw new Error('database is down')
    }
    const before = (await meta.inspect(key))?.ttl as number
    const start = performance.now()
    await waitFor(async () => {
      expect(await cache.wrap(key, failing, options)).toBe('old')
      return delays.length === 3
    })
    const after = (await meta.inspect(key))?.ttl as number
    // Its time goes on as it would have without them.
    expect(before - after).toBeLessThanOrEqual((performance.now() - start) / 1_000 + 2)
    expect(loads).toBe(3)
    const [first = 0, second = 0, third = 0] = delays
    expect(first).toBeGreaterThan(100)
    expect(third).toBeGreaterThan(first)
    const [begin = 0, middle = 0, end = 0] = times
    // Timers and clocks may differ by a little.
    expect(middle - begin).toBeGreaterThanOrEqual(first - 20)
    expect(end - middle).toBeGreaterThanOrEqual(second - 20)
    // Who has a load that works does not wait for it.
    await using other = new MemcacheClient({ servers: server.address, protocol })
    expect(await other.wrap(key, () => 'new', options)).toBe('old')
    await waitFor(async () => (await other.get(key)) === 'new')
  })

  test('for callers who wait are tried by each', async ({ server }) => {
    await using cache = new MemcacheClient({ servers: server.address, protocol })
    const key = `waiting:${protocol}`
    let loads = 0
    const failing = (): never => {
      loads += 1
      throw new Error('database is down')
    }
    for (const _ of [1, 2, 3]) await expect(cache.wrap(key, failing)).rejects.toThrow('is down')
    expect(loads).toBe(3)
    expect(await cache.get(`glammp:lock:${key}`)).toBeUndefined()
  })
})
