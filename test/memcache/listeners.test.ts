import { once } from 'node:events'
import { MemcacheClient } from '@glammp/memcache'
import { expect, it } from 'vitest'
import { startMemcached } from '../support/memcached.js'

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
