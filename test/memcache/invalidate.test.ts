import { MemcacheClient } from '@glammp/memcache'
import { describe, expect } from 'vitest'
import { held } from '../support/held.js'
import { test as base } from '../support/memcache.js'
import { waitFor } from '../support/wait.js'

const test = base.extend('classic', { scope: 'file' }, ({ server }, { onCleanup }) => {
  const classic = new MemcacheClient({ servers: server.address, protocol: 'classic' })
  onCleanup(() => classic.close())
  return classic
})

describe('invalidate', () => {
  test('the next wrap loads and waits for it, the others get the old value meanwhile', async ({
    cache,
    other,
  }) => {
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

  test('an item that nobody asks for is gone when its stale time is over', async ({ cache }) => {
    await cache.set('quiet', 'old')
    await cache.invalidate('quiet', { stale: 1 })
    await waitFor(async () => (await cache.get('quiet')) === undefined)
  })

  test('an empty string that was invalidated is still one to those who read', async ({ cache }) => {
    await cache.set('empty', '')
    await cache.invalidate('empty')
    for (const _ of [1, 2]) expect(await cache.get('empty')).toBe('')
    expect(await cache.wrap('empty', () => 'new')).toBe('new')
  })

  test('a missing item is false', async ({ cache, classic }) => {
    expect(await cache.invalidate('nowhere')).toBe(false)
    expect(await classic.invalidate('nowhere')).toBe(false)
  })

  test('on the classic protocol it deletes', async ({ classic }) => {
    await classic.set('gone', 'old')
    expect(await classic.invalidate('gone')).toBe(true)
    expect(await classic.get('gone')).toBeUndefined()
  })

  test('an error of load leaves the item stale for the next', async ({ cache, other }) => {
    await cache.set('failing', 'old')
    await cache.invalidate('failing')
    const failing = (): never => {
      throw new Error('database is down')
    }
    await expect(cache.wrap('failing', failing)).rejects.toThrow('database is down')
    expect(await other.wrap('failing', () => 'new')).toBe('new')
  })

  test.for([0, -1, 1.5])('a stale time of %s is a RangeError', async (stale, { cache }) => {
    await expect(cache.invalidate('news', { stale })).rejects.toBeInstanceOf(RangeError)
  })

  test.for<[string, (cache: MemcacheClient, key: string) => Promise<unknown>]>([
    ['get', (cache, key) => cache.get(key)],
    ['gets', (cache, key) => cache.gets(key)],
    ['getMany', (cache, key) => cache.getMany([key])],
    ['getAndTouch', (cache, key) => cache.getAndTouch(key, 30)],
    ['touch', (cache, key) => cache.touch(key, 30)],
  ])(
    'a plain %s does not take the recomputation away from wrap',
    async ([name, read], { cache, other }) => {
      const key = `read-by-${name}`
      await cache.set(key, 'old')
      await cache.invalidate(key)
      await read(cache, key)
      await read(cache, key)
      const load = async (): Promise<string> => 'new'
      expect(await other.wrap(key, load)).toBe('new')
      await read(cache, key)
      expect(await cache.get(key)).toBe('new')
    },
  )

  test('false and empty strings are served while they are computed anew', async ({
    cache,
    other,
  }) => {
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
  test('is a miss on every protocol, and add stores', async ({ cache, other, classic }) => {
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

  test('is a miss where leases are locks', async ({ classic }) => {
    const loading = held()
    const asked = classic.wrap('locked', loading.load)
    await loading.begun
    expect(await classic.get('locked')).toBeUndefined()
    loading.end('value')
    expect(await asked).toBe('value')
    expect(await classic.get('glammp:lock:locked')).toBeUndefined()
  })
})

test('invalidation that keeps the old value', async ({ cache, other }) => {
  await cache.set('invalid', 'old')
  expect(await cache.invalidate('invalid')).toBe(true)
  const loading = held()
  const winner = cache.wrap('invalid', loading.load)
  await loading.begun
  const never = (): never => {
    throw new Error('loaded')
  }
  expect(await other.wrap('invalid', never)).toBe('old')
  loading.end('new')
  expect(await winner).toBe('new')
})

test('invalidation of a whole namespace', async ({ server }) => {
  const options = { namespace: 'app:', namespaceVersion: true }
  await using app = new MemcacheClient({ servers: server.address, ...options })
  await app.wrap('a', () => 'old')
  await app.invalidateNamespace()
  expect(await app.wrap('a', () => 'new')).toBe('new')
})
