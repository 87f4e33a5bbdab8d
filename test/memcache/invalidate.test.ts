import { MemcacheClient } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { held } from '../support/held.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { waitFor } from '../support/wait.js'

let server: MemcachedServer
let cache: MemcacheClient
let other: MemcacheClient
let classic: MemcacheClient
beforeAll(async () => {
  server = await startMemcached()
  cache = new MemcacheClient({ servers: server.address, protocol: 'meta' })
  other = new MemcacheClient({ servers: server.address, protocol: 'meta' })
  classic = new MemcacheClient({ servers: server.address, protocol: 'classic' })
})
afterAll(async () => {
  await Promise.all([cache.close(), other.close(), classic.close()])
  await server.stop()
})

describe('invalidate', () => {
  test('the next wrap loads and waits for it, the others get the old value meanwhile', async () => {
    await cache.set('news', 'old')
    expect(await cache.invalidate('news')).toBe(true)
    let end = (_value: string): void => {}
    const loaded = new Promise<string>((resolve) => {
      end = resolve
    })
    let loads = 0
    const load = (): Promise<string> => {
      loads += 1
      return loaded
    }
    const first = cache.wrap('news', load)
    await waitFor(() => loads === 1)
    expect(await other.wrap('news', load)).toBe('old')
    expect(await cache.wrap('news', load)).toBe('old')
    expect(await other.get('news')).toBe('old')
    end('new')
    expect(await first).toBe('new')
    expect(await other.wrap('news', load)).toBe('new')
    expect(loads).toBe(1)
  })

  test('an item that nobody asks for is gone when its stale time is over', async () => {
    await cache.set('quiet', 'old')
    await cache.invalidate('quiet', { stale: 1 })
    await waitFor(async () => (await cache.get('quiet')) === undefined)
  })

  test('an empty string that was invalidated is still one to those who read', async () => {
    await cache.set('empty', '')
    await cache.invalidate('empty')
    for (const _ of [1, 2]) expect(await cache.get('empty')).toBe('')
    expect(await cache.wrap('empty', () => 'new')).toBe('new')
  })

  test('a missing item is false', async () => {
    expect(await cache.invalidate('nowhere')).toBe(false)
    expect(await classic.invalidate('nowhere')).toBe(false)
  })

  test('on the classic protocol it deletes', async () => {
    await classic.set('gone', 'old')
    expect(await classic.invalidate('gone')).toBe(true)
    expect(await classic.get('gone')).toBeUndefined()
  })

  test('an error of load leaves the item stale for the next', async () => {
    await cache.set('failing', 'old')
    await cache.invalidate('failing')
    const failing = (): never => {
      throw new Error('database is down')
    }
    await expect(cache.wrap('failing', failing)).rejects.toThrow('database is down')
    expect(await other.wrap('failing', () => 'new')).toBe('new')
  })

  test.each([0, -1, 1.5])('a stale time of %s is a RangeError', async (stale) => {
    await expect(cache.invalidate('news', { stale })).rejects.toBeInstanceOf(RangeError)
  })

  test.each([
    ['get', (key: string) => cache.get(key)],
    ['gets', (key: string) => cache.gets(key)],
    ['getMany', (key: string) => cache.getMany([key])],
    ['getAndTouch', (key: string) => cache.getAndTouch(key, 30)],
    ['touch', (key: string) => cache.touch(key, 30)],
  ])('a plain %s does not take the recomputation away from wrap', async (name, read) => {
    const key = `read-by-${name}`
    await cache.set(key, 'old')
    await cache.invalidate(key)
    await read(key)
    await read(key)
    const load = async (): Promise<string> => 'new'
    expect(await other.wrap(key, load)).toBe('new')
    await read(key)
    expect(await cache.get(key)).toBe('new')
  })

  test('false and empty strings are served while they are computed anew', async () => {
    for (const value of [false, '']) {
      const key = `empty-${value}`
      await cache.wrap(key, () => value)
      await cache.invalidate(key)
      const loading = held()
      const slow = cache.wrap<unknown>(key, loading.load)
      await loading.begun
      expect(await other.wrap(key, () => 'never')).toBe(value)
      expect(await other.get(key)).toBe(value)
      loading.end('new')
      await slow
    }
  })
})

describe('a key that is being loaded, to plain readers', () => {
  test('is a miss on every protocol, and add stores', async () => {
    let end = (_value: string): void => {}
    const loaded = new Promise<string>((resolve) => {
      end = resolve
    })
    let begun = false
    const asked = cache.wrap('loading', () => {
      begun = true
      return loaded
    })
    await waitFor(() => begun)
    expect(await other.get('loading')).toBeUndefined()
    expect(await classic.get('loading')).toBeUndefined()
    await other.set('empty', '')
    await other.set('full', 'value')
    const several = ['empty', 'loading', 'never', 'full']
    const found = { empty: '', full: 'value' }
    expect(await other.getMany(several)).toEqual(new Map(Object.entries(found)))
    expect(await classic.add('loading', 1)).toBe(true)
    end('value')
    expect(await asked).toBe('value')
    expect(await classic.get('loading')).toBe(1)
  })

  test('is a miss where leases are locks', async () => {
    const loading = held()
    const asked = classic.wrap('locked', loading.load)
    await loading.begun
    expect(await classic.get('locked')).toBeUndefined()
    loading.end('value')
    expect(await asked).toBe('value')
    expect(await classic.get('glammp:lock:locked')).toBeUndefined()
  })
})
