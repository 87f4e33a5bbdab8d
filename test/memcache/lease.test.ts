import { setTimeout as sleep } from 'node:timers/promises'
import { MemcacheClient } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { startProxy } from '../support/proxy.js'
import { serversAreControllable } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'
import { type FleetProcess, startFleetProcess } from './fleet-process.js'

let server: MemcachedServer
beforeAll(async () => {
  server = await startMemcached()
})
afterAll(() => server.stop())

const PROCESSES = 5
const CALLERS = 100

describe.each(['meta', 'classic'] as const)('leases across processes on %s', (protocol) => {
  let cache: MemcacheClient
  beforeAll(() => {
    cache = new MemcacheClient({ servers: server.address, protocol })
  })
  afterAll(() => cache.close())

  const start = (
    key: string,
    options: object,
    { count = PROCESSES, callers = CALLERS, loadTime = 1_000 } = {},
  ): Promise<FleetProcess[]> => {
    const client = { servers: server.address, protocol }
    const task = { client, key, callers, loadTime, options }
    return Promise.all(Array.from({ length: count }, () => startFleetProcess(task)))
  }

  test('500 callers of 5 processes share one load of a missing key', async () => {
    const key = `${protocol}:herd`
    const processes = await start(key, { ttl: 60 })
    for (const running of processes) running.go()
    const results = await Promise.all(processes.map((running) => running.result()))
    for (const { values } of results) expect(values).toEqual(['load 1'])
    expect(await cache.get(`${key}:loads`)).toBe(1)
    expect(Math.max(...results.map(({ slowest }) => slowest))).toBeLessThan(2_000)
  })

  test('with stale, an expired key costs one load and nobody waits', async () => {
    const key = `${protocol}:stale`
    const options = { ttl: 1, stale: 60 }
    await cache.wrap(key, () => 'old', options)
    const processes = await start(key, options)
    await sleep(2_000)
    for (const running of processes) running.go()
    const results = await Promise.all(processes.map((running) => running.result()))
    for (const { values, slowest } of results) {
      expect(values).toEqual(['old'])
      expect(slowest).toBeLessThan(200)
    }
    await waitFor(async () => (await cache.get(key)) === 'load 1', { what: 'the new value' })
    expect(await cache.get(`${key}:loads`)).toBe(1)
  })

  test('a winner that is killed is replaced by one other when its lease is over', async () => {
    const key = `${protocol}:killed`
    const options = { ttl: 60, lease: 2 }
    const [winner] = await start(key, options, { count: 1, callers: 1, loadTime: 60_000 })
    const others = await start(key, options, { count: 3, callers: 20, loadTime: 300 })
    winner?.go()
    await winner?.waitForOutput('loading')
    for (const running of others) running.go()
    await winner?.kill('SIGKILL')
    const results = await Promise.all(others.map((running) => running.result()))
    for (const { values, slowest } of results) {
      expect(values).toEqual(['load 2'])
      expect(slowest).toBeLessThan(5_000)
    }
    expect(await cache.get(`${key}:loads`)).toBe(2)
  })

  test('a winner that is killed while it refreshes an old value is replaced as well', async () => {
    const key = `${protocol}:killed-refresh`
    const options = { ttl: 1, stale: 600, lease: 1 }
    await cache.wrap(key, () => 'old', options)
    const [winner] = await start(key, options, { count: 1, callers: 1, loadTime: 60_000 })
    await sleep(2_000)
    winner?.go()
    await winner?.waitForOutput('loading')
    await winner?.kill('SIGKILL')
    const seen = new Set<string>()
    let slowest = 0
    await waitFor(
      async () => {
        const before = performance.now()
        const value = await cache.wrap(key, () => 'new', options)
        slowest = Math.max(slowest, performance.now() - before)
        seen.add(value)
        return value === 'new'
      },
      { interval: 50, what: 'the new value' },
    )
    expect([...seen]).toEqual(['old', 'new'])
    expect(slowest).toBeLessThan(200)
  })
})

