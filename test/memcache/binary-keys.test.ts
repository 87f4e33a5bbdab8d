import { InvalidKeyError, type Key, MemcacheClient } from '@glammp/memcache'
import fc from 'fast-check'
import { afterEach, describe, expect, expectTypeOf } from 'vitest'
import { test } from '../support/memcache.js'
import { hasBinary, spoken } from '../support/server-source.js'

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

/** Bytes that no line of text could hold as a key. */
const KEYS: readonly Buffer[] = [
  bytes(' '),
  bytes('a b'),
  bytes('\0'),
  bytes('a\0b'),
  bytes('a\r\nflush_all\r\n'),
  bytes('a b\r\nset x 0 0 1\r\n1\r\n'),
  bytes('\x7f'),
  Buffer.from(Array.from({ length: 128 }, (_, byte) => byte)),
  Buffer.from(Array.from({ length: 160 }, (_, index) => (index + 96) % 256)),
]
/** Bytes that a line can hold. */
const TEXTS: readonly Buffer[] = [bytes('a'), bytes('\xff\xfe'), Buffer.from('é☃')]

describe.each(spoken(['meta', 'binary']))('bytes as a key, over %s', (protocol) => {
  let cache: MemcacheClient
  test.beforeEach(({ addresses }) => {
    cache = new MemcacheClient({ servers: addresses, protocol, namespace: `${protocol}:` })
  })
  afterEach(() => cache.close())

  test.for(
    [...KEYS, ...TEXTS].map((key) => [JSON.stringify(key.toString('latin1', 0, 40)), key] as const),
  )('%s works with every command', async ([_name, key], { addresses }) => {
    // What a caller does with its Buffer afterwards is not of concern.
    const copy = (): Buffer => Buffer.from(key)
    await cache.delete(key)
    expect(await cache.get(key)).toBeUndefined()
    expect(await cache.replace(key, 1)).toBe(false)
    expect(await cache.add(key, 'b')).toBe(true)
    expect(await cache.add(copy(), 'c')).toBe(false)
    expect(await cache.append(key, 'c')).toBe(true)
    expect(await cache.prepend(key, Buffer.from('a'))).toBe(true)
    expect(await cache.get(copy())).toBe('abc')
    const item = await cache.gets(key)
    expect(item?.value).toBe('abc')
    expect(await cache.cas(key, { list: [1] }, item?.cas ?? '')).toBe('stored')
    expect(await cache.cas(key, 0, item?.cas ?? '')).toBe('exists')
    expect(await cache.getAndTouch(key, 100)).toEqual({ list: [1] })
    expect(await cache.touch(key, 200)).toBe(true)
    // Over the size that is sent apart from its command.
    const large = Buffer.alloc(100_000, 1)
    expect(await cache.set(key, large, 100)).toBe(true)
    expect(large.equals((await cache.get<Buffer>(key)) ?? Buffer.alloc(0))).toBe(true)
    expect(await cache.set(key, 7)).toBe(true)
    expect(await cache.increment(key, 3)).toBe(10)
    expect(await cache.decrement(key)).toBe(9)
    expect(await cache.delete(key)).toBe(true)
    expect(await cache.increment(key)).toBeUndefined()
    expect(await cache.increment(key, 1, { initial: 5 })).toBe(5)
    expect(await cache.touch(Buffer.concat([key, bytes('\0')]), 1)).toBe(false)
    expect(addresses).toContain(cache.serverFor(key))
    expect(await cache.delete(key)).toBe(true)
    expect(await cache.delete(key)).toBe(false)
  })

  test('all values of a byte, and any bytes, keep their values apart', async () => {
    const singles = Array.from({ length: 256 }, (_, byte) => Buffer.from([byte]))
    expect(await cache.setMany(singles.map((key, value) => [key, value]))).toBe(256)
    const found = await cache.getMany(singles)
    expect([...found]).toEqual(singles.map((key, value) => [key, value]))
    expect(await cache.deleteMany(singles)).toBe(256)
    const key = fc.uint8Array({ minLength: 1, maxLength: 100 })
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(key, { minLength: 1, maxLength: 20, selector: String }),
        async (keys) => {
          await cache.setMany(keys.map((one) => [one, one]))
          const read = await cache.getMany(keys)
          expect([...read.keys()]).toEqual(keys)
          for (const [one, value] of read) expect(Buffer.compare(one, value as Buffer)).toBe(0)
          expect(await cache.deleteMany(keys)).toBe(keys.length)
        },
      ),
      { numRuns: 50 },
    )
  })

  test('results are keyed by the objects of the call; equal bytes are read once', async () => {
    await cache.setMany(
      new Map<Key, unknown>([
        [bytes('a b'), 1],
        ['text', 2],
      ]),
    )
    const one = bytes('a b')
    const same = new Uint8Array(one)
    const asBytes = bytes('text')
    const found = await cache.getMany<number, Key>([one, 'text', same, asBytes, bytes('no'), one])
    expect([...found]).toEqual([
      [one, 1],
      ['text', 2],
      [same, 1],
      [asBytes, 2],
    ])
    expect([...found.keys()][2]).toBe(same)
    expect(found.get(bytes('a b'))).toBeUndefined()
    const withCas = await cache.getsMany([one, same])
    expectTypeOf(await cache.getMany<number>(['text'])).toEqualTypeOf<Map<string, number>>()
    expectTypeOf(await cache.getMany([one])).toEqualTypeOf<Map<Buffer, unknown>>()
    expectTypeOf(found).toEqualTypeOf<Map<Key, number>>()
    expect(withCas.get(same)).toEqual(withCas.get(one))
    expect(withCas.get(one)).toMatchObject({ value: 1, cas: expect.stringMatching(/^\d+$/) })
  })

  test('the limit of the length is known before a byte is sent', async ({ addresses }) => {
    const longest = (protocol === 'binary' ? 250 : 186) - `${protocol}:`.length
    const key = Buffer.alloc(longest, ' ')
    await cache.set(key, 'longest')
    expect(await cache.get(key)).toBe('longest')
    const over = Buffer.alloc(longest + 1, ' ')
    await expect(cache.get(over)).rejects.toMatchObject({
      code: 'ERR_MEMCACHE_INVALID_KEY',
      key: over,
    })
    await expect(cache.set(over, 1)).rejects.toBeInstanceOf(InvalidKeyError)
    await using hashing = new MemcacheClient({ servers: addresses, protocol, longKeys: 'hash' })
    await hashing.set(over, 'hashed')
    expect(await hashing.get(Buffer.from(over))).toBe('hashed')
    expect(await hashing.get(Buffer.alloc(longest + 2, ' '))).toBeUndefined()
  })

  test('wrap: one load for many callers, changes end it, tags and large values work', async ({
    addresses,
  }) => {
    await using wide = new MemcacheClient({
      servers: addresses,
      protocol,
      namespace: `${protocol}-wrap:`,
      near: { max: 10, ttl: 60 },
      largeValues: 'chunk',
    })
    const key = bytes('w\r\n\0')
    let loads = 0
    const load = async (): Promise<string> => {
      loads += 1
      return `${loads}`.repeat(2_000_000)
    }
    const wrap = (): Promise<string> => wide.wrap(Buffer.from(key), load, { ttl: 100, tags: ['t'] })
    const values = await Promise.all([wrap(), wrap(), wrap()])
    expect(new Set(values)).toEqual(new Set(['1'.repeat(2_000_000)]))
    expect(await wrap()).toBe(values[0])
    expect(loads).toBe(1)
    // From the server, as another process would.
    expect(await wide.get(key)).toBe(values[0])
    await wide.delete(key)
    expect((await wrap()).startsWith('2')).toBe(true)
    expect(await wide.invalidate(key, { stale: 60 })).toBe(true)
    while (!(await wrap()).startsWith('3')) await wide.get(key)
    await wide.tag('t').invalidate()
    expect((await wrap()).startsWith('4')).toBe(true)
  })

  test('wrapMany: keys of the loader are compared by their bytes', async () => {
    const keys = [bytes('m 1'), bytes('m 2'), bytes('m 1'), bytes('m 3')] as const
    let asked: Buffer[] = []
    const found = await cache.wrapMany(keys, (missing) => {
      asked = missing
      return new Map(missing.slice(0, 2).map((key) => [Buffer.from(key), key.toString()]))
    })
    expect(asked).toEqual([keys[0], keys[1], keys[3]])
    expect([...found]).toEqual([
      [keys[0], 'm 1'],
      [keys[1], 'm 2'],
      [keys[2], 'm 1'],
    ])
    expect(await cache.getMany(keys)).toEqual(found)
    const again = await cache.wrapMany<string, Key>([keys[1], 'new'], () => ['loaded'])
    expect(again.get(keys[1])).toBe('m 2')
    expect(again.get('new')).toBe('loaded')
  })
})

