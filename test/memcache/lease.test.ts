import { setTimeout as sleep } from 'node:timers/promises'
import { MemcacheClient, type MemcacheOptions } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { held } from '../support/held.js'
import { test } from '../support/memcache.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { startProxy } from '../support/proxy.js'
import { serversAreControllable, serversAreReal, spoken } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'
import { pastEnd } from './past-end.js'

describe.concurrent.each(spoken(['meta', 'classic', 'binary']))('leases on %s', (protocol) => {
  let server: MemcachedServer
  let cache: MemcacheClient
  let other: MemcacheClient
  beforeAll(async () => {
    server = await startMemcached()
    cache = new MemcacheClient({ servers: server.address, protocol })
    other = new MemcacheClient({ servers: server.address, protocol })
  })
  afterAll(async () => {
    await Promise.all([cache.close(), other.close()])
    await server.stop()
  })

  const key = (name: string): string => `${protocol}:${name}`

  test.sequential('a value that was invalidated while it was loaded is not stored', async () => {
    const hold = held()
    const asked = cache.wrap(key('overtaken'), hold.load, { ttl: 60 })
    await hold.begun
    await other.invalidate(key('overtaken'))
    hold.end('before the change')
    expect(await asked).toBe('before the change')
    expect(await other.get(key('overtaken'))).toBeUndefined()
    expect(await cache.wrap(key('overtaken'), () => 'after', { ttl: 60 })).toBe('after')
    expect(await other.get(key('overtaken'))).toBe('after')
  })

  test.sequential('after invalidate a process does not join the load that was under way', async () => {
    const hold = held()
    const before = cache.wrap(key('joined'), hold.load, { ttl: 60 })
    await hold.begun
    await cache.invalidate(key('joined'))
    expect(await cache.wrap(key('joined'), () => 'new', { ttl: 60 })).toBe('new')
    hold.end('old')
    expect(await before).toBe('old')
    expect(await cache.get(key('joined'))).toBe('new')
  })

  test.sequential('what somebody set while it was loaded stays', async () => {
    const hold = held()
    const asked = cache.wrap(key('set'), hold.load, { ttl: 60 })
    await hold.begun
    await other.set(key('set'), 'set', 60)
    hold.end('loaded')
    expect(await asked).toBe('loaded')
    expect(await other.get(key('set'))).toBe('set')
  })

  test.sequential('an error of load lets the next process load at once', async () => {
    const hold = held()
    const failing = cache.wrap(key('error'), hold.load)
    await hold.begun
    const start = performance.now()
    const waiting = other.wrap(key('error'), () => 'works', { ttl: 60 })
    hold.fail(new Error('database is down'))
    await expect(failing).rejects.toThrow('database is down')
    expect(await waiting).toBe('works')
    expect(performance.now() - start).toBeLessThan(5_000)
  })

  test.sequential('a value that cannot be stored lets the next process load at once', async () => {
    const large = Buffer.alloc(2_000_000)
    expect(await cache.wrap(key('large'), () => large)).toBe(large)
    const start = performance.now()
    expect(await other.wrap(key('large'), () => 'small', { ttl: 60 })).toBe('small')
    expect(performance.now() - start).toBeLessThan(5_000)
  })

  test.sequential('an error while an old value is refreshed costs nobody anything', async () => {
    const options = { ttl: 1, stale: 60 }
    await cache.wrap(key('refresh'), () => 'old', options)
    await pastEnd(other, key('refresh'), options)
    const failures: unknown[] = []
    cache.on('refresh:failed', (event) => failures.push(event))
    const error = new Error('database is down')
    const failing = (): string => {
      throw error
    }
    expect(await cache.wrap(key('refresh'), failing, options)).toBe('old')
    await waitFor(() => failures.length > 0)
    expect(failures).toEqual([{ key: key('refresh'), error, delay: expect.any(Number) }])
    expect(await other.wrap(key('refresh'), () => 'new', options)).toBe('old')
    await waitFor(async () => (await other.get(key('refresh'))) === 'new')
  })

  test.sequential('a load that takes longer than its lease is overtaken, and not stored', async () => {
    const hold = held()
    const options = { ttl: 60, lease: 1 }
    const slow = cache.wrap(key('slow'), hold.load, options)
    await hold.begun
    const start = performance.now()
    expect(await other.wrap(key('slow'), () => 'mine', options)).toBe('mine')
    expect(performance.now() - start).toBeLessThan(8_000)
    hold.end('late')
    expect(await slow).toBe('late')
    expect(await other.get(key('slow'))).toBe('mine')
  })

  test.sequential('a caller does not wait for ever for others: it loads in the end, without storing', async () => {
    // With one thread, so that nobody gets in between two commands of one write.
    await using own = await startMemcached({ args: ['-t', '1'] })
    await using raw = new MemcacheClient({ servers: own.address, protocol: 'meta' })
    await using caller = new MemcacheClient({ servers: own.address, protocol })
    const lock = key('thief')
    let thefts = 0
    let over = false
    const steal = async (): Promise<void> => {
      // One winner after the other, and none of them stores.
      while (!over) {
        await raw.set(`glammp:lock:${lock}`, 'somebody', 30)
        thefts += 1
        await sleep(5)
      }
    }
    const stealing = steal()
    await waitFor(() => thefts > 0)
    const start = performance.now()
    expect(await caller.wrap(lock, () => 'mine', { ttl: 60, lease: 1 })).toBe('mine')
    expect(performance.now() - start).toBeGreaterThan(3_500)
    expect(performance.now() - start).toBeLessThan(10_000)
    over = true
    await stealing
    expect(await raw.get(lock)).not.toBe('mine')
  })

  test.sequential('to all other commands a key that is being loaded does not exist', async () => {
    const hold = held()
    const name = key('nothing')
    const asked = cache.wrap(name, hold.load, { ttl: 60 })
    await hold.begun
    expect(await other.append(name, 'x')).toBe(false)
    expect(await other.prepend(name, 'x')).toBe(false)
    expect(await other.replace(name, 'x')).toBe(false)
    expect(await other.increment(name)).toBeUndefined()
    expect(await other.touch(name, 60)).toBe(false)
    expect(await other.get(name)).toBeUndefined()
    expect(await other.getAndTouch(name, 60)).toBeUndefined()
    expect(await other.getMany([name])).toEqual(new Map())
    hold.end('value')
    expect(await asked).toBe('value')
    expect(await other.get(name)).toBe('value')
    expect(await other.get(`glammp:lock:${name}`)).toBeUndefined()
  })

  test.sequential.each(['delete', 'deleteMany', 'invalidate', 'flushAll'] as const)(
    'what was loaded before %s is not stored after it',
    async (how) => {
      const hold = held()
      const name = key(how)
      const asked = cache.wrap(name, hold.load, { ttl: 60 })
      await hold.begun
      if (how === 'deleteMany') expect(await other.deleteMany([name])).toBe(0)
      else if (how === 'flushAll') await other.flushAll()
      else expect(await other[how](name)).toBe(false)
      hold.end('old')
      expect(await asked).toBe('old')
      expect(await other.get(name)).toBeUndefined()
      expect(await other.wrap(name, () => 'new', { ttl: 60 })).toBe('new')
    },
  )

  test.sequential('what set stored is not old for its ttl alone', async () => {
    await other.set(key('recent'), 'set', 60)
    const never = (): never => {
      throw new Error('loaded')
    }
    expect(await cache.wrap(key('recent'), never, { ttl: 60, stale: 300 })).toBe('set')
  })

  test
    .skipIf(!serversAreReal)
    .sequential('on a server without cas one caller loads, and the value is stored', async () => {
      await using own = await startMemcached({ args: ['-C'] })
      await using caller = new MemcacheClient({ servers: own.address, protocol })
      let loads = 0
      for (let call = 0; call < 5; call += 1) await caller.wrap('k', () => ++loads, { ttl: 60 })
      expect(loads).toBe(1)
      expect(await caller.get('glammp:lock:k')).toBeUndefined()
    })

  test.sequential('a value that cannot be decoded is loaded once by all', async () => {
    const writer = new MemcacheClient({ servers: server.address, protocol: 'meta' })
    await writer.meta.set(key('garbage'), 'xx', 'F4')
    await writer.close()
    let loads = 0
    const load = async (): Promise<string> => {
      loads += 1
      await sleep(200)
      return 'value'
    }
    const clients = [cache, other]
    const values = await Promise.all(clients.map((each) => each.wrap(key('garbage'), load)))
    expect(values).toEqual(['value', 'value'])
    expect(loads).toBe(1)
    expect(await other.get(key('garbage'))).toBe('value')
  })
})

