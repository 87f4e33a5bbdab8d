import { MemcacheClient } from '@glammp/memcache'
import { expect } from 'vitest'
import { test } from '../support/memcache.js'

test('raw meta commands', async ({ server }) => {
  await using cache = new MemcacheClient(server.address)
  await cache.meta.set('raw', 'bytes', 'T100')
  expect((await cache.meta.get('raw', 'v s')).flags.get('s')).toBe('5')
})

test('an opaque token of 31 bytes comes back, one of 32 is refused and never sent', async ({
  server,
}) => {
  await using cache = new MemcacheClient(server.address)
  await cache.set('a', 'value')
  const token = 'o'.repeat(31)
  expect((await cache.meta.get('a', `v O${token}`)).flags.get('O')).toBe(token)
  const [refused, next] = await Promise.allSettled([
    cache.meta.get('a', `v O${token}o`),
    cache.get('a'),
  ])
  expect(refused).toMatchObject({ status: 'rejected', reason: { name: 'RangeError' } })
  expect(next).toEqual({ status: 'fulfilled', value: 'value' })
})

test('ms I stores under an older token, and says EX or NF to a newer one and a missing item', async ({
  server,
}) => {
  await using cache = new MemcacheClient(server.address)
  await cache.set('a', 'first')
  const { cas = '' } = (await cache.gets('a')) ?? {}
  const token = (step: bigint): string => `I C${BigInt(cas) + step}`
  expect((await cache.meta.set('a', 'newer', token(1n))).status).toBe('exists')
  expect(await cache.get('a')).toBe('first')
  expect((await cache.meta.set('a', 'older', token(-1n))).status).toBe('found')
  expect(await cache.inspect('a')).toMatchObject({ stale: true })
  expect((await cache.meta.set('no-such-item', 'x', token(0n))).status).toBe('missing')
})
