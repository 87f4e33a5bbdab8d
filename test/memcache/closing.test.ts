import { MemcacheClient } from '@glammp/memcache'
import { expect } from 'vitest'
import { test } from '../support/memcache.js'
import { startProxy } from '../support/proxy.js'

const ways: [string, () => object][] = [
  ['a timeout', () => ({ timeout: 50 })],
  ['a signal', () => ({ signal: AbortSignal.timeout(50) })],
  ['a signal that has aborted', () => ({ signal: AbortSignal.abort() })],
]

test.for(ways)('close waits no longer than %s says', async ([_, options], { server }) => {
  await using proxy = await startProxy(server.address)
  const cache = new MemcacheClient({ servers: proxy.address, timeout: 60_000 })
  await cache.set('a', 1)
  proxy.stall('toClient')
  const calls = Promise.allSettled([cache.get('a'), cache.set('b', 2), cache.getMany(['a', 'b'])])
  const started = performance.now()
  const [patient] = await Promise.all([cache.close(), cache.close(options())])
  expect(patient).toBeUndefined()
  expect(performance.now() - started).toBeLessThan(30_000)
  for (const outcome of await calls) {
    expect(outcome).toMatchObject({ reason: { code: 'ERR_MEMCACHE_CLOSED' } })
  }
  await expect(cache.get('a')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CLOSED' })
  await expect(cache.close({ timeout: 0 })).rejects.toBeInstanceOf(RangeError)
})

test('close with a timeout waits for no load that never ends, and for what is under way otherwise', async ({
  server,
}) => {
  const cache = new MemcacheClient(server.address)
  void cache.wrap('never', () => new Promise(() => {}))
  const set = cache.set('a', 1)
  await cache.close({ timeout: 200 })
  expect(await set).toBe(true)
})
