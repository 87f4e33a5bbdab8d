import { MemcacheClient } from '@glammp/memcache'
import { afterAll, describe, expect } from 'vitest'
import { test } from '../support/memcache.js'
import { waitFor } from '../support/wait.js'
import { type FleetProcess, startFleetProcess } from './fleet-process.js'
import { pastEnd } from './past-end.js'

const PROCESSES = 5
const CALLERS = 100

describe.concurrent.each(['meta', 'classic'] as const)(
  'leases across processes on %s',
  (protocol) => {
    let servers: string
    let cache: MemcacheClient
    test.beforeAll(({ server }) => {
      servers = server.address
      cache = new MemcacheClient({ servers, protocol })
    })
    afterAll(() => cache.close())

    const start = (
      key: string,
      options: object,
      { count = PROCESSES, callers = CALLERS, loadTime = 1_000 } = {},
    ): Promise<FleetProcess[]> => {
      const task = { client: { servers, protocol }, key, callers, loadTime, options }
      return Promise.all(Array.from({ length: count }, () => startFleetProcess(task)))
    }

    test.sequential('500 callers of 5 processes share one load of a missing key', async () => {
      const key = `${protocol}:herd`
      const processes = await start(key, { ttl: 60 })
      for (const running of processes) running.go()
      const results = await Promise.all(processes.map((running) => running.result()))
      for (const { values } of results) expect(values).toEqual(['load 1'])
      expect(await cache.get(`${key}:loads`)).toBe(1)
      expect(Math.max(...results.map(({ slowest }) => slowest))).toBeLessThan(8_000)
    })

    test.sequential('with stale, an expired key costs one load and nobody waits', async () => {
      const key = `${protocol}:stale`
      const options = { ttl: 1, stale: 60 }
      await cache.wrap(key, () => 'old', options)
      const processes = await start(key, options, { loadTime: 4_000 })
      await pastEnd(cache, key, options)
      for (const running of processes) running.go()
      const results = await Promise.all(processes.map((running) => running.result()))
      for (const { values, slowest } of results) {
        expect(values).toEqual(['old'])
        // Who waited for the load took its four seconds.
        expect(slowest).toBeLessThan(3_900)
      }
      await waitFor(async () => (await cache.get(key)) === 'load 1', { what: 'the new value' })
      expect(await cache.get(`${key}:loads`)).toBe(1)
    })

    test.sequential('a winner that is killed is replaced by one other when its lease is over', async () => {
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
        expect(slowest).toBeLessThan(8_000)
      }
      expect(await cache.get(`${key}:loads`)).toBe(2)
    })

    test.sequential('a winner that is killed while it refreshes an old value is replaced as well', async () => {
      const key = `${protocol}:killed-refresh`
      const options = { ttl: 1, stale: 600, lease: 4 }
      await cache.wrap(key, () => 'old', options)
      const [winner] = await start(key, options, { count: 1, callers: 1, loadTime: 60_000 })
      await pastEnd(cache, key, options)
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
      // Nobody waited for the lease.
      expect(slowest).toBeLessThan(2_900)
    })
  },
)
