import { setTimeout as sleep } from 'node:timers/promises'
import { MemcacheClient } from '@glammp/memcache'
import { describe, expect } from 'vitest'
import { held } from '../support/held.js'
import { test } from '../support/memcache.js'
import { startMemcached } from '../support/memcached.js'
import { serversAreControllable } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'

describe('wrap', () => {
  test('loads once, then serves from the cache until the ttl is over', async ({ cache }) => {
    let loads = 0
    const load = async (): Promise<string[]> => {
      loads += 1
      return ['SC', 'RS', 'SP']
    }
    expect(await cache.wrap('states', load, { ttl: 60 })).toEqual(['SC', 'RS', 'SP'])
    expect(await cache.wrap('states', load, { ttl: 60 })).toEqual(['SC', 'RS', 'SP'])
    expect(loads).toBe(1)
    expect(await cache.get('states')).toEqual(['SC', 'RS', 'SP'])
    await cache.wrap('short', () => 'old', { ttl: 1 })
    await waitFor(async () => (await cache.wrap('short', () => 'new', { ttl: 1 })) === 'new')
  })

  test('200 callers of one missing key share one load', async ({ cache }) => {
    let loads = 0
    const load = async (): Promise<number> => {
      loads += 1
      await sleep(50)
      return loads
    }
    const values = await Promise.all(
      Array.from({ length: 200 }, () => cache.wrap('herd', load, { ttl: 60 })),
    )
    expect(new Set(values)).toEqual(new Set([1]))
    expect(loads).toBe(1)
  })

  test('an error of load reaches all its callers and is not cached', async ({ cache }) => {
    const failure = new Error('database is down')
    const calls = [1, 2, 3].map(() => cache.wrap('failing', () => Promise.reject(failure)))
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toEqual({ status: 'rejected', reason: failure })
    }
    const thrown = cache.wrap('failing', () => {
      throw failure
    })
    await expect(thrown).rejects.toBe(failure)
    expect(await cache.wrap('failing', () => 'works again')).toBe('works again')
  })

  test.for([[undefined], [null]])('%s is returned and not cached', async ([nothing], { cache }) => {
    let loads = 0
    const load = (): typeof nothing => {
      loads += 1
      return nothing
    }
    expect(await cache.wrap('nothing', load, { ttl: 60 })).toBe(nothing)
    expect(await cache.wrap('nothing', load, { ttl: 60 })).toBe(nothing)
    expect(loads).toBe(2)
  })

  test('a value that cannot be stored is returned all the same, and told', async ({ cache }) => {
    const load = (): number => 1
    const told: unknown[] = []
    const tell = (event: unknown): number => told.push(event)
    cache.on('refresh:failed', tell)
    expect(await cache.wrap('function', () => load)).toBe(load)
    cache.off('refresh:failed', tell)
    expect(told).toEqual([{ key: 'function', error: expect.any(TypeError), delay: 0 }])
    const failing = cache.wrap('function', () => load, { onError: 'throw' })
    await expect(failing).rejects.toBeInstanceOf(TypeError)
  })

  test('a value that is too large is returned all the same', async ({ cache }) => {
    const large = Buffer.alloc(2_000_000)
    expect(await cache.wrap('large', () => large)).toBe(large)
    await expect(cache.wrap('large', () => large, { onError: 'throw' })).rejects.toMatchObject({
      code: 'ERR_MEMCACHE_VALUE_TOO_LARGE',
    })
  })

  test('a signal gives up one caller, the load goes on for the others', async ({ cache }) => {
    const controller = new AbortController()
    const loading = held()
    const patient = cache.wrap('signal', loading.load)
    const hasty = cache.wrap('signal', loading.load, { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(hasty).rejects.toThrow('enough')
    loading.end('value')
    expect(await patient).toBe('value')
  })

  test.skipIf(!serversAreControllable)(
    'a cache that is down costs a load, never an error',
    async () => {
      await using mortal = await startMemcached()
      await using client = new MemcacheClient({ servers: mortal.address, timeout: 200 })
      let loads = 0
      const load = (): number => {
        loads += 1
        return loads
      }
      await mortal.kill()
      expect(await client.wrap('a', load)).toBe(1)
      expect(await client.wrap('a', load)).toBe(2)
      await expect(client.wrap('a', load, { onError: 'throw' })).rejects.toMatchObject({
        code: 'ERR_MEMCACHE_CONNECTION',
      })
      await mortal.restart()
      await mortal.pause()
      expect(await client.wrap('a', load)).toBe(3)
    },
  )
})

const never = (): never => {
  throw new Error('loaded')
}

test('cache-aside in one call', async ({ cache, other }) => {
  expect(await cache.wrap('wrapped', () => 'loaded', { ttl: 60 })).toBe('loaded')
  expect(await other.wrap('wrapped', never)).toBe('loaded')
})

test('a cache that is down costs a load', async () => {
  await using down = new MemcacheClient('127.0.0.1:1')
  expect(await down.wrap('down', () => 'loaded')).toBe('loaded')
  expect((await down.wrapMany(['a', 'b'], () => [1, 2])).get('b')).toBe(2)
  const failing = down.wrap('down', () => 'loaded', { onError: 'throw' })
  await expect(failing).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CONNECTION' })
})
