import { MemcacheClient } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { serversAreControllable, spoken } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'

let server: MemcachedServer
beforeAll(async () => {
  server = await startMemcached({ args: ['-m', '256'] })
})
afterAll(() => server.stop())

const MAX_PENDING = 20

const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `key:${at}`)

const codeOf = (outcome: PromiseSettledResult<unknown>): unknown =>
  outcome.status === 'rejected' ? (outcome.reason as { code: string }).code : 'fulfilled'

const timed = async (
  call: Promise<unknown>,
): Promise<{ readonly ms: number; readonly error: unknown }> => {
  const start = performance.now()
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return { ms: performance.now() - start, error }
}

describe.each(spoken(['meta', 'classic', 'binary']))('with %s', (protocol) => {
  const client = (): MemcacheClient =>
    new MemcacheClient({
      servers: server.address,
      protocol,
      namespace: `${protocol}:`,
      maxPending: MAX_PENDING,
      timeout: 10_000,
    })

  test('lists far over maxPending are stored, read, wrapped and deleted', async () => {
    await using cache = client()
    const keys = names(1_000)
    const values = new Map(keys.map((key) => [key, `value of ${key}`]))
    expect(await cache.setMany(values)).toBe(keys.length)
    expect(await cache.getMany(keys)).toEqual(values)
    const loads: string[] = []
    const load = (missing: readonly string[]): string[] => {
      loads.push(...missing)
      return missing.map((key) => `value of ${key}`)
    }
    expect(await cache.deleteMany(keys)).toBe(keys.length)
    expect(await cache.wrapMany(keys, load)).toEqual(values)
    expect(loads).toEqual(keys)
    expect(await cache.wrapMany(keys, load)).toEqual(values)
    expect(loads).toEqual(keys)
    expect(await cache.deleteMany(keys)).toBe(keys.length)
    expect(await cache.deleteMany(keys)).toBe(0)
  })

  test('what is asked of a key that still waits comes behind it', async () => {
    await using cache = client()
    const keys = names(500)
    const last = keys.at(-1) as string
    const calls = [
      cache.setMany(keys.map((key) => [key, 'first'])),
      cache.get(last),
      cache.set(last, 'second'),
      cache.append(last, ' thought'),
      cache.getMany(['key:0', last]),
      cache.touch(last, 60),
      cache.set('key:498', 1),
      cache.increment('key:498', 4),
      cache.delete('key:497'),
      cache.get('key:497'),
      cache.invalidate('key:496'),
      cache.deleteMany(['key:495']),
      cache.get('key:495'),
    ]
    expect(await Promise.all(calls)).toEqual([
      500,
      'first',
      true,
      true,
      new Map([
        ['key:0', 'first'],
        [last, 'second thought'],
      ]),
      true,
      true,
      5,
      true,
      undefined,
      true,
      1,
      undefined,
    ])
  })

  test('a value of more chunks than maxPending', async () => {
    await using cache = new MemcacheClient({
      servers: server.address,
      protocol,
      namespace: `${protocol}:chunks:`,
      maxPending: MAX_PENDING,
      maxValueSize: 4_096,
      largeValues: 'chunk',
      timeout: 10_000,
    })
    const value = 'x'.repeat(200_000)
    const keys = names(10)
    expect(await cache.setMany(keys.map((key) => [key, value + key]))).toBe(keys.length)
    expect(await cache.get('key:3')).toBe(`${value}key:3`)
    const found = await cache.getMany<string>(keys)
    expect([...found.values()].every((item, at) => item === value + keys[at])).toBe(true)
    expect(found.size).toBe(keys.length)
    expect(await cache.touch('key:3', 60)).toBe(true)
    expect(await cache.deleteMany(keys)).toBe(keys.length)
  })
})