describe.each(['meta', 'classic', 'binary'] as const)('leases on %s', (protocol) => {
  let cache: MemcacheClient
  let other: MemcacheClient
  beforeAll(() => {
    cache = new MemcacheClient({ servers: server.address, protocol })
    other = new MemcacheClient({ servers: server.address, protocol })
  })
  afterAll(() => Promise.all([cache.close(), other.close()]))

  const key = (name: string): string => `${protocol}:${name}`

  /** A load that ends when the test says so. */
  const held = (): {
    load: () => Promise<string>
    end: (value: string) => void
    begun: boolean
  } => {
    const hold = {
      begun: false,
      end: (_value: string): void => {},
      load: () => {
        hold.begun = true
        return result
      },
    }
    const result = new Promise<string>((resolve) => {
      hold.end = resolve
    })
    return hold
  }

  test('a value that was invalidated while it was loaded is not stored', async () => {
    const hold = held()
    const asked = cache.wrap(key('overtaken'), hold.load, { ttl: 60 })
    await waitFor(() => hold.begun)
    await other.invalidate(key('overtaken'))
    hold.end('before the change')
    expect(await asked).toBe('before the change')
    expect(await other.get(key('overtaken'))).toBeUndefined()
    expect(await cache.wrap(key('overtaken'), () => 'after', { ttl: 60 })).toBe('after')
    expect(await other.get(key('overtaken'))).toBe('after')
  })

  test('after invalidate a process does not join the load that was under way', async () => {
    const hold = held()
    const before = cache.wrap(key('joined'), hold.load, { ttl: 60 })
    await waitFor(() => hold.begun)
    await cache.invalidate(key('joined'))
    expect(await cache.wrap(key('joined'), () => 'new', { ttl: 60 })).toBe('new')
    hold.end('old')
    expect(await before).toBe('old')
    expect(await cache.get(key('joined'))).toBe('new')
  })

  test('what somebody set while it was loaded stays', async () => {
    const hold = held()
    const asked = cache.wrap(key('set'), hold.load, { ttl: 60 })
    await waitFor(() => hold.begun)
    await other.set(key('set'), 'set', 60)
    hold.end('loaded')
    expect(await asked).toBe('loaded')
    expect(await other.get(key('set'))).toBe('set')
  })

  test('an error of load lets the next process load at once', async () => {
    const failing = cache.wrap(key('error'), async () => {
      await sleep(300)
      throw new Error('database is down')
    })
    await sleep(100)
    const start = performance.now()
    const waiting = other.wrap(key('error'), () => 'works', { ttl: 60 })
    await expect(failing).rejects.toThrow('database is down')
    expect(await waiting).toBe('works')
    expect(performance.now() - start).toBeLessThan(800)
  })

  test('a value that cannot be stored lets the next process load at once', async () => {
    const large = Buffer.alloc(2_000_000)
    expect(await cache.wrap(key('large'), () => large)).toBe(large)
    const start = performance.now()
    expect(await other.wrap(key('large'), () => 'small', { ttl: 60 })).toBe('small')
    expect(performance.now() - start).toBeLessThan(500)
  })

  test('an error while an old value is refreshed costs nobody anything', async () => {
    const options = { ttl: 1, stale: 60 }
    await cache.wrap(key('refresh'), () => 'old', options)
    await sleep(2_000)
    const failures: unknown[] = []
    cache.on('refresh:failed', (event) => failures.push(event))
    const reason = new Error('database is down')
    const failing = (): string => {
      throw reason
    }
    expect(await cache.wrap(key('refresh'), failing, options)).toBe('old')
    await waitFor(() => failures.length > 0)
    expect(failures).toEqual([{ key: key('refresh'), reason }])
    expect(await other.wrap(key('refresh'), () => 'new', options)).toBe('old')
    await waitFor(async () => (await other.wrap(key('refresh'), failing, options)) === 'new')
  })

  test('a load that takes longer than its lease is overtaken, and not stored', async () => {
    const hold = held()
    const options = { ttl: 60, lease: 1 }
    const slow = cache.wrap(key('slow'), hold.load, options)
    await waitFor(() => hold.begun)
    const start = performance.now()
    expect(await other.wrap(key('slow'), () => 'mine', options)).toBe('mine')
    expect(performance.now() - start).toBeLessThan(3_000)
    hold.end('late')
    expect(await slow).toBe('late')
    expect(await other.get(key('slow'))).toBe('mine')
  })

  test('a caller does not wait for ever for others: it loads in the end, without storing', async () => {
    const raw = new MemcacheClient({ servers: server.address, protocol: 'meta' })
    const lock = key('thief')
    let over = false
    const steal = async (): Promise<void> => {
      // One winner after the other, and none of them stores.
      while (!over) {
        if (protocol === 'meta') {
          // In one write, so that nobody gets in between.
          await Promise.all([raw.meta.delete(lock), raw.meta.get(lock, 'v N30')])
        } else {
          await raw.set(`glammp:lock:${lock}`, 'somebody', 30)
        }
        await sleep(5)
      }
    }
    const stealing = steal()
    await sleep(50)
    const start = performance.now()
    expect(await cache.wrap(lock, () => 'mine', { ttl: 60, lease: 1 })).toBe('mine')
    expect(performance.now() - start).toBeGreaterThan(3_500)
    expect(performance.now() - start).toBeLessThan(6_000)
    over = true
    await stealing
    await raw.close()
    expect(await other.get(lock)).not.toBe('mine')
  })

  test('a value that cannot be decoded is loaded once by all', async () => {
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

test('a stub that some program made to stay for ever is taken over', async () => {
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

test('a connection that was closed while it was idle costs nothing', async () => {
  await using proxy = await startProxy(server.address)
  await using cache = new MemcacheClient({ servers: proxy.address, protocol: 'meta' })
  await cache.wrap('idle', () => 'value')
  proxy.cut()
  const load = (): never => {
    throw new Error('loaded')
  }
  expect(await cache.wrap('idle', load, { onError: 'throw' })).toBe('value')
})