test('a stub that some program made to stay for ever is taken over', async ({ server }) => {
  await using cache = new MemcacheClient({ servers: server.address, protocol: 'meta' })
  await cache.meta.get('eternal', 'v N0')
  expect(await cache.wrap('eternal', () => 'value', { lease: 1 })).toBe('value')
  expect(await cache.get('eternal')).toBe('value')
})

test.skipIf(!serversAreControllable)(
  'with failover one process loads for all while the server of the key is down',
  async () => {
    await using first = await startMemcached()
    await using second = await startMemcached()
    const servers = [first.address, second.address]
    await using cache = new MemcacheClient({ servers, failover: 'next' })
    await using other = new MemcacheClient({ servers, failover: 'next' })
    await cache.wrap('moving', () => 'old')
    await other.wrap('moving', () => 'never')
    await (cache.serverFor('moving') === first.address ? first : second).kill()
    let loads = 0
    const load = async (): Promise<string> => {
      loads += 1
      await sleep(500)
      return 'new'
    }
    const clients = [cache, other]
    expect(await Promise.all(clients.map((each) => each.wrap('moving', load)))).toEqual([
      'new',
      'new',
    ])
    expect(await Promise.all(clients.map((each) => each.wrap('moving', load)))).toEqual([
      'new',
      'new',
    ])
    expect(loads).toBe(1)
  },
)

test('a connection that was closed while it was idle costs nothing', async ({ server }) => {
  await using proxy = await startProxy(server.address)
  await using cache = new MemcacheClient({ servers: proxy.address, protocol: 'meta' })
  await cache.wrap('idle', () => 'value')
  proxy.cut()
  const load = (): never => {
    throw new Error('loaded')
  }
  expect(await cache.wrap('idle', load, { onError: 'throw' })).toBe('value')
})

const loadsOnce = async (options: MemcacheOptions): Promise<void> => {
  await using first = new MemcacheClient(options)
  await using second = new MemcacheClient(options)
  let loads = 0
  const load = async (): Promise<number> => {
    await sleep(200)
    loads += 1
    return loads
  }
  const key = `once:${options.protocol}`
  const calls = Array.from({ length: 20 }, (_, index) => (index % 2 ? first : second))
  expect(await Promise.all(calls.map((each) => each.wrap(key, load)))).toEqual(calls.map(() => 1))
}
test('one load at a time across processes', ({ server }) =>
  loadsOnce({ servers: server.address, protocol: 'meta' }))
test('the same without meta commands', ({ server }) =>
  loadsOnce({ servers: server.address, protocol: 'classic' }))