test('single calls are refused when the queue is full, and have room beside a list', async () => {
  await using silent = await startFakeServer(() => {})
  await using cache = new MemcacheClient({
    servers: silent.address,
    protocol: 'meta',
    maxPending: MAX_PENDING,
    timeout: 300,
  })
  const keys = names(2_000)
  const list = timed(cache.setMany(keys.map((key) => [key, 1])))
  const singles = Array.from({ length: 10 }, (_, at) => cache.get(`single:${at}`))
  const codes = (await Promise.allSettled(singles)).map(codeOf)
  expect(codes.slice(0, 5)).toEqual(new Array(5).fill('ERR_MEMCACHE_TIMEOUT'))
  expect(codes.slice(5)).toEqual(new Array(5).fill('ERR_MEMCACHE_QUEUE_FULL'))
  // All of the list is told in the time of one call: nothing came.
  const { ms, error } = await list
  expect(error).toMatchObject({ code: 'ERR_MEMCACHE_TIMEOUT', command: 'setMany', keys })
  expect(ms).toBeLessThan(5_000)
})

test('a list goes on for as long as the server answers', async () => {
  await using slow = await startFakeServer((socket) => {
    socket.on('data', (chunk) => {
      const commands = chunk.toString().split('ms ').length - 1
      setTimeout(() => socket.write('HD\r\n'.repeat(commands)), 100)
    })
  })
  await using cache = new MemcacheClient({
    servers: slow.address,
    protocol: 'meta',
    pool: { max: 1 },
    maxPending: 4,
    timeout: 700,
  })
  const { ms, error } = await timed(cache.setMany(names(45).map((key) => [key, 1])))
  expect(error).toBeUndefined()
  expect(ms).toBeGreaterThan(1_400)
})

test('a signal ends the whole list at once', async () => {
  await using silent = await startFakeServer(() => {})
  await using cache = new MemcacheClient({
    servers: silent.address,
    protocol: 'meta',
    maxPending: MAX_PENDING,
    timeout: 20_000,
  })
  const controller = new AbortController()
  const { signal } = controller
  const reason = new Error('changed my mind')
  const calls = [
    cache.setMany(
      names(100).map((key) => [key, 1]),
      { signal },
    ),
    cache.deleteMany(names(100), { signal }),
    cache.wrapMany(names(100), (keys) => keys, { signal }),
  ]
  const outcomes = Promise.allSettled(calls)
  await waitFor(() => silent.received().length > 0)
  controller.abort(reason)
  const { ms } = await timed(outcomes)
  expect(ms).toBeLessThan(10_000)
  for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason })
  // What was sent is not waited for.
  await cache.close({ timeout: 1 })
})

test('close waits until the whole list is done, and takes no more', async () => {
  const cache = new MemcacheClient({
    servers: server.address,
    namespace: 'close:',
    maxPending: MAX_PENDING,
    timeout: 10_000,
  })
  const list = cache.setMany(names(500).map((key) => [key, 1]))
  const closed = cache.close()
  await expect(cache.setMany({ late: 1 })).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CLOSED' })
  expect(await list).toBe(500)
  await closed
})

test.skipIf(!serversAreControllable)(
  'a server that dies ends the list, whose error names what did not make it',
  async () => {
    await using mortal = await startMemcached()
    await using cache = new MemcacheClient({
      servers: mortal.address,
      maxPending: MAX_PENDING,
      timeout: 10_000,
    })
    await cache.connect()
    await mortal.kill()
    const keys = names(2_000)
    const { ms, error } = await timed(cache.setMany(keys.map((key) => [key, 1])))
    expect(error).toMatchObject({ code: 'ERR_MEMCACHE_CONNECTION', keys })
    expect(ms).toBeLessThan(5_000)
  },
)

test.skipIf(!serversAreControllable)('what waits moves to a server that stands in', async () => {
  await using mortal = await startMemcached()
  await using spare = await startMemcached()
  await using cache = new MemcacheClient({
    servers: mortal.address,
    failover: { gutter: spare.address },
    maxPending: MAX_PENDING,
    timeout: 10_000,
  })
  await cache.connect()
  await mortal.kill()
  await cache.get('a').catch(() => {})
  const keys = names(500)
  expect(await cache.setMany(keys.map((key) => [key, 1]))).toBe(keys.length)
  expect((await cache.getMany(keys)).size).toBe(keys.length)
})
