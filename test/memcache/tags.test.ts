import { setTimeout as sleep } from 'node:timers/promises'
import { MemcacheClient } from '@glammp/memcache'
import { afterAll, describe, expect } from 'vitest'
import { held } from '../support/held.js'
import { test } from '../support/memcache.js'
import { startMemcached } from '../support/memcached.js'
import { serversAreControllable } from '../support/server-source.js'

describe.each(['meta', 'classic'] as const)('tags on %s', (protocol) => {
  let cache: MemcacheClient
  let other: MemcacheClient
  test.beforeAll(({ addresses }) => {
    cache = new MemcacheClient({ servers: addresses, protocol, namespace: `${protocol}:` })
    other = new MemcacheClient({ servers: addresses, protocol, namespace: `${protocol}:` })
  })
  afterAll(() => Promise.all([cache.close(), other.close()]))

  const keys = Array.from({ length: 50 }, (_, index) => `page:${index}`)
  const wrapAll = (client: MemcacheClient, value: string, tags: string[]): Promise<string[]> =>
    Promise.all(keys.map((key) => client.wrap(key, () => value, { ttl: 60, tags })))

  test('one call makes all keys with the tag miss at once, in every process', async () => {
    expect(new Set(await wrapAll(cache, 'old', ['user:7', 'pages']))).toEqual(new Set(['old']))
    expect(new Set(await wrapAll(other, 'never', ['pages', 'user:7']))).toEqual(new Set(['old']))
    await cache.tag('user:7').invalidate()
    expect(new Set(await wrapAll(other, 'new', ['user:7', 'pages']))).toEqual(new Set(['new']))
    expect(new Set(await wrapAll(cache, 'never', ['user:7', 'pages']))).toEqual(new Set(['new']))
  })

  test('a key without the tag stays', async () => {
    await cache.wrap('untouched', () => 'old', { tags: ['a'] })
    await cache.wrap('tagless', () => 'old')
    await cache.tag('b').invalidate()
    expect(await other.wrap('untouched', () => 'new', { tags: ['a'] })).toBe('old')
    expect(await other.wrap('tagless', () => 'new')).toBe('old')
  })

  test('a value that was made under fewer tags is a miss', async () => {
    await cache.wrap('more', () => 'old', { tags: ['a'] })
    expect(await other.wrap('more', () => 'new', { tags: ['a', 'c'] })).toBe('new')
  })

  test('a tag with the name of a list is not that list', async () => {
    const both = (client: MemcacheClient, value: string): Promise<string[]> =>
      Promise.all([
        client.wrap('one:tag', () => value, { tags: ['["l1","l2"]'] }),
        client.wrap('two:tags', () => value, { tags: ['l1', 'l2'] }),
      ])
    await both(cache, 'old')
    await cache.tag('l1').invalidate()
    expect(await both(other, 'new')).toEqual(['old', 'new'])
  })

  test('after an invalidation one process loads, the others wait for it', async () => {
    await cache.wrap('herd', () => 'old', { tags: ['h'] })
    await cache.tag('h').invalidate()
    let loads = 0
    const load = async (): Promise<string> => {
      loads += 1
      await sleep(200)
      return 'new'
    }
    const values = await Promise.all(
      [cache, other].map((client) => client.wrap('herd', load, { tags: ['h'] })),
    )
    expect(values).toEqual(['new', 'new'])
    expect(loads).toBe(1)
  })

  test('an invalidation during the load makes what was loaded a miss', async () => {
    const tags = ['during']
    // The load goes on: who comes after the invalidation waits for the end of its lease.
    const lease = 1
    const loading = held()
    const asked = cache.wrap('during', loading.load, { tags, lease })
    await loading.begun
    await other.tag('during').invalidate()
    await cache.tag('during').invalidate()
    expect(await cache.wrap('during', () => 'new', { tags, lease })).toBe('new')
    loading.end('old')
    expect(await asked).toBe('old')
    expect(await other.wrap('during', () => 'newer', { tags })).toBe('new')
  })

  test('a tag that memcached has lost makes nothing valid again', async () => {
    const tags = ['lost']
    await cache.wrap('lost', () => 'old', { tags })
    await cache.tag('lost').invalidate()
    expect(await cache.delete('glammp:tag:lost')).toBe(true)
    expect(await cache.wrap('lost', () => 'new', { tags })).toBe('new')
    expect(await cache.delete('glammp:tag:lost')).toBe(true)
    expect(await cache.wrap('lost', () => 'newer', { tags })).toBe('newer')
  })

  test('get reads a tagged value as it is', async () => {
    const values = ['text', '', 42, false, null, { nome: 'Ivo' }, Buffer.from([1, 2, 3])]
    for (const value of values) {
      await cache.delete('tagged')
      await cache.wrap('tagged', () => value, { tags: ['t'], negativeTtl: 60 })
      expect(await other.get('tagged')).toEqual(value)
      expect(await other.wrap('tagged', () => 'never', { tags: ['t'] })).toEqual(value)
    }
  })

  test('many tags of any text work', async () => {
    const tags = Array.from({ length: 40 }, (_, index) => `${'á'.repeat(90)}${index}`)
    tags.push('two words', ' two words', 'line\r\nend', '\0', '\ud800', '\udbff')
    await cache.wrap('many-tags', () => 'old', { tags })
    expect(await other.wrap('many-tags', () => 'new', { tags })).toBe('old')
    for (const tag of [
      tags[20] as string,
      'two words',
      ' two words',
      'line\r\nend',
      '\0',
      '\ud800',
    ]) {
      await cache.tag(tag).invalidate()
      expect(await other.wrap('many-tags', () => `after ${JSON.stringify(tag)}`, { tags })).toBe(
        `after ${JSON.stringify(tag)}`,
      )
      expect(await cache.wrap('many-tags', () => 'never', { tags })).toBe(
        `after ${JSON.stringify(tag)}`,
      )
    }
  })

  test('invalidateNamespace makes every wrapped key of the namespace miss', async ({
    addresses,
  }) => {
    const options = { servers: addresses, protocol, namespace: `${protocol}2:` } as const
    await using whole = new MemcacheClient({ ...options, namespaceVersion: true })
    for (const key of keys) await whole.wrap(key, () => 'old', { tags: ['x'] })
    await whole.invalidateNamespace()
    const found = await whole.wrapMany(keys, (missing) => missing.map(() => 'new'), { tags: ['x'] })
    expect(new Set(found.values())).toEqual(new Set(['new']))
    await expect(cache.invalidateNamespace()).rejects.toBeInstanceOf(TypeError)
  })
})

test.skipIf(!serversAreControllable)(
  'while the server of a tag is away its keys are loaded, and it cannot be invalidated',
  async () => {
    await using first = await startMemcached()
    await using second = await startMemcached()
    const servers = [first.address, second.address]
    await using cache = new MemcacheClient({ servers, failover: 'next', timeout: 500 })
    const tags = ['away']
    const home = cache.serverFor('glammp:tag:away') === first.address ? first : second
    await cache.wrap('key', () => 'old', { tags })
    await home.kill()
    expect(await cache.wrap('key', () => 'loaded', { tags })).toBe('loaded')
    const thrown = cache.wrap('key', () => 'never', { tags, onError: 'throw' })
    await expect(thrown).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CONNECTION' })
    await expect(cache.tag('away').invalidate()).rejects.toMatchObject({
      code: 'ERR_MEMCACHE_CONNECTION',
    })
  },
)

test('tags', async ({ addresses }) => {
  await using cache = new MemcacheClient(addresses)
  await using other = new MemcacheClient(addresses)
  await cache.wrap('tagged', () => 'old', { tags: ['user:7'] })
  await other.tag('user:7').invalidate()
  expect(await cache.wrap('tagged', () => 'new', { tags: ['user:7'] })).toBe('new')
})
