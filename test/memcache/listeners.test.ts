import { getEventListeners, once } from 'node:events'
import { MemcacheClient } from '@glammp/memcache'
import { expect, it } from 'vitest'
import { startMemcached } from '../support/memcached.js'
import { startProxy } from '../support/proxy.js'

it('keeps its time limits behind a listener that throws', async () => {
  const [one, two] = [await startMemcached(), await startMemcached()]
  const cache = new MemcacheClient({
    servers: [one.address, two.address],
    timeout: 1_000,
    distribution: () => ({ pick: (key) => Number(key.at(-1)) }),
    ejection: { failures: 1, cooldown: 60_000 },
  })
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  try {
    await cache.get('k0')
    await cache.get('k1')
    const bug = new Error('a bug in the listener')
    cache.on('server:ejected', () => {
      throw bug
    })
    await one.pause()
    const told = once(process, 'uncaughtException')
    await expect(cache.get('k0')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_TIMEOUT' })
    expect(await told).toEqual([bug, 'uncaughtException'])
    await two.pause()
    const again = once(process, 'uncaughtException')
    await expect(cache.get('k1')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_TIMEOUT' })
    await again
  } finally {
    for (const listener of listeners) process.on('uncaughtException', listener)
    await one.resume()
    await two.resume()
    await cache.close()
    await one.stop()
    await two.stop()
  }
})

it('answers a ping when every server did, else with the error of one that did not', async () => {
  const server = await startMemcached()
  const well = new MemcacheClient(server.address)
  expect(await well.ping()).toBeUndefined()
  await well.close()
  const ill = new MemcacheClient([server.address, '127.0.0.1:1'])
  await expect(ill.ping()).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CONNECTION' })
  await ill.close()
  await server.stop()
})

it('empties the servers that stand in with the others', async () => {
  const [home, gutter] = [await startMemcached(), await startMemcached()]
  const cache = new MemcacheClient({
    servers: home.address,
    failover: { gutter: gutter.address, ttl: 60 },
    ejection: { failures: 1, cooldown: 60_000 },
  })
  await home.stop()
  await cache.set('estado', 'SC')
  expect(await cache.get('estado')).toBe('SC')
  expect(await cache.flushAll()).toMatchObject({ [gutter.address]: true })
  expect(await cache.get('estado')).toBeUndefined()
  await cache.close()
  await gutter.stop()
})

it('adds no listener for each call, nor for each connection', async () => {
  const warnings: Error[] = []
  const note = (warning: Error): number => warnings.push(warning)
  process.on('warning', note)
  await using server = await startMemcached()
  await using proxy = await startProxy(server.address)
  const cache = new MemcacheClient(proxy.address)
  const { signal } = new AbortController()
  const keys = Array.from({ length: 50 }, (_, index) => `key:${index}`)
  // Node warns of an emitter with more than ten listeners of an event.
  for (let round = 0; round < 15; round += 1) {
    await cache.set('a', round)
    proxy.stall('toClient')
    const calls: Promise<unknown>[] = []
    for (const key of keys) {
      calls.push(cache.get(key, round % 2 === 0 ? { signal } : {}))
      // Each in a write of its own.
      await new Promise(setImmediate)
    }
    proxy.cut()
    proxy.heal()
    await Promise.allSettled(calls)
  }
  expect(proxy.connections).toBeGreaterThan(15)
  expect(getEventListeners(signal, 'abort')).toEqual([])
  await cache.close()
  process.off('warning', note)
  expect(warnings).toEqual([])
})
