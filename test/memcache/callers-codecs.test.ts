import { type Compressor, MemcacheClient, MemcacheError, type Serializer } from '@glammp/memcache'
import { describe, expect } from 'vitest'
import { test as base } from '../support/memcache.js'

// A serializer and a Compressor are the caller's code: whatever they give or throw is an error of their
// own call, which says whose fault it was, and costs `wrap` the cache alone.

const LONG = 'x'.repeat(5_000)

const compressor: Compressor = {
  flag: 0x0810,
  compress: (data) => data.subarray(0, 10),
  decompress: (_data, length) => Buffer.alloc(length, 'x'),
}
const serializer: Serializer = {
  serialize: (value) => ({ data: String(value), flags: 1 }),
  deserialize: (bytes) => bytes.toString(),
}

const thrown = new Error('of the caller')
const fails = (): never => {
  throw thrown
}
/** What is neither bytes nor text nor flags, and how it is brought about. */
const WRONG: readonly [string, () => unknown, cause?: unknown][] = [
  ['nothing', () => undefined],
  ['null', () => null],
  ['a list', () => [1, 2]],
  ['other numbers', () => new Uint16Array(4)],
  ['something with a length', () => ({ length: 3 })],
  ['a symbol', () => Symbol('s')],
  ['an error', fails, thrown],
  ['a member that throws', () => Object.defineProperty({}, 'then', { get: fails }), thrown],
]
const LATE: readonly [string, () => unknown, cause?: unknown][] = [
  ['a promise of nothing', async () => undefined],
  ['a promise that fails', async () => fails(), thrown],
  ['a thenable that throws', () => Object.fromEntries([['then', fails]]), thrown],
]

const test = base.extend('client', { scope: 'file' }, ({ server }) => {
  return (part: { transcoder?: unknown; algorithm?: unknown }): MemcacheClient =>
    new MemcacheClient({
      servers: server.address,
      transcoder: part.transcoder as Serializer | undefined,
      compression:
        part.algorithm === undefined ? false : { algorithm: part.algorithm as Compressor },
    })
})

/** Every call that stores rejects, nothing else is harmed, and wrap returns what was loaded. */
async function expectEncodeErrors(cache: MemcacheClient, cause: unknown): Promise<void> {
  const calls: Record<string, () => Promise<unknown>> = {
    set: () => cache.set('k', LONG),
    add: () => cache.add('k', LONG),
    cas: () => cache.cas('k', LONG, '1'),
    setMany: () => cache.setMany({ k: LONG }),
  }
  for (const [command, call] of Object.entries(calls)) {
    const [error] = await Promise.all([
      call().catch((reason: unknown) => reason),
      cache.get('none'),
    ])
    expect(error).toBeInstanceOf(MemcacheError)
    expect(error).toBeInstanceOf(TypeError)
    expect(error).toMatchObject({
      name: 'EncodeError',
      code: 'ERR_MEMCACHE_ENCODE',
      command,
      key: 'k',
    })
    expect((error as Error).cause).toBe(cause)
  }
  const told: unknown[] = []
  cache.on('refresh:failed', ({ error }) => told.push(error))
  expect(await cache.wrap('w', () => LONG, { ttl: 60 })).toBe(LONG)
  expect(told).toMatchObject([{ code: 'ERR_MEMCACHE_ENCODE', command: 'wrap', key: 'w' }])
}

async function expectDecodeErrors(
  cache: MemcacheClient,
  key: string,
  cause: unknown,
): Promise<void> {
  for (const call of [cache.get(key), cache.getMany(['none', key]), cache.gets(key)]) {
    const error: unknown = await call.catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ERR_MEMCACHE_DECODE', key })
    if (cause !== undefined) expect((error as Error).cause).toBe(cause)
  }
  expect(await cache.wrap(key, () => 'new', { onError: 'load' })).toBe('new')
}

describe.each([...WRONG, ...LATE])('a Compressor that gives %s', (name, give, cause) => {
  test('when it compresses', async ({ client }) => {
    await using cache = client({ algorithm: { ...compressor, compress: give } })
    await expectEncodeErrors(cache, cause)
    expect(await cache.set('short', 'text')).toBe(true)
  })

  test('when it expands', async ({ client }) => {
    await using good = client({ algorithm: compressor })
    const key = `compressed:${name.replaceAll(' ', '-')}`
    await good.set(key, LONG)
    expect(await good.get(key)).toBe(LONG)
    await using cache = client({ algorithm: { ...compressor, decompress: give } })
    await expectDecodeErrors(cache, key, cause)
  })
})

