import { MemcacheClient } from '@glammp/memcache'
import { describe, expect } from 'vitest'
import { test } from '../support/memcache.js'
import { spoken } from '../support/server-source.js'

describe.each(spoken(['meta', 'classic', 'binary']))('with %s', (protocol) => {
  test('the spaces that a decrement leaves behind a number are none of its value', async ({
    server,
  }) => {
    await using cache = new MemcacheClient({
      servers: server.address,
      protocol,
      namespace: `${protocol}:`,
    })
    await cache.set('n', 10)
    expect(await cache.decrement('n')).toBe(9)
    expect(await cache.get('n')).toBe(9)
    expect(await cache.wrap('n', () => 'loaded')).toBe(9)
    expect(await cache.increment('n', 5)).toBe(14)
  })
})

test('counters of 64 bits', async ({ server }) => {
  await using cache = new MemcacheClient(server.address)
  await cache.set('counter', 2n ** 64n - 2n)
  expect(await cache.increment('counter', 1n)).toBe(2n ** 64n - 1n)
})
