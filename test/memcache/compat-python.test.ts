import { MemcacheClient, type MemcacheOptions } from '@glammp/memcache'
import { describe, expect } from 'vitest'
import { test } from '../support/memcache.js'
import type { MemcachedServer } from '../support/memcached.js'
import { hasPythonClients, inPython } from '../support/python.js'

const PYLIBMC = `import pylibmc
client = pylibmc.Client([f'{h}:{p}' for h, p in given['servers']], behaviors=given['behaviors'])`
const PYMEMCACHE = `from pymemcache.client.hash import HashClient
from pymemcache import serde
client = HashClient([(h, p) for h, p in given['servers']],
  serializer=serde.python_memcache_serializer, deserializer=serde.python_memcache_deserializer)`

const keys = Array.from({ length: 300 }, (_, index) => `key:${index}`)

describe.skipIf(!hasPythonClients).each<[string, MemcacheOptions['compat'], string, object]>([
  ['pylibmc', 'pylibmc', PYLIBMC, {}],
  [
    'pylibmc with ketama_weighted',
    { name: 'pylibmc', ketama: true },
    PYLIBMC,
    { ketama_weighted: true },
  ],
  ['pymemcache', 'pymemcache', PYMEMCACHE, {}],
])('%s', (_name, compat, start, behaviors) => {
  const client = (servers: readonly string[], options: MemcacheOptions = {}): MemcacheClient =>
    new MemcacheClient({ servers, compat, ...options })
  const run = <T>(servers: readonly MemcachedServer[], code: string, input = {}): Promise<T> =>
    inPython<T>(`${start}\n${code}`, {
      servers: servers.map(({ host, port }) => [host, port]),
      behaviors,
      ...input,
    })

  test('writes what we read and reads what we write, each where the other looks', async ({
    servers,
    addresses,
  }) => {
    await using cache = client(addresses)
    await run(
      servers,
      `for key in given['keys']: client.set('py:' + key, 'olá ' + key)
client.set('int', 42)
client.set('large', 2 ** 63)
client.set('bytes', b'\\xff\\x00')
client.set('pickled', [1, 2])
answer = 1`,
      { keys },
    )
    const theirs = await cache.getMany(keys.map((key) => `py:${key}`))
    expect([...theirs.values()]).toEqual(keys.map((key) => `olá ${key}`))
    expect(await cache.get('int')).toBe(42)
    expect(await cache.get('large')).toBe(2n ** 63n)
    expect(await cache.get('bytes')).toEqual(Buffer.from([0xff, 0]))
    // A pickle is a program.
    await expect(cache.get('pickled')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_DECODE' })

    await cache.setMany(keys.map((key) => [key, `☃ ${key}`]))
    await cache.setMany({ n: 7, b: Buffer.from([0xfe]) })
    const ours = await run<unknown[]>(
      servers,
      `answer = [[client.get(key) for key in given['keys']], client.get('n'), list(client.get('b'))]`,
      { keys },
    )
    expect(ours).toEqual([keys.map((key) => `☃ ${key}`), 7, [0xfe]])
    for (const value of [[1], { a: 1 }, null, true, 1.5]) {
      await expect(cache.set('refused', value)).rejects.toBeInstanceOf(TypeError)
    }
  })

  test('counts with us', async ({ servers, addresses }) => {
    await using cache = client(addresses)
    await run(servers, `client.set('counter', 10)\nclient.incr('counter', 5)\nanswer = 1`)
    expect(await cache.increment('counter')).toBe(16)
    expect(await cache.get('counter')).toBe(16)
  })

  test.skipIf(start !== PYLIBMC)(
    'expands what we compress, and compresses what we expand',
    async ({ servers, addresses }) => {
      await using cache = client(addresses, { compression: true })
      await cache.set('ours', 'é'.repeat(50_000))
      expect((await cache.inspect('ours'))?.size).toBeLessThan(5_000)
      const same = await run<boolean>(
        servers,
        `client.set('theirs', 'fox ' * 5000, min_compress_len=1)\nanswer = client.get('ours') == 'é' * 50000`,
      )
      expect(same).toBe(true)
      expect(await cache.get('theirs')).toBe('fox '.repeat(5_000))
      expect((await cache.inspect('theirs'))?.size).toBeLessThan(5_000)
    },
  )
})
