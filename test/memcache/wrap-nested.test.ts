import { AsyncLocalStorage } from 'node:async_hooks'
import { MemcacheClient } from '@glammp/memcache'
import { beforeEach, describe, expect } from 'vitest'
import { test } from '../support/memcache.js'
import { startMemcached } from '../support/memcached.js'
import { waitFor } from '../support/wait.js'

let key = 0
/** A key that no other test has. */
let own: string
beforeEach(() => {
  key += 1
  own = `nested:${key}`
})

const waits = { name: 'TypeError', message: /would wait for itself/ }

describe('a load that wraps its own key', () => {
  test.for<[string, (cache: MemcacheClient, inner: () => Promise<unknown>) => Promise<unknown>]>([
    ['by wrap', (cache, inner) => cache.wrap(own, inner)],
    [
      'by wrapMany',
      (cache, inner) => cache.wrapMany([own, `${own}:b`], async () => [await inner(), 1]),
    ],
    [
      'by a wrap in between',
      (cache, inner) => cache.wrap(own, () => cache.wrap(`${own}:b`, inner)),
    ],
    [
      'behind a timer',
      (cache, inner) =>
        cache.wrap(own, () => new Promise((resolve) => setTimeout(() => resolve(inner()), 10))),
    ],
    [
      'after deleting it',
      (cache, inner) =>
        cache.wrap(own, async () => {
          await cache.delete(own)
          return inner()
        }),
    ],
  ])('%s is told at once', async ([_name, outer], { cache }) => {
    const asked = Promise.race([outer(cache, () => cache.wrap(own, () => 1)), waitFor(() => false)])
    await expect(asked).rejects.toMatchObject(waits)
    const many = outer(
      cache,
      async () => (await cache.wrapMany([`${own}:c`, own], () => [1, 2])).size,
    )
    await expect(many).rejects.toMatchObject(waits)
    // Nothing is held by it any more.
    expect(await cache.wrap(own, () => 'free')).toBe('free')
  })

  test('through values near by is told at once', async ({ server }) => {
    await using near = new MemcacheClient({ servers: server.address, near: { max: 10, ttl: 60 } })
    const inner = (): Promise<number> => near.wrap(own, () => 1)
    await expect(near.wrap(own, inner)).rejects.toMatchObject(waits)
  })

  test('in the background is told by the event', async ({ cache }) => {
    const options = { ttl: 600, refreshAhead: 599 }
    await cache.wrap(own, () => 'old', { ttl: 300 })
    const reasons: unknown[] = []
    cache.on('refresh:failed', ({ error }) => reasons.push(error))
    expect(await cache.wrap(own, () => cache.wrap(own, () => 'new'), options)).toBe('old')
    await waitFor(() => reasons.length > 0)
    expect(reasons[0]).toMatchObject(waits)
  })

  test('through another client of the same servers is told at once', async ({ server, cache }) => {
    await using other = new MemcacheClient(server.address)
    const start = performance.now()
    const asked = cache.wrap(own, () => other.wrap(own, () => 1))
    await expect(asked).rejects.toMatchObject(waits)
    expect(performance.now() - start).toBeLessThan(5_000)
  })
})

test('two loads that wait for each other are told', async ({ cache }) => {
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

test('a load may wrap other keys, and the same one of other servers', async ({ cache }) => {
  await using second = await startMemcached()
  await using old = new MemcacheClient(second.address)
  await old.set(own, 'from the old servers')
  const load = async (): Promise<string[]> => [
    await cache.wrap(`${own}:part`, () => 'part'),
    await old.wrap(own, () => 'loaded'),
  ]
  expect(await cache.wrap(own, load)).toEqual(['part', 'from the old servers'])
})

test('what was begun by a load may wrap its key when the load is over', async ({ cache }) => {
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

test('a load runs among the asynchronous contexts of its caller', async ({ cache }) => {
  const contexts = new AsyncLocalStorage<string>()
  const seen = (): string | undefined => contexts.getStore()
  for (const name of ['first', 'second']) {
    const asked = contexts.run(name, () => cache.wrap(`${own}:${name}`, seen))
    expect(await asked).toBe(name)
  }
})
