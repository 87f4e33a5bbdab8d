import { MemcacheClient } from '@glammp/memcache'
import { describe, expect, test } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { startMemcached } from '../support/memcached.js'
import { startProxy } from '../support/proxy.js'
import { serversAreControllable } from '../support/server-source.js'
import { waitFor, waitForEvent } from '../support/wait.js'

/** How long a call took, and how it ended. */
async function timed(call: Promise<unknown>): Promise<{ ms: number; error: unknown }> {
  const started = performance.now()
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return { ms: performance.now() - started, error }
}

describe.skipIf(!serversAreControllable)('a server', () => {
  test('that is down at start costs its own keys an error at once, and is used when it is back', async () => {
    await using server = await startMemcached()
    await using other = await startMemcached()
    await server.kill()
    const servers = [server.address, other.address]
    const patient = { timeout: 20_000, connectTimeout: 20_000 }
    await using cache = new MemcacheClient({ servers, ...patient })
    const down = waitForEvent(cache, 'server:down')
    const keys = Array.from({ length: 40 }, (_, index) => `key:${index}`)
    for (const key of keys) {
      const dead = cache.serverFor(key) === server.address
      const { ms, error } = await timed(cache.set(key, 1))
      if (dead)
        expect(error).toMatchObject({
          code: 'ERR_MEMCACHE_CONNECTION',
          key,
          server: server.address,
        })
      else expect(error).toBeUndefined()
      expect(ms).toBeLessThan(10_000)
    }
    expect(await down).toMatchObject({ server: server.address })
    await expect(cache.connect()).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CONNECTION' })
    expect(await cache.version()).toMatchObject({
      [server.address]: { code: 'ERR_MEMCACHE_CONNECTION' },
      [other.address]: expect.stringMatching(/^\d/),
    })
    const up = waitForEvent(cache, 'server:up')
    await server.restart()
    await waitFor(() => Promise.all(keys.map((key) => cache.set(key, 1))))
    expect(await up).toEqual({ server: server.address })
    expect((await cache.getMany(keys)).size).toBe(40)
  })

  test('that dies under load ends every call, and comes back into use', async () => {
    await using server = await startMemcached()
    await using cache = new MemcacheClient({ servers: server.address, retries: 0 })
    await cache.set('a', 'value')
    const errors: unknown[] = []
    let wrong = 0
    let answers = 0
    let running = true
    const callers = Array.from({ length: 50 }, async () => {
      while (running) {
        try {
          const value = await cache.get('a')
          answers += 1
          if (value !== 'value' && value !== undefined) wrong += 1
        } catch (error) {
          errors.push(error)
          // A caller that fails at once would otherwise starve the event loop.
          await new Promise((resolve) => setImmediate(resolve))
        }
      }
    })
    await waitFor(() => answers > 1_000)
    await server.kill()
    await waitFor(() => errors.length > 50)
    await server.restart()
    await waitFor(() => cache.set('a', 'value').catch(() => false))
    const before = answers
    await waitFor(() => answers > before + 1_000)
    running = false
    await Promise.all(callers)
    expect(wrong).toBe(0)
    const codes = new Set(errors.map((error) => (error as { code: string }).code))
    expect([...codes]).toEqual(['ERR_MEMCACHE_CONNECTION'])
  })

  test('that hangs ends calls by TimeoutError within their time, others go on, and it is used again', async () => {
    await using server = await startMemcached()
    await using other = await startMemcached()
    await using cache = new MemcacheClient({
      servers: [server.address, other.address],
      timeout: 700,
    })
    const keys = Array.from({ length: 40 }, (_, index) => `key:${index}`)
    await Promise.all(keys.map((key) => cache.set(key, key)))
    await server.pause()
    for (let round = 0; round < 2; round += 1) {
      await Promise.all(
        keys.map(async (key) => {
          const { ms, error } = await timed(cache.get(key))
          if (cache.serverFor(key) === server.address) {
            expect(error).toMatchObject({
              code: 'ERR_MEMCACHE_TIMEOUT',
              key,
              server: server.address,
            })
            expect(ms).toBeGreaterThanOrEqual(690)
            expect(ms).toBeLessThan(5_000)
          } else {
            expect(error).toBeUndefined()
            expect(ms).toBeLessThan(690)
          }
        }),
      )
    }
    await server.resume()
    await waitFor(async () => (await cache.getMany(keys)).size === 40)
    for (const key of keys) expect(await cache.get(key)).toBe(key)
  })

  test('that restarts while the connection is idle costs no call', async () => {
    await using server = await startMemcached()
    await using proxy = await startProxy(server.address)
    await using cache = new MemcacheClient(proxy.address)
    await cache.set('a', 1)
    for (const how of ['end', 'reset'] as const) {
      proxy.cut(how)
      await waitFor(() => proxy.open === 0)
      // One turn, so that the client has seen it too.
      await waitFor(() => new Promise((resolve) => setImmediate(() => resolve(true))))
      expect(await cache.get('a')).toBe(1)
    }
  })

  test('that loses the connection in mid-answer gets a read again, a write never', async () => {
    await using server = await startMemcached()
    await using proxy = await startProxy(server.address)
    await using cache = new MemcacheClient(proxy.address)
    await cache.set('a', 1)
    proxy.stall('toClient')
    const read = cache.get('a')
    const write = cache.increment('a')
    await waitFor(() => proxy.bytes('toServer') > 30)
    proxy.cut()
    proxy.heal()
    await expect(write).rejects.toMatchObject({
      code: 'ERR_MEMCACHE_CONNECTION',
      command: 'increment',
    })
    expect(await read).toBeTypeOf('number')
  })
})

