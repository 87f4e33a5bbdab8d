import { AsyncLocalStorage } from 'node:async_hooks'
import { MemcacheClient } from '@glammp/memcache'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { waitFor } from '../support/wait.js'

let server: MemcachedServer
let cache: MemcacheClient
beforeAll(async () => {
  server = await startMemcached()
  cache = new MemcacheClient(server.address)
})
afterAll(async () => {
  await cache.close()
  await server.stop()
})

let key = 0
/** A key that no other test has. */
let own: string
beforeEach(() => {
  key += 1
  own = `nested:${key}`
})

const waits = { name: 'TypeError', message: /would wait for itself/ }

describe('a load that wraps its own key', () => {
  test.each<[string, (inner: () => Promise<unknown>) => Promise<unknown>]>([
    ['by wrap', (inner) => cache.wrap(own, inner)],
    ['by wrapMany', (inner) => cache.wrapMany([own, `${own}:b`], async () => [await inner(), 1])],
    ['by a wrap in between', (inner) => cache.wrap(own, () => cache.wrap(`${own}:b`, inner))],
    [
      'behind a timer',
      (inner) =>
        cache.wrap(own, () => new Promise((resolve) => setTimeout(() => resolve(inner()), 10))),
    ],
    [
      'after deleting it',
      (inner) =>
        cache.wrap(own, async () => {
          await cache.delete(own)
          return inner()
        }),
    ],
  ])('%s is told at once', async (_name, outer) => {
    const asked = Promise.race([outer(() => cache.wrap(own, () => 1)), waitFor(() => false)])
    await expect(asked).rejects.toMatchObject(waits)
    const many = outer(async () => (await cache.wrapMany([`${own}:c`, own], () => [1, 2])).size)
    await expect(many).rejects.toMatchObject(waits)
    // Nothing is held by it any more.
    expect(await cache.wrap(own, () => 'free')).toBe('free')
  })

  test('through values near by is told at once', async () => {
    await using near = new MemcacheClient({ servers: server.address, near: { max: 10, ttl: 60 } })
    const inner = (): Promise<number> => near.wrap(own, () => 1)
    await expect(near.wrap(own, inner)).rejects.toMatchObject(waits)
  })

  test('in the background is told by the event', async () => {
    const options = { ttl: 600, refreshAhead: 599 }
    await cache.wrap(own, () => 'old', { ttl: 300 })
    const reasons: unknown[] = []
    cache.on('refresh:failed', ({ error }) => reasons.push(error))
    expect(await cache.wrap(own, () => cache.wrap(own, () => 'new'), options)).toBe('old')
    await waitFor(() => reasons.length > 0)
    expect(reasons[0]).toMatchObject(waits)
  })

  test('through another client of the same servers is told at once', async () => {
    await using other = new MemcacheClient(server.address)
    const start = performance.now()
    const asked = cache.wrap(own, () => other.wrap(own, () => 1))
    await expect(asked).rejects.toMatchObject(waits)
    expect(performance.now() - start).toBeLessThan(5_000)
  })
})

test('two loads that wait for each other are told', async () => {
  const [a, b] = [`${own}:a`, `${own}:b`]
  const crossing = (mine: string, others: string): Promise<unknown> =>
    cache.wrap(mine, async () => {
      loading += 1
      await waitFor(() => loading === 2)
      return cache.wrap(others, () => 'never')
    })
  let loading = 0
  const outcomes = await Promise.allSettled([crossing(a, b), crossing(b, a)])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: waits })
})

test('a load may wrap other keys, and the same one of other servers', async () => {
  await using second = await startMemcached()
  await using old = new MemcacheClient(second.address)
  await old.set(own, 'from the old servers')
  const load = async (): Promise<string[]> => [
    await cache.wrap(`${own}:part`, () => 'part'),
    await old.wrap(own, () => 'loaded'),
  ]
  expect(await cache.wrap(own, load)).toEqual(['part', 'from the old servers'])
})

test('what was begun by a load may wrap its key when the load is over', async () => {
  let later: Promise<unknown> | undefined
  let over = (): void => {}
  const end = new Promise<void>((resolve) => {
    over = resolve
  })
  const load = (): string => {
    later = end.then(() => cache.wrap(own, () => 'loaded again'))
    return 'loaded'
  }
  expect(await cache.wrap(own, load)).toBe('loaded')
  over()
  expect(await later).toBe('loaded')
})

test('a load runs among the asynchronous contexts of its caller', async () => {
  const contexts = new AsyncLocalStorage<string>()
  const seen = (): string | undefined => contexts.getStore()
  for (const name of ['first', 'second']) {
    const asked = contexts.run(name, () => cache.wrap(`${own}:${name}`, seen))
    expect(await asked).toBe(name)
  }
})
