import { MemcacheClient } from '@glammp/memcache'
import { describe, expect } from 'vitest'
import { held } from '../support/held.js'
import { test as base } from '../support/memcache.js'
import { waitFor } from '../support/wait.js'

const test = base.extend('cache', { scope: 'file' }, ({ server }, { onCleanup }) => {
  const cache = new MemcacheClient({ servers: server.address, near: { max: 100, ttl: 60 } })
  onCleanup(() => cache.close())
  return cache
})

const never = (): never => {
  throw new Error('loaded')
}

describe('near', () => {
  test('serves wrap and wrapMany without asking the server', async ({ cache, other }) => {
    await cache.wrap('near', () => 'old', { ttl: 60 })
    await other.set('near', 'changed elsewhere')
    expect(await cache.wrap('near', never)).toBe('old')
    expect((await cache.wrapMany(['near'], never)).get('near')).toBe('old')
    expect(await cache.get('near')).toBe('changed elsewhere')
  })

  test('keeps hits as well as what was loaded', async ({ cache, other }) => {
    await other.set('hit', 'first')
    expect(await cache.wrap('hit', never)).toBe('first')
    await other.set('hit', 'second')
    expect(await cache.wrap('hit', never)).toBe('first')
  })

  test.for<[string, (cache: MemcacheClient, key: string) => Promise<unknown>, unknown]>([
    ['set', (cache, key) => cache.set(key, 5), 5],
    ['setMany', (cache, key) => cache.setMany([[key, 5]]), 5],
    ['replace', (cache, key) => cache.replace(key, 5), 5],
    ['increment', (cache, key) => cache.increment(key), 2],
    ['append', (cache, key) => cache.append(key, '0'), 10],
    ['delete', (cache, key) => cache.delete(key), 'loaded'],
    ['deleteMany', (cache, key) => cache.deleteMany([key]), 'loaded'],
    ['invalidate', (cache, key) => cache.invalidate(key), 'loaded'],
    ['flushAll', (cache) => cache.flushAll(), 'loaded'],
    ['a tag', (cache) => cache.tag('near-tag').invalidate(), 'loaded'],
  ])('%s of the same client is seen at once', async ([name, change, expected], { cache }) => {
    const key = `changed-by-${name.replaceAll(' ', '-')}`
    // Only the tag's own test reads and writes under it: its values carry a header.
    const options = name === 'a tag' ? { tags: ['near-tag'] } : {}
    await cache.wrap<unknown>(key, () => 1, options)
    await change(cache, key)
    expect(await cache.wrap<unknown>(key, () => 'loaded', options)).toBe(expected)
  })

  test('a value that was asked for before a change does not come back after it', async ({
    cache,
  }) => {
    const loading = held()
    const asked = cache.wrap('raced', loading.load)
    await loading.begun
    await cache.set('raced', 'new')
    loading.end('old')
    expect(await asked).toBe('old')
    expect(await cache.wrap('raced', never)).toBe('new')
  })

  test('a stale value is not kept', async ({ cache, other }) => {
    await other.set('stale', 'old')
    await other.invalidate('stale')
    const loading = held()
    const asked = other.wrap('stale', loading.load)
    await loading.begun
    expect(await cache.wrap('stale', never)).toBe('old')
    loading.end('new')
    await asked
    expect(await cache.wrap('stale', never)).toBe('new')
  })

  test('entries end with near.ttl, and never outlive the ttl of the value', async ({
    server,
    cache,
    other,
  }) => {
    const near = { max: 10, ttl: 1 }
    await using short = new MemcacheClient({ servers: server.address, near })
    await short.wrap('short', () => 'old')
    await other.set('short', 'new')
    expect(await short.wrap('short', never)).toBe('old')
    await waitFor(async () => (await short.wrap('short', never)) === 'new')
    // The client's entries may live 60 s.
    await cache.wrap('ttl', () => 'old', { ttl: 1 })
    await waitFor(async () => (await cache.wrap('ttl', () => 'new', { ttl: 1 })) === 'new')
  })

  test('a value with a Date as its ttl ends with it', async ({ cache, other }) => {
    const end = new Date(Date.now() + 2_000)
    await cache.wrap('dated', () => 'old', { ttl: end })
    await other.set('dated', 'new')
    // Of a busy machine it may be over already.
    const found = await cache.wrap('dated', never, { ttl: end })
    if (Date.now() < end.getTime()) expect(found).toBe('old')
    // The two clocks of a process differ by less than that.
    await waitFor(() => Date.now() > end.getTime() + 50)
    expect(await cache.wrap('dated', never, { ttl: end })).toBe('new')
  })

  test('what others stored for less than the ttl of wrap ends with the item', async ({
    cache,
    other,
  }) => {
    await other.set('brief', 'old', 2)
    expect(await cache.wrap('brief', never, { ttl: 600 })).toBe('old')
    await waitFor(async () => (await other.get('brief')) === undefined)
    expect(await cache.wrap('brief', () => 'new', { ttl: 600 })).toBe('new')
  })

  test('a value is asked for again in time for refreshAhead', async ({ cache, other }) => {
    const options = { ttl: 600, refreshAhead: 599 }
    await cache.wrap('ahead', () => 'old', options)
    await waitFor(async () => {
      await cache.wrap('ahead', () => 'new', options)
      return (await other.get('ahead')) === 'new'
    })
  })

  test('at most max values are kept', async ({ server, other }) => {
    await using small = new MemcacheClient({ servers: server.address, near: { max: 2, ttl: 60 } })
    for (const key of ['a', 'b', 'c']) await small.wrap(key, () => 'old')
    for (const key of ['a', 'b', 'c']) await other.set(key, 'new')
    const found = await small.wrapMany(['a', 'b', 'c'], never)
    expect([...found.values()]).toEqual(['new', 'old', 'old'])
  })

  test('a cache in the process', async ({ server, other }) => {
    await using near = new MemcacheClient({ servers: server.address, near: { max: 10, ttl: 60 } })
    await near.wrap('process', () => 'old')
    await other.set('process', 'new')
    expect(await near.wrap('process', never)).toBe('old')
    await near.delete('process')
    expect(await near.wrap('process', () => 'newer')).toBe('newer')
  })

  test.each([
    { max: 0, ttl: 1 },
    { max: 1.5, ttl: 1 },
    { max: 1, ttl: 0 },
    { max: 1, ttl: Number.NaN },
  ])('%o is a RangeError', (near) => {
    expect(() => new MemcacheClient({ near })).toThrow(RangeError)
  })
})
