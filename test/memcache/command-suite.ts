import { MemcacheClient, type MemcacheOptions } from '@glammp/memcache'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

export interface CommandSuite {
  readonly protocol?: MemcacheOptions['protocol']
  /** What the server does not do; what it answers then is for other tests. */
  readonly lacks?: readonly Feature[]
}

/** `servers`: keys are where `serverFor` says. */
export type Feature = 'cas' | 'flushAll' | 'getAndTouch' | 'servers' | 'stats' | 'verbosity'

/**
 * What every command must do, whatever the protocol and the transport.
 *
 * @param name - part of the keys, so that suites may share servers.
 * @param place - told when the servers run; `servers` are addresses.
 */
export function testCommands(
  name: string,
  place: () => MemcacheOptions,
  { protocol, lacks = [] }: CommandSuite = {},
): void {
  describe(`over ${name}`, () => {
    let cache: MemcacheClient
    beforeAll(() => {
      cache = new MemcacheClient(place())
    })
    // Not by flushAll: that takes with it what is stored in the same second.
    beforeEach(async () => {
      const used = ['a', 'gone', 'n', 'm', 'text', 'estados', ...keys(500)]
      await Promise.all(used.map((key) => cache.delete(key)))
    })
    afterAll(() => cache.close())
    // No hyphen: memcached up to 1.6.18 looks for one behind a counter over 2^63, in what was there before.
    const prefix = name.replaceAll(/\W/g, '_')
    const keys = (count: number): string[] =>
      Array.from({ length: count }, (_, index) => `${prefix}:${index}`)

    test('get resolves to the value, or undefined on a miss', async () => {
      expect(await cache.get('estados')).toBeUndefined()
      expect(await cache.set('estados', ['SC', 'RS', 'SP'], 100)).toBe(true)
      expect(await cache.get<string[]>('estados')).toEqual(['SC', 'RS', 'SP'])
    })

    test('text that looks like the protocol comes back as it is', async () => {
      const texts = [
        '',
        'END\r\n',
        'VALUE x 0 1\r\n',
        'VA 1\r\n',
        '\r\n',
        'flush_all',
        '\0',
        'é☃',
        ' ',
      ]
      for (const text of texts) {
        await cache.set('text', text)
        expect(await cache.get('text')).toBe(text)
      }
    })

    test('keys of any allowed characters work', async () => {
      for (const key of [
        'é☃日本',
        '!"#$%&()*+,-./:;<=>?@[]^_`{|}~',
        'k'.repeat(240),
        '0',
        '漢'.repeat(80),
      ]) {
        expect(await cache.set(key, key)).toBe(true)
        expect(await cache.get(key)).toBe(key)
        expect(await cache.delete(key)).toBe(true)
      }
    })

    test('getMany resolves to a Map of the hits, in the order of the keys', async () => {
      const all = keys(500)
      const stored = all.filter((_, index) => index % 3 !== 0)
      await Promise.all(stored.map((key, index) => cache.set(key, { index })))
      const found = await cache.getMany<{ index: number }>(all)
      expect([...found.keys()]).toEqual(stored)
      expect([...found.values()]).toEqual(stored.map((_, index) => ({ index })))
    })

    test('getMany of nothing is empty, and keys asked for twice stand once', async () => {
      expect(await cache.getMany([])).toEqual(new Map())
      await cache.set('a', 1)
      expect(await cache.getMany(['a', 'b', 'a'])).toEqual(new Map([['a', 1]]))
    })

    test.skipIf(lacks.includes('cas'))(
      'gets and getsMany give the token that cas compares',
      async () => {
        await cache.set('a', 1)
        const first = await cache.gets<number>('a')
        expect(first).toEqual({ value: 1, cas: expect.stringMatching(/^\d+$/) })
        const token = first?.cas ?? ''
        expect(await cache.cas('a', 2, token)).toBe('stored')
        expect(await cache.cas('a', 3, token)).toBe('exists')
        expect(await cache.cas('gone', 3, token)).toBe('missing')
        const many = await cache.getsMany<number>(['a', 'gone'])
        expect(many.get('a')?.value).toBe(2)
        expect(many.get('a')?.cas).not.toBe(token)
        expect(many.size).toBe(1)
        expect(await cache.gets('gone')).toBeUndefined()
      },
    )

    test('add stores once, replace stores what is there', async () => {
      expect(await cache.replace('a', 0)).toBe(false)
      expect(await cache.add('a', 1)).toBe(true)
      expect(await cache.add('a', 2)).toBe(false)
      expect(await cache.get('a')).toBe(1)
      expect(await cache.replace('a', 3)).toBe(true)
      expect(await cache.get('a')).toBe(3)
    })

    test('append and prepend add text or bytes to what is there', async () => {
      expect(await cache.append('a', 'x')).toBe(false)
      expect(await cache.prepend('a', 'x')).toBe(false)
      await cache.set('a', 'mid')
      expect(await cache.append('a', 'é')).toBe(true)
      expect(await cache.prepend('a', Buffer.from('<'))).toBe(true)
      expect(await cache.get('a')).toBe('<midé')
      await expect(cache.append('a', { b: 1 } as unknown as string)).rejects.toBeInstanceOf(
        TypeError,
      )
    })

    test('delete and touch tell whether the item was there', async () => {
      expect(await cache.touch('a', 60)).toBe(false)
      expect(await cache.delete('a')).toBe(false)
      await cache.set('a', 1)
      expect(await cache.touch('a', 60)).toBe(true)
      expect(await cache.delete('a')).toBe(true)
      expect(await cache.get('a')).toBeUndefined()
    })

    test.skipIf(lacks.includes('getAndTouch'))('getAndTouch reads', async () => {
      expect(await cache.getAndTouch('a', 60)).toBeUndefined()
      await cache.set('a', { b: 1 }, 60)
      expect(await cache.getAndTouch('a', 0)).toEqual({ b: 1 })
    })

    test('counters count what set wrote, and read back as numbers', async () => {
      expect(await cache.increment('n')).toBeUndefined()
      await cache.set('n', 10)
      expect(await cache.decrement('n')).toBe(9)
      expect(await cache.get('n')).toBe(9)
      expect(await cache.decrement('n', 100)).toBe(0)
      expect(await cache.get('n')).toBe(0)
      expect(await cache.increment('n', 5)).toBe(5)
      expect((await cache.getMany(['n'])).get('n')).toBe(5)
    })

    test('a counter starts with initial, once', async () => {
      expect(await cache.increment('n', 1, { initial: 100, ttl: 60 })).toBe(100)
      expect(await cache.get('n')).toBe(100)
      expect(await cache.increment('n', 1, { initial: 100 })).toBe(101)
      const all = Array.from({ length: 50 }, () => cache.increment('m', 1, { initial: 1 }))
      expect((await Promise.all(all)).map(Number).sort((one, other) => one - other)).toEqual(
        Array.from({ length: 50 }, (_, index) => index + 1),
      )
    })

    test('a bigint counts over all 64 bits, a number past 2^53 rejects rather than lies', async () => {
      const large = 2n ** 64n - 2n
      expect(await cache.increment('n', 1n, { initial: large })).toBe(large)
      expect(await cache.get('n')).toBe(large)
      expect(await cache.increment('n', 1n)).toBe(large + 1n)
      await expect(cache.increment('n', 0)).rejects.toBeInstanceOf(RangeError)
      expect(await cache.increment('n', 2n)).toBe(1n)
    })

    test('counting a value that is not a number is a ClientError, and the connection stays open', async () => {
      await cache.set('a', 'text')
      await expect(cache.increment('a')).rejects.toMatchObject({
        code: 'ERR_MEMCACHE_CLIENT',
        key: 'a',
        server: cache.serverFor('a'),
      })
      expect(await cache.get('a')).toBe('text')
    })

    test('a value of 900 kB comes back as it is, between small ones', async () => {
      const value = Buffer.alloc(900_000, 'é')
      const [stored] = await Promise.all([cache.set('a', value), cache.set('n', 1)])
      expect(stored).toBe(true)
      const [large, small] = await Promise.all([cache.get<Buffer>('a'), cache.get('n')])
      expect(value.equals(large ?? Buffer.alloc(0))).toBe(true)
      expect(small).toBe(1)
    })

    test.skipIf(lacks.includes('stats'))('version and stats answer for every server', async () => {
      const addresses = Object.keys(await cache.version())
      expect(new Set(addresses)).toEqual(new Set(keys(60).map((key) => cache.serverFor(key))))
      for (const text of Object.values(await cache.version()))
        expect(text).toMatch(/^\d+\.\d+\.\d+/)
      // Its many replies may come in one record of TLS.
      const stats = await cache.stats()
      expect(Object.keys(stats)).toEqual(addresses)
      for (const address of addresses) {
        expect(stats[address]).toMatchObject({
          pid: expect.any(Number),
          version: expect.any(String),
          rusage_user: expect.any(Number),
          curr_connections: expect.any(Number),
        })
      }
      for (const section of ['settings', 'items', 'slabs', 'sizes'] as const) {
        const answers = await cache.stats(section)
        for (const address of addresses) expect(answers[address]).not.toBeInstanceOf(Error)
      }
      const settings = await cache.stats('settings')
      const casEnabled = lacks.includes('cas') ? 'no' : 'yes'
      expect(settings[addresses[0] as string]).toMatchObject({ cas_enabled: casEnabled })
    })

    test.skipIf(lacks.includes('flushAll'))('flushAll empties every server', async () => {
      const addresses = Object.keys(await cache.version())
      const everywhere = Object.fromEntries(addresses.map((address) => [address, true]))
      await Promise.all(keys(30).map((key) => cache.set(key, 1)))
      expect(await cache.flushAll({ delay: 1_000 })).toEqual(everywhere)
      expect((await cache.getMany(keys(30))).size).toBe(30)
      expect(await cache.flushAll()).toEqual(everywhere)
      expect((await cache.getMany(keys(30))).size).toBe(0)
    })

    // No memcached knows it in binary; what comes behind it must work all the same.
    test.skipIf(lacks.includes('verbosity'))('verbosity answers for every server', async () => {
      const [levels, value] = await Promise.all([cache.verbosity(0), cache.get('gone')])
      for (const level of Object.values(levels)) {
        if (protocol === 'binary') expect(level).toMatchObject({ code: 'ERR_MEMCACHE_CLIENT' })
        else expect(level).toBe(true)
      }
      expect(value).toBeUndefined()
    })

    test.skipIf(lacks.includes('servers'))(
      'serverFor names the server on which the key is',
      async () => {
        await Promise.all(keys(60).map((key) => cache.set(key, key)))
        const places = new Set<string>()
        for (const server of place().servers as readonly string[]) {
          await using alone = new MemcacheClient({ ...place(), servers: server })
          for (const key of (await alone.getMany(keys(60))).keys()) {
            expect(cache.serverFor(key)).toBe(alone.serverFor(key))
            places.add(`${server} ${key}`)
          }
        }
        expect(places.size).toBe(60)
      },
    )
  })
}