describe('a serializer', () => {
  test.for(WRONG)(
    'that gives %s for the item, its data or its flags',
    async ([_name, give, cause], { client }) => {
      const shapes = [
        give,
        () => ({ data: give(), flags: 1 }),
        () => ({ data: 'x', flags: give() }),
      ]
      for (const serialize of shapes) {
        await using cache = client({ transcoder: { ...serializer, serialize } })
        await expectEncodeErrors(cache, cause)
      }
    },
  )

  test.for(LATE)('that gives %s, which nobody waits for', async ([_name, give], { client }) => {
    const shapes = [give, () => ({ data: give(), flags: 1 }), () => ({ data: 'x', flags: give() })]
    for (const serialize of shapes) {
      await using cache = client({ transcoder: { ...serializer, serialize } })
      await expectEncodeErrors(cache, undefined)
    }
  })

  test.for([fails, async () => fails()])(
    'that cannot read: %s',
    async (deserialize, { client }) => {
      await using cache = client({ transcoder: { ...serializer, deserialize } })
      await cache.set('unread', 'x')
      await expectDecodeErrors(cache, 'unread', thrown)
    },
  )

  test('whose flags are those of chunks, or of compression', async ({ server }) => {
    const transcoder: Serializer = {
      ...serializer,
      serialize: () => ({ data: LONG, flags: 0x1010 }),
    }
    const servers = server.address
    for (const options of [{ largeValues: 'chunk' as const }, { compression: true }]) {
      await using cache = new MemcacheClient({ servers, transcoder, ...options })
      await expect(cache.set('k', 1)).rejects.toMatchObject({ code: 'ERR_MEMCACHE_ENCODE' })
    }
  })

  test.for([1 << 28, 1 << 29, 1 << 30, 0xffff_ffff])(
    'gets its flags 0x%s back from wrap too',
    async (given, { client }) => {
      const flags = given >>> 0
      const seen: number[] = []
      const transcoder: Serializer = {
        serialize: (value) => ({ data: String(value), flags }),
        deserialize: (bytes, found) => {
          seen.push(found)
          return bytes.toString()
        },
      }
      await using cache = client({ transcoder })
      for (const [key, stale] of [
        ['plain', 0],
        ['headed', 60],
      ] as const) {
        const name = `${key}:${flags}`
        expect(await cache.wrap(name, () => 'value', { ttl: 60, stale })).toBe('value')
        expect(await cache.wrap(name, fails, { ttl: 60, stale })).toBe('value')
        expect(await cache.get(name)).toBe('value')
        expect(seen.splice(0)).toEqual([flags, flags])
      }
    },
  )
})

test('a Compressor may use its buffer again, and write to what it is given', async ({ server }) => {
  const lent = Buffer.alloc(100_000)
  const algorithm: Compressor = {
    flag: 0x2010,
    compress: (data) => {
      lent[0] = data[0] as number
      data.fill(0)
      return lent.subarray(0, 1)
    },
    decompress: (data, length) => lent.subarray(0, length).fill(data[0] as number),
  }
  await using cache = new MemcacheClient({
    servers: server.address,
    transcoder: 'raw',
    compression: { algorithm },
  })
  const values = new Map(['a', 'b', 'c'].map((key) => [`lent:${key}`, Buffer.alloc(3_000, key)]))
  await cache.setMany(values)
  expect(await cache.getMany(values.keys())).toEqual(values)
})

test('flags of all 32 bits are flags, more are refused before anything is sent', async ({
  server,
}) => {
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

test('a serializer of your own', async ({ client }) => {
  const transcoder = {
    serialize: (value: unknown) => ({ data: String(value), flags: 0 }),
    deserialize: (bytes: Buffer) => bytes.toString().toUpperCase(),
  }
  await using own = client({ transcoder })
  await own.set('own', 'text')
  expect(await own.get('own')).toBe('TEXT')
})
