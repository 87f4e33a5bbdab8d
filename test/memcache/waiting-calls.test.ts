import { MemcacheClient, type MemcacheOptions, TimeoutError } from '@glammp/memcache'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { type FaultProxy, startProxy } from '../support/proxy.js'
import { spoken } from '../support/server-source.js'

const TIMEOUT = 200

let server: MemcachedServer
let proxy: FaultProxy
beforeAll(async () => {
  server = await startMemcached()
  proxy = await startProxy(server.address)
})
afterEach(() => proxy.heal())
afterAll(async () => {
  await proxy.stop()
  await server.stop()
})

const connect = async (options: MemcacheOptions): Promise<MemcacheClient> => {
  const cache = new MemcacheClient({ servers: proxy.address, timeout: TIMEOUT, ...options })
  await cache.set('k', 1)
  return cache
}

/** Milliseconds until each of them has failed, with its error. */
const failures = (
  calls: readonly Promise<unknown>[],
): Promise<{ took: number; error: unknown }[]> => {
  const start = performance.now()
  return Promise.all(
    calls.map(async (call) => {
      const error = await call.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      return { took: performance.now() - start, error }
    }),
  )
}

const expectTimeouts = async (calls: readonly Promise<unknown>[]): Promise<void> => {
  for (const { took, error } of await failures(calls)) {
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ server: proxy.address })
    // One after the other they would take twice as long, and the time of a busy machine does not count.
    expect(took).toBeLessThan(5 * TIMEOUT)
  }
}

describe.each(spoken(['meta', 'classic', 'binary']))('with %s', (protocol) => {
  test('the time of calls runs while earlier ones that take several requests are silent', async () => {
    await using cache = await connect({ protocol })
    proxy.stall()
    const create = () => cache.increment('k', 1, { initial: 1 })
    await expectTimeouts([
      create(),
      cache.get('k'),
      create(),
      cache.getMany(['other', 'k']),
      create(),
      cache.delete('k'),
      create(),
      cache.touch('k', 60),
      create(),
      cache.set('k', 2, 1),
      create(),
      cache.wrap('k', () => 'loaded', { onError: 'throw' }),
      create(),
      cache.invalidate('k'),
      create(),
      ...Array.from({ length: 4 }, () => [cache.get('k'), create()]).flat(),
    ])
  })

  test('and while earlier values in pieces are', async () => {
    await using cache = await connect({ protocol, largeValues: 'chunk', maxValueSize: 2_048 })
    const big = 'x'.repeat(10_000)
    proxy.stall()
    const create = () => cache.increment('k', 1, { initial: 1 })
    await expectTimeouts([
      cache.set('k', big),
      cache.get('k'),
      create(),
      cache.add('k', big),
      create(),
      cache.setMany({ k: big }),
      create(),
      cache.replace('k', big),
      create(),
      ...Array.from({ length: 8 }, () => [cache.get('k'), create()]).flat(),
    ])
  })

  test('a call whose turn has not come is aborted at once', async () => {
    await using cache = await connect({ protocol, timeout: 30_000 })
    proxy.stall()
    const abort = new AbortController()
    const { signal } = abort
    const first = cache.increment('k', 1, { initial: 1 })
    const calls = failures([
      cache.get('k', { signal }),
      cache.delete('k', { signal }),
      cache.getMany(['k'], { signal }),
      cache.increment('k', 1, { initial: 1, signal }),
    ])
    abort.abort('enough')
    expect((await calls).map(({ error }) => error)).toEqual(Array(4).fill('enough'))
    proxy.heal()
    expect(await first).toBe(2)
    // What was given up was not sent.
    expect(await cache.get('k')).toBe(2)
  })
})

test('it begins anew while an earlier value in pieces moves', async () => {
  await using cache = await connect({ largeValues: 'chunk', timeout: 1_000 })
  const big = Buffer.alloc(16_000_000, 'x')
  // It takes longer than a call may be silent.
  proxy.set('toServer', { rate: 8_000 })
  const stored = cache.set('film', big)
  const reads = [cache.get<Buffer>('film'), cache.getAndTouch<Buffer>('film', 60)]
  expect(await stored).toBe(true)
  for (const found of await Promise.all(reads)) expect(found?.equals(big)).toBe(true)
})
