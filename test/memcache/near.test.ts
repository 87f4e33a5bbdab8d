import { MemcacheClient } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { held } from '../support/held.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { waitFor } from '../support/wait.js'

let server: MemcachedServer
let cache: MemcacheClient
let other: MemcacheClient
beforeAll(async () => {
  server = await startMemcached()
  cache = new MemcacheClient({ servers: server.address, near: { max: 100, ttl: 60 } })
  other = new MemcacheClient(server.address)
})
afterAll(async () => {
  await Promise.all([cache.close(), other.close()])
  await server.stop()
})

const never = (): never => {
  throw new Error('loaded')
}

describe('near', () => {
  test('serves wrap and wrapMany without asking the server', async () => {
    await cache.wrap('near', () => 'old', { ttl: 60 })
    await other.set('near', 'changed elsewhere')
    expect(await cache.wrap('near', never)).toBe('old')
    expect((await cache.wrapMany(['near'], never)).get('near')).toBe('old')
    expect(await cache.get('near')).toBe('changed elsewhere')
  })

  test('keeps hits as well as what was loaded', async () => {
    await other.set('hit', 'first')
    expect(await cache.wrap('hit', never)).toBe('first')
    await other.set('hit', 'second')
    expect(await cache.wrap('hit', never)).toBe('first')
  })

  test.each<[string, (key: string) => Promise<unknown>, unknown]>([
    ['set', (key) => cache.set(key, 5), 5],
    ['setMany', (key) => cache.setMany([[key, 5]]), 5],
    ['replace', (key) => cache.replace(key, 5), 5],
    ['increment', (key) => cache.increment(key), 2],
    ['append', (key) => cache.append(key, '0'), 10],
    ['delete', (key) => cache.delete(key), 'loaded'],
    ['deleteMany', (key) => cache.deleteMany([key]), 'loaded'],
    ['invalidate', (key) => cache.invalidate(key), 'loaded'],
    ['flushAll', () => cache.flushAll(), 'loaded'],
    ['a tag', () => cache.tag('near-tag').invalidate(), 'loaded'],
  ])('%s of the same client is seen at once', async (name, change, expected) => {
    const key = `changed-by-${name.replaceAll(' ', '-')}`
    // Only the tag's own test reads and writes under it: its values carry a header.
    const options = name === 'a tag' ? { tags: ['near-tag'] } : {}
    await cache.wrap<unknown>(key, () => 1, options)
    await change(key)
    expect(await cache.wrap<unknown>(key, () => 'loaded', options)).toBe(expected)
  })

  test('a value that was asked for before a change does not come back after it', async () => {
    const loading = held()
    const asked = cache.wrap('raced', loading.load)
    await loading.begun
    await cache.set('raced', 'new')
    loading.end('old')
    expect(await asked).toBe('old')
    expect(await cache.wrap('raced', never)).toBe('new')
  })

  test('a stale value is not kept', async () => {
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

  test('entries end with near.ttl, and never outlive the ttl of the value', async () => {
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

  test('a value with a Date as its ttl ends with it', async () => {
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

  test('what others stored for less than the ttl of wrap ends with the item', async () => {
    await other.set('brief', 'old', 2)
    expect(await cache.wrap('brief', never, { ttl: 600 })).toBe('old')
    await waitFor(async () => (await other.get('brief')) === undefined)
    expect(await cache.wrap('brief', () => 'new', { ttl: 600 })).toBe('new')
  })

  test('a value is asked for again in time for refreshAhead', async () => {
    const options = { ttl: 600, refreshAhead: 599 }
    await cache.wrap('ahead', () => 'old', options)
    await waitFor(async () => {
      await cache.wrap('ahead', () => 'new', options)
      return (await other.get('ahead')) === 'new'
    })
  })

  test('at most max values are kept', async () => {
    await using small = new MemcacheClient({ servers: server.address, near: { max: 2, ttl: 60 } })
    for (const key of ['a', 'b', 'c']) await small.wrap(key, () => 'old')
    for (const key of ['a', 'b', 'c']) await other.set(key, 'new')
    const found = await small.wrapMany(['a', 'b', 'c'], never)
    expect([...found.values()]).toEqual(['new', 'old', 'old'])
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
