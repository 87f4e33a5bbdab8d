import { mock } from 'node:test'
import { GearmanAdmin, GearmanClient, GearmanWorker } from '@glammp/gearman'
import { MemcacheClient } from '@glammp/memcache'
import { type Clock, install } from '@sinonjs/fake-timers'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type GearmandServer, startGearmand } from '../support/gearmand.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { startProcess } from '../support/process.js'

let memcached: MemcachedServer
let gearmand: GearmandServer
let sinon: Clock | undefined

beforeAll(async () => {
  memcached = await startMemcached()
  gearmand = await startGearmand()
})

afterEach(() => {
  vi.useRealTimers()
  mock.timers.reset()
  sinon?.uninstall()
  sinon = undefined
})

afterAll(async () => {
  await memcached?.stop()
  await gearmand?.stop()
})

const usual = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] as const
const others = ['setImmediate', 'clearImmediate', 'queueMicrotask', 'performance', 'Date'] as const

/** Each puts fake timers in place, and returns what lets its clock run on. */
const fakes: [string, () => (milliseconds: number) => void][] = [
  [
    'vitest',
    () => {
      vi.useFakeTimers({ toFake: [...usual, ...others] })
      return (milliseconds) => vi.advanceTimersByTime(milliseconds)
    },
  ],
  [
    'node:test',
    () => {
      mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate'] })
      return (milliseconds) => mock.timers.tick(milliseconds)
    },
  ],
  // Jest's too, under another name.
  [
    'sinon',
    () => {
      sinon = install({ toFake: [...usual, ...others] })
      return (milliseconds) => void sinon?.tick(milliseconds)
    },
  ],
]

describe.each(fakes)('fake timers of %s', (kind, fake) => {
  test.each(['before them', 'under them'])('a cache that was made %s', async (when) => {
    if (when === 'under them') fake()
    const cache = new MemcacheClient(memcached.address)
    await cache.set('a', 1)
    if (when === 'before them') fake()
    expect(await cache.get('a')).toBe(1)
    expect(
      await cache.wrap(`loaded-${when}-${kind}`.replaceAll(' ', '-'), () => 2, { ttl: 60 }),
    ).toBe(2)
    await memcached.pause()
    try {
      await expect(cache.get('a', { timeout: 300 })).rejects.toMatchObject({
        code: 'ERR_MEMCACHE_TIMEOUT',
      })
    } finally {
      await memcached.resume()
    }
    await cache.close()
  })

  test('a client and a worker of jobs', async () => {
    fake()
    const client = new GearmanClient({ servers: gearmand.address })
    const worker = new GearmanWorker(gearmand.address)
    worker.addFunction('upper', (job) => job.workload().toUpperCase())
    const left = worker.work()
    expect(await client.do('upper', 'a')).toBe('A')
    await expect(client.do('nobody', '', { timeout: 200 })).rejects.toMatchObject({
      code: 'ERR_GEARMAN_TIMEOUT',
    })
    await worker.close({ timeout: 1_000 })
    await left
    await client.close()
  })

  test('no timer of a client is heard by the fake clock, nor hears it', async () => {
    const advance = fake()
    const started = vi.isFakeTimers() ? vi.getTimerCount() : sinon?.countTimers()
    const cache = new MemcacheClient({ servers: memcached.address })
    await cache.set('b', 1)
    await using admin = new GearmanAdmin(gearmand.address)
    await admin.version()
    const client = new GearmanClient(gearmand.address)
    const waiting = client.do('nobody', '', { timeout: 60_000 })
    await client.ping()
    expect(vi.isFakeTimers() ? vi.getTimerCount() : sinon?.countTimers()).toBe(started)
    advance(24 * 60 * 60 * 1_000)
    expect(await cache.get('b')).toBe(1)
    await client.close()
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_GEARMAN_CLOSED' })
    await cache.close()
  })
})

/** With `nextTick`, which the test runner itself could not do without. */
const PROGRAM = `
import { install } from '@sinonjs/fake-timers'
import { GearmanClient, GearmanWorker } from '@glammp/gearman'
import { MemcacheClient } from '@glammp/memcache'
const [, , memcached, gearmand] = process.argv
const clock = install()
const cache = new MemcacheClient({ servers: memcached })
await cache.set('ticks', 'x'.repeat(500_000))
const seen = [(await cache.get('ticks')).length]
seen.push(await cache.wrap('wrapped-ticks', () => 2, { ttl: 60 }))
const client = new GearmanClient(gearmand)
const worker = new GearmanWorker(gearmand)
worker.addFunction('ticks', async (job) => {
  await job.sendStatus(1, 2)
  return Buffer.alloc(3_000_000)
})
const working = worker.work()
seen.push((await client.do('ticks', '', { codec: 'buffer' })).length)
await client.do('nobody', '', { timeout: 100 }).catch((error) => seen.push(error.code))
await worker.close()
await working
await client.close()
await cache.close()
clock.uninstall()
console.log(seen.join(' '))
`

test('fake timers of sinon, with nextTick', async () => {
  const args = ['--import', 'tsx', '--input-type=module', '-', memcached.address, gearmand.address]
  await using program = startProcess(process.execPath, args, { input: PROGRAM })
  const { code, stdout, stderr } = await program.ended
  expect({ code, stdout, stderr }).toEqual({
    code: 0,
    stdout: '500000 2 3000000 ERR_GEARMAN_TIMEOUT\n',
    stderr: '',
  })
})