describe('a call', () => {
  test('to a server that accepts and never answers ends by TimeoutError', async () => {
    await using silent = await startFakeServer(() => {})
    for (const protocol of ['auto', 'meta', 'classic', 'binary'] as const) {
      await using cache = new MemcacheClient({
        servers: silent.address,
        protocol,
        timeout: 150,
        connectTimeout: 150,
      })
      const { ms, error } = await timed(cache.get('a'))
      expect(error).toMatchObject({ code: 'ERR_MEMCACHE_TIMEOUT', server: silent.address })
      expect(ms).toBeLessThan(950)
    }
  })

  test('has a time of its own on request', async () => {
    await using silent = await startFakeServer(() => {})
    await using cache = new MemcacheClient({
      servers: silent.address,
      protocol: 'meta',
      timeout: 20_000,
    })
    const { ms, error } = await timed(cache.get('a', { timeout: 60 }))
    expect(error).toMatchObject({ code: 'ERR_MEMCACHE_TIMEOUT' })
    expect(ms).toBeLessThan(10_000)
  })

  test('ends with its signal, before and after it was sent', async () => {
    await using silent = await startFakeServer(() => {})
    await using cache = new MemcacheClient({
      servers: silent.address,
      protocol: 'meta',
      timeout: 200,
    })
    const reason = new Error('changed my mind')
    await expect(cache.get('a', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const call = cache.get('a', { signal: controller.signal })
    await waitFor(() => silent.received().length > 0)
    controller.abort(reason)
    await expect(call).rejects.toBe(reason)
  })

  test('past maxPending is a QueueFullError, and memory stays bounded', async () => {
    await using silent = await startFakeServer(() => {})
    await using cache = new MemcacheClient({
      servers: silent.address,
      protocol: 'meta',
      maxPending: 1_000,
      timeout: 300,
    })
    const calls = Array.from({ length: 1_500 }, (_, index) => cache.get(`key:${index}`))
    const outcomes = await Promise.allSettled(calls)
    const codes = outcomes.map((outcome) =>
      outcome.status === 'rejected' ? (outcome.reason as { code: string }).code : 'fulfilled',
    )
    expect(codes.slice(0, 1_000).every((code) => code === 'ERR_MEMCACHE_TIMEOUT')).toBe(true)
    expect(codes.slice(1_000).every((code) => code === 'ERR_MEMCACHE_QUEUE_FULL')).toBe(true)
    await expect(cache.get('a')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_TIMEOUT' })
  })

  test('under way when the client closes is finished; later ones are a ClosedError', async () => {
    await using server = await startMemcached()
    const cache = new MemcacheClient(server.address)
    const calls = Array.from({ length: 100 }, (_, index) => cache.set(`key:${index}`, index))
    const closed = cache.quit()
    await expect(cache.get('key:1')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CLOSED' })
    expect(await Promise.all(calls)).toEqual(calls.map(() => true))
    await closed
    await cache.close()
    await expect(cache.set('a', 1)).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CLOSED' })
    await expect(cache.connect()).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CLOSED' })
    const refused = { code: 'ERR_MEMCACHE_CLOSED' }
    await expect(cache.wrap('a', () => 1)).rejects.toMatchObject(refused)
    await expect(cache.wrapMany(['a'], () => [1])).rejects.toMatchObject(refused)
    await expect(cache.setServers('localhost')).rejects.toMatchObject(refused)
    expect(() => cache.addServer('localhost')).toThrow(expect.objectContaining(refused))
    expect(await cache.version()).toMatchObject({
      [server.address]: { code: 'ERR_MEMCACHE_CLOSED' },
    })
  })

  test('never waits for a closing client longer than its own time', async () => {
    await using silent = await startFakeServer(() => {})
    const cache = new MemcacheClient({ servers: silent.address, protocol: 'meta', timeout: 150 })
    const call = timed(cache.get('a'))
    const { ms } = await timed(cache.close())
    expect(ms).toBeLessThan(950)
    expect((await call).error).toMatchObject({ code: 'ERR_MEMCACHE_TIMEOUT' })
  })
})
