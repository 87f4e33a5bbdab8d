import { MemcacheClient } from '@glammp/memcache'
import { describe, expect } from 'vitest'
import { test } from '../support/memcache.js'
import type { MemcachedServer } from '../support/memcached.js'
import { spoken } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'
import { pastEnd } from './past-end.js'

/** memcached takes more than 30 of them for a date. */
const DAY = 86_400

const PROTOCOLS = spoken(['meta', 'classic', 'binary'])

// At the same time: each waits for the end of a ttl.
test.concurrent.for(
  PROTOCOLS.flatMap((protocol) => [29, 31, 400].map((days) => ({ protocol, days }))),
)('more than 30 days on $protocol of stale: $days days', async ({ protocol, days }, { server }) => {
  await using cache = new MemcacheClient({ servers: server.address, protocol })
  const name = `${protocol}:stale-${days}`
  const options = { ttl: 1, stale: days * DAY }
  let loads = 0
  const load = (): number => ++loads
  await cache.wrap(name, load, options)
  await pastEnd(cache, name, options)
  expect(await cache.wrap(name, load, options)).toBe(1)
  await waitFor(async () => (await cache.get(name)) === 2)
})

describe.each(PROTOCOLS)('more than 30 days on %s', (protocol) => {
  const key = (name: string): string => `${protocol}:${name}`
  const open = ({ address }: MemcachedServer): MemcacheClient =>
    new MemcacheClient({ servers: address, protocol })

  test('of stale after a Date', async ({ server }) => {
    await using cache = open(server)
    const name = key('date')
    const options = { ttl: new Date(Date.now() + 1_000), stale: 31 * DAY }
    const load = (): string => (Date.now() < options.ttl.getTime() ? 'old' : 'new')
    await waitFor(async () => (await cache.wrap(name, load, options)) === 'new')
    expect(Date.now()).toBeGreaterThan(options.ttl.getTime())
  })

  test('of refreshAhead', async ({ server }) => {
    await using cache = open(server)
    const options = { ttl: 40 * DAY, refreshAhead: 40 * DAY - 1 }
    await cache.wrap(key('ahead'), () => 'old', options)
    await waitFor(async () => {
      expect(await cache.wrap(key('ahead'), () => 'new', options)).toMatch(/old|new/)
      return (await cache.get(key('ahead'))) === 'new'
    })
  })

  test('of lease: one loads, what it brings is stored, and close waits for it', async ({
    server,
  }) => {
    const cache = open(server)
    await using other = open(server)
    const options = { ttl: 100, lease: 31 * DAY }
    let loads = 0
    let end = (_value: string): void => {}
    const load = (): Promise<string> => {
      loads += 1
      return new Promise((resolve) => {
        end = resolve
      })
    }
    const asked = [cache.wrap(key('lease'), load, options)]
    await waitFor(() => loads === 1)
    asked.push(other.wrap(key('lease'), load, options))
    let isClosed = false
    const closed = cache.close().then(() => {
      isClosed = true
    })
    await other.get(key('lease'))
    expect(isClosed).toBe(false)
    end('value')
    expect(await Promise.all(asked)).toEqual(['value', 'value'])
    await closed
    expect(loads).toBe(1)
    expect(await other.get(key('lease'))).toBe('value')
  })

  test('of ttl, with values near by', async ({ server }) => {
    const near = { max: 10, ttl: 60 * DAY }
    await using cache = new MemcacheClient({ servers: server.address, protocol, near })
    await using other = open(server)
    const end = new Date(Date.now() + 50 * DAY * 1_000)
    await cache.wrap(key('near'), () => 'old', { ttl: end, stale: 50 * DAY })
    await other.set(key('near'), 'new', 50 * DAY)
    const never = (): never => {
      throw new Error('loaded')
    }
    expect(await cache.wrap(key('near'), never, { ttl: end })).toBe('old')
    expect(await other.wrap(key('near'), never, { ttl: 50 * DAY, stale: 50 * DAY })).toBe('new')
  })

  test('of what is invalidated and of a flush to come', async ({ server }) => {
    await using cache = open(server)
    await cache.set(key('later'), 'value', 100 * DAY)
    await cache.invalidate(key('later'), { stale: 31 * DAY })
    const wanted = protocol === 'meta' ? 'value' : undefined
    expect(await cache.get(key('later'))).toBe(wanted)
    await cache.set(key('later'), 'value', 100 * DAY)
    await cache.flushAll({ delay: 31 * DAY })
    expect(await cache.get(key('later'))).toBe('value')
    await cache.flushAll()
  })
})

test('a ttl over 30 days', async ({ server }) => {
  await using cache = new MemcacheClient(server.address)
  await cache.set('long', 1, 60 * DAY)
  expect((await cache.inspect('long'))?.ttl).toBeGreaterThan(59 * DAY)
})