test('the caller may go on using its bytes', async ({ addresses }) => {
  for (const protocol of spoken(['meta', 'binary'])) {
    await using cache = new MemcacheClient({ servers: addresses, protocol, namespace: 'reused:' })
    const scratch = bytes('  ')
    /** One call a number, all by the same Buffer. */
    const each = <T>(call: (key: Buffer, number: number) => Promise<T>): Promise<T[]> =>
      Promise.all(
        Array.from({ length: 50 }, (_, number) => {
          scratch[1] = number
          return call(scratch, number)
        }),
      )
    const numbers = Array.from({ length: 50 }, (_, number) => number)
    await each((key) => cache.delete(key))
    expect(await each((key, number) => cache.wrap(key, () => number))).toEqual(numbers)
    expect(await each((key) => cache.get(key))).toEqual(numbers)
    const found = await each((key) => cache.getMany([key]))
    expect(found.map((map) => map.get(scratch))).toEqual(numbers)
    expect(await each((key) => cache.invalidate(key))).toEqual(numbers.map(() => true))
    await each((key) => cache.delete(key))
    await each((key, initial) => cache.increment(key, 1, { initial }))
    expect(await each((key) => cache.increment(key))).toEqual(numbers.map((number) => number + 1))
  }
})

test('a text and its bytes are one key', async ({ addresses }) => {
  for (const protocol of spoken(['meta', 'classic', 'binary'])) {
    await using cache = new MemcacheClient({ servers: addresses, protocol })
    await cache.set('é:1', protocol)
    expect(await cache.get(Buffer.from('é:1'))).toBe(protocol)
    const found = await cache.getMany<string, Key>([Buffer.from('é:1'), 'é:1'])
    expect([...found.values()]).toEqual([protocol, protocol])
    expect(cache.serverFor(Buffer.from('é:1'))).toBe(cache.serverFor('é:1'))
    await cache.delete('é:2')
    let loads = 0
    const load = (): number => {
      loads += 1
      return loads
    }
    const both = [cache.wrap('é:2', load), cache.wrap(Buffer.from('é:2'), load)]
    expect(await Promise.all(both)).toEqual([1, 1])
  }
})

