import { MemcacheClient } from '@glammp/memcache'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { held } from '../support/held.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { spoken } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'
import { pastEnd } from './past-end.js'

const MB = 1_048_576

let server: MemcachedServer
let meta: MemcacheClient
beforeAll(async () => {
  server = await startMemcached({ args: ['-m', '256'] })
  meta = new MemcacheClient({ servers: server.address, protocol: 'meta' })
})
afterAll(async () => {
  await meta.close()
  await server.stop()
})

const large = (megabytes: number, letter = 1): Buffer => Buffer.alloc(megabytes * MB, letter)

/** Pieces that were listed, by any test, and those of the tests before this one. */
const seen = new Set<string>()
let earlier: ReadonlySet<string> = new Set()

/** The pieces of this test. A listing leaves out what another thread of the server has in hand. */
const pieces = async (): Promise<string[]> => {
  const keys: string[] = []
  for await (const key of meta.keys()) {
    if (String(key).startsWith('glammp:chunk:')) keys.push(String(key))
  }
  for (const key of keys) seen.add(key)
  return keys.filter((key) => !earlier.has(key))
}

/** Others are deleted behind what replaced them. */
const onlyPieces = (count: number): Promise<unknown> =>
  waitFor(
    async () => {
      expect(await pieces()).toHaveLength(count)
      return true
    },
    { what: `${count} pieces` },
  )

describe.each(spoken(['meta', 'classic', 'binary']))(
  'the pieces of a large value, on %s',
  (protocol) => {
    let cache: MemcacheClient
    let other: MemcacheClient
    beforeAll(() => {
      const options = {
        servers: server.address,
        protocol,
        largeValues: 'chunk',
        timeout: 10_000,
      } as const
      cache = new MemcacheClient(options)
      other = new MemcacheClient(options)
    })
    afterAll(() => Promise.all([cache.close(), other.close()]))
    beforeEach(async () => {
      await meta.deleteMany(await pieces())
      earlier = new Set(seen)
    })

    const name = (text: string): string => `${protocol}:${text}`

    test('go when wrap stores it anew', async () => {
      const key = name('anew')
      const options = { ttl: 1, stale: 600 }
      await cache.wrap(key, () => large(3), options)
      await onlyPieces(4)
      await pastEnd(cache, key, options)
      expect((await cache.wrap(key, () => large(2, 2), options)).length).toBe(3 * MB)
      await waitFor(async () => (await other.get<Buffer>(key))?.equals(large(2, 2)) === true)
      await onlyPieces(3)
      await pastEnd(cache, key, options)
      await cache.wrapMany([key], () => ['small'], options)
      await waitFor(async () => (await other.get(key)) === 'small')
      await onlyPieces(0)
    })

    test('go when its tag is invalidated and another is stored', async () => {
      const key = name('tagged')
      const options = { ttl: 600, tags: ['film'] }
      await cache.wrap(key, () => large(3), options)
      await cache.tag('film').invalidate()
      expect((await other.wrap(key, () => large(2, 2), options)).equals(large(2, 2))).toBe(true)
      await onlyPieces(3)
    })

    test('go when there is no value any more', async () => {
      const key = name('nothing')
      const options = { ttl: 1, stale: 600 }
      await cache.wrap(key, () => large(2) as Buffer | undefined, options)
      await pastEnd(cache, key, options)
      await cache.wrap(key, () => undefined, options)
      await waitFor(async () => (await other.get(key)) === undefined)
      await onlyPieces(0)
    })

    test('that was not stored go as well', async () => {
      for (const how of ['set', 'delete', 'invalidate'] as const) {
        const key = name(`not:${how}`)
        const hold = held<Buffer | string>()
        const asked = cache.wrap(key, hold.load, { ttl: 600 })
        await hold.begun
        if (how === 'set') await other.set(key, 'small', 600)
        else await other[how](key)
        hold.end(large(2))
        await asked
        expect(await other.get(key)).toBe(how === 'set' ? 'small' : undefined)
        await onlyPieces(0)
      }
    })

    test('live as long as it does after invalidate', async () => {
      const key = name('invalidated')
      await cache.wrap(key, () => large(2), { ttl: 3_600 })
      expect(await other.invalidate(key, { stale: 100 })).toBe(true)
      if (protocol !== 'meta') await onlyPieces(0)
      const isEnding = async (piece: string): Promise<boolean> =>
        ((await meta.inspect(piece))?.ttl ?? 0) <= 100
      await waitFor(async () => (await Promise.all((await pieces()).map(isEnding))).every(Boolean))
      const hold = held<Buffer>()
      const asked = cache.wrap(key, hold.load, { ttl: 3_600 })
      await hold.begun
      const old = await other.get<Buffer>(key)
      expect(old?.length).toBe(protocol === 'meta' ? 2 * MB : undefined)
      hold.end(large(3))
      await asked
      await onlyPieces(4)
      expect((await other.get<Buffer>(key))?.equals(large(3))).toBe(true)
    })

    test('live longer with it after invalidate and touch', async () => {
      const key = name('longer')
      await cache.set(key, large(2), 5)
      if (protocol === 'meta') await other.invalidate(key, { stale: 600 })
      else await other.touch(key, 600)
      const ttls = async (): Promise<number[]> =>
        Promise.all((await pieces()).map(async (piece) => (await meta.inspect(piece))?.ttl ?? 0))
      await waitFor(async () => (await ttls()).every((ttl) => ttl > 500))
      await other.getAndTouch(key, 0)
      await waitFor(async () => (await ttls()).join() === 'Infinity,Infinity,Infinity')
      await other.touch(key, 100)
      expect((await ttls()).every((ttl) => ttl <= 100)).toBe(true)
    })
  },
)

test('a hit of a large value is one look and one reading of its pieces', async () => {
  await using cache = new MemcacheClient({
    servers: server.address,
    largeValues: 'chunk',
    timeout: 10_000,
  })
  await cache.wrap('hits', () => large(2), { ttl: 600 })
  const before = cache.metrics().commands
  await cache.wrap('hits', () => large(1), { ttl: 600 })
  const { commands } = cache.metrics()
  expect((commands['wrap']?.calls ?? 0) - (before['wrap']?.calls ?? 0)).toBe(1)
  expect((commands['get chunk']?.calls ?? 0) - (before['get chunk']?.calls ?? 0)).toBe(3)
  await cache.set('hits', 'small')
  expect(cache.metrics().commands['set']).toMatchObject({ calls: 1, misses: 0 })
})
