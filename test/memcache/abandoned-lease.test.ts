import { MemcacheClient } from '@glammp/memcache'
import { describe, expect } from 'vitest'
import { test } from '../support/memcache.js'
import { startMemcached } from '../support/memcached.js'
import { startProxy } from '../support/proxy.js'
import { serversAreControllable, spoken } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'

describe.each(spoken(['meta', 'classic', 'binary']))('a lock nobody holds on %s', (protocol) => {
  const key = (name: string): string => `${protocol}:${name}`
  const lock = (name: string): string => `glammp:lock:${key(name)}`

  test('whose answer was lost with its connection is given back', async ({ server }) => {
    await using proxy = await startProxy(server.address)
    await using cache = new MemcacheClient({ servers: proxy.address, protocol, retries: 0 })
    await using other = new MemcacheClient({ servers: server.address, protocol })
    await cache.get('connected')
    // Answers take a second: the win is known to the server long before it is to the client.
    proxy.set('toClient', { delay: 1_000 })
    const asked = cache.wrap(key('lost'), () => 'loaded', { ttl: 60, timeout: 20_000 })
    await waitFor(async () => (await other.get(lock('lost'))) !== undefined)
    proxy.heal()
    proxy.cut()
    expect(await asked).toBe('loaded')
    const start = performance.now()
    expect(await other.wrap(key('lost'), () => 'other', { ttl: 60 })).toBeDefined()
    expect(performance.now() - start).toBeLessThan(5_000)
    await waitFor(async () => (await other.get(lock('lost'))) === undefined)
  })

  test('whose answer came too late is given back', async ({ server }) => {
    await using proxy = await startProxy(server.address)
    await using cache = new MemcacheClient({ servers: proxy.address, protocol, timeout: 500 })
    await using other = new MemcacheClient({ servers: server.address, protocol })
    await cache.get('connected')
    proxy.set('toServer', { delay: 400 })
    proxy.set('toClient', { delay: 400 })
    expect(await cache.wrap(key('late'), () => 'loaded', { ttl: 60 })).toBe('loaded')
    proxy.heal()
    const start = performance.now()
    expect(await other.wrap(key('late'), () => 'other', { ttl: 60 })).toBe('other')
    expect(performance.now() - start).toBeLessThan(5_000)
    await waitFor(async () => (await other.get(lock('late'))) === undefined)
  })

  test('because its connection was lost while the value was loaded is given back', async ({
    server,
  }) => {
    await using proxy = await startProxy(server.address)
    await using cache = new MemcacheClient({ servers: proxy.address, protocol, timeout: 1_000 })
    await using other = new MemcacheClient({ servers: server.address, protocol })
    const failing = (): never => {
      proxy.refuse(true)
      proxy.cut()
      throw new Error('database is down')
    }
    await expect(cache.wrap(key('gone'), failing)).rejects.toThrow('database is down')
    expect(await other.get(lock('gone'))).toBeDefined()
    proxy.heal()
    proxy.refuse(false)
    await waitFor(async () => (await other.get(lock('gone'))) === undefined, { timeout: 5_000 })
  })

  test.skipIf(!serversAreControllable)(
    'because the versions of tags cannot be had is never taken',
    async ({ server }) => {
      await using mortal = await startMemcached()
      const servers = [server.address, mortal.address]
      await using cache = new MemcacheClient({ servers, protocol, timeout: 500 })
      const names = Array.from({ length: 100 }, (_, index) => key(`tag-${index}`))
      const name = names.find((each) => cache.serverFor(each) === server.address) as string
      const tag = names.find((each) => cache.serverFor(`glammp:tag:${each}`) === mortal.address)
      await mortal.kill()
      expect(await cache.wrap(name, () => 1, { tags: [tag as string] })).toBe(1)
      await using other = new MemcacheClient({ servers: server.address, protocol })
      expect(await other.get(`glammp:lock:${name}`)).toBeUndefined()
    },
  )
})