test.skipIf(!hasBinary)(
  'meta and binary clients share keys, and agree on their servers',
  async ({ addresses }) => {
    await using meta = new MemcacheClient({ servers: addresses, namespace: 'n:' })
    await using binary = new MemcacheClient({
      servers: addresses,
      namespace: 'n:',
      protocol: 'binary',
    })
    const keys = Array.from({ length: 100 }, (_, index) => bytes(`k ${index}\n`))
    await binary.setMany(keys.map((key, index) => [key, index]))
    expect([...(await meta.getMany(keys)).values()]).toEqual([...keys.keys()])
    expect(keys.map((key) => meta.serverFor(key))).toEqual(keys.map((key) => binary.serverFor(key)))
    await using bare = new MemcacheClient({ servers: addresses })
    expect(keys.map((key) => bare.serverFor(key))).toEqual(keys.map((key) => meta.serverFor(key)))
  },
)

test('raw meta commands and inspect take bytes; k, which would come back as bytes, is refused', async ({
  addresses,
}) => {
  await using cache = new MemcacheClient({ servers: addresses })
  const key = bytes('raw \r\n')
  expect(await cache.meta.set(key, 'text', 'T100 c')).toMatchObject({ status: 'found' })
  const { value, flags } = await cache.meta.get(key, 'v t')
  expect([String(value), flags.get('t')]).toEqual(['text', expect.stringMatching(/^\d+$/)])
  expect(await cache.inspect(key)).toMatchObject({ size: 4, stale: false })
  await cache.set(key, 1)
  const counted = await cache.meta.arithmetic(key, 'v D4')
  expect(String(counted.value)).toBe('5')
  for (const flags of ['k', 'v k', 'k v']) {
    await expect(cache.meta.get(key, flags)).rejects.toBeInstanceOf(TypeError)
  }
  const text = await cache.meta.get(bytes('text'), 'k')
  expect(text.status).toMatch(/found|missing/)
  expect(await cache.meta.delete(key)).toMatchObject({ status: 'found' })
  expect(await cache.inspect(key)).toBeUndefined()
})

test('keys and watch give bytes where they are the key of no text', async ({ addresses }) => {
  await using cache = new MemcacheClient({ servers: addresses, namespace: 'listed:' })
  const all: Key[] = ['é%20', bytes('a b'), bytes('\xff'), bytes('a\r\n\0')]
  const log = cache.watch('mutations')
  const first = log.next()
  const seen: Key[] = []
  await cache.setMany(all.map((key) => [key, 1]))
  for await (const key of cache.keys()) seen.push(key)
  const sorted = (keys: Key[]): Key[] =>
    keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  expect(sorted(seen)).toEqual(sorted(all))
  const some: Key[] = []
  for await (const key of cache.keys({ prefix: bytes('a\r') })) some.push(key)
  expect(some).toEqual([bytes('a\r\n\0')])
  const timer = setInterval(() => void cache.set(bytes('w w'), 1), 50)
  let event = await first
  while (!Buffer.isBuffer(event.value?.key)) event = await log.next()
  clearInterval(timer)
  expect(all.concat([bytes('w w')])).toContainEqual(event.value.key)
  await log.return?.()
  expect(await cache.deleteMany(seen)).toBe(all.length)
})

test('keys of any bytes', async ({ addresses }) => {
  await using cache = new MemcacheClient(addresses)
  const key = Buffer.from(Array.from({ length: 186 }, (_, index) => index))
  await cache.set(key, 'bytes')
  expect(await cache.get(Buffer.from(key))).toBe('bytes')
  expect([...(await cache.getMany([key]))]).toEqual([[key, 'bytes']])
})
