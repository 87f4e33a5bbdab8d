import { setTimeout as sleep } from 'node:timers/promises'
import { MemcacheClient } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'

// Where other clients of memcached have failed. Traps that belong to one subject are with the tests
// of that subject; these are the others.

let server: MemcachedServer
beforeAll(async () => {
  server = await startMemcached()
})
afterAll(() => server.stop())

describe.each(['meta', 'classic', 'binary'] as const)('with %s', (protocol) => {
  const client = (): MemcacheClient =>
    new MemcacheClient({ servers: server.address, protocol, namespace: `${protocol}:` })

  test('the spaces that a decrement leaves behind a number are none of its value', async () => {
    await using cache = client()
    await cache.set('n', 10)
    expect(await cache.decrement('n')).toBe(9)
    expect(await cache.get('n')).toBe(9)
    expect(await cache.wrap('n', () => 'loaded')).toBe(9)
    expect(await cache.increment('n', 5)).toBe(14)
  })

  test('many long keys are read and touched at once', async () => {
    await using cache = client()
    const keys = Array.from({ length: 50 }, (_, index) => `${index}:`.padEnd(230, 'k'))
    await cache.setMany(keys.map((key, index) => [key, index]))
    const found = await Promise.all(keys.map((key) => cache.getAndTouch(key, 60)))
    expect(found).toEqual(keys.map((_, index) => index))
    expect([...(await cache.getMany(keys)).values()]).toEqual(found)
  })
})

test('flags of all 32 bits are flags, more are refused before anything is sent', async () => {
  await using cache = new MemcacheClient(server.address)
  await cache.meta.set('flags', 'x', `F${2 ** 32 - 1}`)
  expect(await cache.inspect('flags')).toMatchObject({ flags: 2 ** 32 - 1 })
  await expect(cache.get('flags')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_DECODE' })
  for (const flags of [2 ** 32 - 1, 2 ** 32]) {
    const transcoder = {
      serialize: (value: unknown) => ({ data: 'stored', flags: value === null ? 0 : flags }),
      deserialize: (_bytes: Buffer, read: number) => read,
    }
    await using own = new MemcacheClient({ servers: server.address, transcoder })
    if (flags < 2 ** 32) expect(await own.set('own', 'value')).toBe(true)
    else await expect(own.set('own', 'value')).rejects.toBeInstanceOf(TypeError)
    expect(await own.get('own')).toBe(2 ** 32 - 1)
  }
})

test('an opaque token of 31 bytes comes back, one of 32 is refused and never sent', async () => {
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

test('ms I stores under an older token, and says EX or NF to a newer one and a missing item', async () => {
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

test('the namespace is not hashed when the server of a key is chosen', () => {
  const servers = ['a', 'b', 'c', 'd']
  for (const distribution of ['ketama', 'ketama-fixed', 'modula'] as const) {
    const plain = new MemcacheClient({ servers, distribution })
    const named = new MemcacheClient({ servers, distribution, namespace: 'app:' })
    for (const key of ['estados', 'é', 'user:7', 'page']) {
      expect(named.serverFor(key)).toBe(plain.serverFor(key))
    }
  }
})

test('nothing is sent behind a password before the server has taken it', async () => {
  let early = 0
  let taken = false
  await using silent = await startFakeServer((socket) => {
    socket.on('data', async (packets) => {
      if (!taken) early += packets.length
      const answer = Buffer.alloc(24)
      answer[0] = 0x81
      answer[1] = packets[1] as number
      packets.copy(answer, 12, 12, 16)
      if (!taken) await sleep(200)
      taken = true
      socket.write(answer)
    })
  })
  const auth = { username: 'user', password: 'secret' }
  await using cache = new MemcacheClient({ servers: silent.address, protocol: 'binary', auth })
  const calls = Promise.allSettled([cache.set('a', 1), cache.set('b', 2)])
  await sleep(150)
  // Header, the mechanism PLAIN, and what it says: the password's packet alone.
  expect(early).toBe(24 + 'PLAIN'.length + '\0user\0secret'.length)
  await cache.close().catch(() => {})
  await calls
})
