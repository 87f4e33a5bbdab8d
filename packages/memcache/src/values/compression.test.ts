import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError } from '../errors.js'
import type { CompressionOptions } from './compression.js'
import type { CompressionAlgorithm } from './compressor.js'
import type { Compressor } from './foreign-compressor.js'
import type { SerializerName } from './serializers.js'
import { createTranscoder, type Transcoder } from './transcoder.js'

const ALGORITHMS = ['zlib', 'deflate', 'gzip', 'brotli'] as const
const MIB = 1_048_576

const transcoder = (
  compression: CompressionOptions | undefined,
  serializer: SerializerName = 'msgpack',
): Transcoder => createTranscoder({ serializer, compression, maxExpanded: 16 * MIB })

interface Item {
  readonly flags: number
  readonly bytes: Buffer
}
const encode = async (codec: Transcoder, value: unknown): Promise<Item> => {
  const encoded = codec.encode(value)
  const { data, flags } = (await encoded.later) ?? encoded
  return {
    flags,
    bytes: typeof data === 'string' ? Buffer.from(data, 'latin1') : Buffer.from(data),
  }
}
const decode = async (codec: Transcoder, { flags, bytes }: Item): Promise<unknown> =>
  codec.decode(flags, Buffer.concat([Buffer.from('VA '), bytes]), 3, 3 + bytes.length)

/** msgpack holds no key `__proto__`: see serializer.test.ts. */
const isStorable = (value: unknown): boolean => !JSON.stringify(value).includes('"__proto__":')

/** As php-memcached writes it: four bytes of length, then a zlib stream. */
const announced = (length: number, stream: Buffer): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt32LE(length)
  return Buffer.concat([head, stream])
}

describe.each(ALGORITHMS)('%s', (algorithm: CompressionAlgorithm) => {
  const codec = transcoder({ algorithm, threshold: 40 })

  test('any value comes back as it went in, read by a client that compresses or not', async () => {
    const value = fc.oneof(
      fc.string({ minLength: 30, maxLength: 3_000 }),
      fc.constantFrom('a', 'é').map((letter) => letter.repeat(20_000)),
      fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes)),
      fc.array(fc.jsonValue({ noUnicodeString: false })).filter(isStorable),
    )
    await fc.assert(
      fc.asyncProperty(value, async (input) => {
        const item = await encode(codec, input)
        for (const reader of [codec, transcoder(undefined)]) {
          expect(JSON.stringify(await decode(reader, item))).toBe(JSON.stringify(input))
        }
      }),
    )
  })

  test('a value that was cut, changed or added to is a DecodeError, never a wrong value', async () => {
    const text = `estado ${'SC RS SP '.repeat(40)}`
    const { flags, bytes } = await encode(codec, text)
    expect(flags & 0x10).toBe(0x10)
    const damaged = fc.oneof(
      fc.nat(bytes.length - 1).map((end) => bytes.subarray(0, end)),
      fc.uint8Array({ minLength: 1 }).map((rest) => Buffer.concat([bytes, rest])),
      fc.uint8Array({ minLength: 1, maxLength: 50 }).map((head) => Buffer.concat([head, bytes])),
    )
    await fc.assert(
      fc.asyncProperty(damaged, async (wrong) => {
        await expect(decode(codec, { flags, bytes: wrong })).rejects.toBeInstanceOf(DecodeError)
      }),
    )
  })

  test('one of 300,000 bytes is compressed and expanded off the thread', async () => {
    const text = 'x'.repeat(300_000)
    const encoded = codec.encode(text)
    expect(encoded.data.length).toBe(300_000)
    const { flags, data } = (await encoded.later) ?? encoded
    expect(data.length).toBeLessThan(2_000)
    const decoded = codec.decode(flags, Buffer.from(data as Uint8Array), 0, data.length)
    expect(decoded).toBeInstanceOf(Promise)
    expect(await decoded).toBe(text)
  })
})

test.each([
  ['zlib', 0x30, 0x30],
  ['deflate', 0x110, 0x110],
  ['gzip', 0x210, 0x210],
  ['brotli', 0x410, 0x410],
] as const)('the flags of %s are %i beside those of the type', async (algorithm, text, mark) => {
  const codec = transcoder({ algorithm, threshold: 40 })
  expect((await encode(codec, 'a'.repeat(100))).flags).toBe(text)
  expect((await encode(codec, { a: 'a'.repeat(100) })).flags).toBe(mark | 7)
  expect((await encode(codec, Buffer.alloc(100))).flags).toBe(mark | 0x18000)
})

test('zlib is written as php-memcached writes it', async () => {
  const { bytes } = await encode(transcoder({}), 'The quick brown fox. '.repeat(500))
  expect(bytes.subarray(0, 6).toString('hex')).toBe('04290000789c')
})

describe('only what gets smaller is compressed', () => {
  test.each([
    ['counters and other numbers', 1_111_111_111_111_111, 0],
    ['2,000 bytes by default', 'a'.repeat(2_000), undefined],
    ['32 bytes, whatever the threshold', 'a'.repeat(32), 0],
    ['bytes without a pattern', Buffer.from(Array.from({ length: 99 }, (_, i) => i * 7)), 40],
  ])('not %s', async (_name, value, threshold) => {
    const compressed = await encode(transcoder({ threshold }), value)
    expect(compressed).toEqual(await encode(transcoder(undefined), value))
  })

  test('2,001 bytes are, by default', async () => {
    expect((await encode(transcoder({}), 'a'.repeat(2_001))).bytes.length).toBeLessThan(100)
  })

  test('nothing is where compression is off, nor over maxSize', async () => {
    const long = 'a'.repeat(100_000)
    expect((await encode(transcoder(undefined), long)).bytes).toHaveLength(100_000)
    expect((await encode(transcoder({ maxSize: 99_999 }), long)).bytes).toHaveLength(100_000)
  })
})

describe('a value bomb', () => {
  const zeros = deflateSync(Buffer.alloc(64 * MIB))

  test.each([
    ['that announces 64 MiB', 64 * MIB],
    ['that announces 16 MiB, which is allowed, and has more', 16 * MIB],
    ['that announces ten bytes', 10],
    ['that announces nothing', 0],
    ['that announces 4 GiB', 2 ** 32 - 1],
  ])('%s is a DecodeError and takes little memory', async (_name, length) => {
    const before = process.memoryUsage().rss
    const item = { flags: 0x30, bytes: announced(length, zeros) }
    await expect(decode(transcoder(undefined), item)).rejects.toBeInstanceOf(DecodeError)
    expect(process.memoryUsage().rss - before).toBeLessThan(60 * MIB)
  })

  test('within the bounds is a value', async () => {
    const bytes = announced(8 * MIB, deflateSync(Buffer.alloc(8 * MIB)))
    const mark = 0x18000
    const value = (await decode(transcoder(undefined), { flags: 0x30 | mark, bytes })) as Buffer
    expect(value).toHaveLength(8 * MIB)
  })
})

test.each([
  ['fastlz', 0x50, /1684234849 bytes/],
  ['an algorithm that nobody has', 0xff10, /0x7f10/],
  ['no bytes at all', 0x30, /length/],
])('%s is a DecodeError that says what it is', async (_name, flags, message) => {
  const bytes = Buffer.from(flags === 0x30 ? 'ab' : 'abcdefgh')
  await expect(decode(transcoder(undefined), { flags, bytes })).rejects.toThrow(message)
})

describe('serializers', () => {
  test('json stores objects as JSON and reads msgpack too', async () => {
    const codec = transcoder(undefined, 'json')
    const value = { a: [1, 'é', null] }
    const item = await encode(codec, value)
    expect(item).toEqual({ flags: 6, bytes: Buffer.from(JSON.stringify(value)) })
    expect(await decode(codec, item)).toEqual(value)
    expect(await decode(codec, await encode(transcoder(undefined), value))).toEqual(value)
    for (const scalar of ['text', 42, 0.5, true, 7n, Buffer.from('b')]) {
      expect(await decode(codec, await encode(codec, scalar))).toEqual(scalar)
    }
    const cycle: { self?: unknown } = {}
    cycle.self = cycle
    for (const bad of [undefined, () => 1, cycle, { toJSON: () => undefined }, { a: 1n }]) {
      expect(() => codec.encode(bad)).toThrow(TypeError)
    }
  })

  test('raw stores strings and bytes, and reads bytes, whatever their flags', async () => {
    const codec = transcoder(undefined, 'raw')
    expect(await encode(codec, 'é')).toEqual({ flags: 0, bytes: Buffer.from('é') })
    const bytes = Buffer.from([0, 1, 2])
    expect(await decode(codec, { flags: 0x30 | 4, bytes })).toEqual(bytes)
    expect(() => codec.encode(1)).toThrow(TypeError)
    const compressing = transcoder({ threshold: 40 }, 'raw')
    const long = Buffer.alloc(100)
    expect(await decode(compressing, await encode(compressing, long))).toEqual(long)
  })

  const reversing = {
    serialize: (value: unknown) => ({
      data: [...String(value)].reverse().join(''),
      flags: 0x7000f,
    }),
    deserialize: (bytes: Buffer, flags: number) => ({ text: bytes.toString(), flags }),
  }
  test('one of the user is asked, with and without compression', async () => {
    for (const compression of [undefined, { threshold: 40 }]) {
      const codec = createTranscoder({ serializer: reversing, compression, maxExpanded: MIB })
      const text = `${'a'.repeat(100)}é`
      const back = { text: `é${'a'.repeat(100)}`, flags: 0x7000f }
      expect(await decode(codec, await encode(codec, text))).toEqual(back)
    }
  })

  test.each([
    [{ data: 'x', flags: 0x10 }],
    [{ data: 'x', flags: -1 }],
    [{ data: 'x', flags: 2 ** 32 }],
    [{ data: 5, flags: 0 }],
  ])('what one of the user must not return is a TypeError: %j', (encoded) => {
    const serializer = { serialize: () => encoded as never, deserialize: () => 1 }
    const codec = createTranscoder({ serializer, compression: {}, maxExpanded: MIB })
    expect(() => codec.encode('x')).toThrow(TypeError)
  })

  test('what one of the user throws at reading is the cause of a DecodeError', async () => {
    const cause = new Error('old format')
    const serializer = {
      serialize: () => ({ data: '', flags: 0 }),
      deserialize: () => {
        throw cause
      },
    }
    const codec = createTranscoder({ serializer, compression: undefined, maxExpanded: MIB })
    const decoding = decode(codec, { flags: 0, bytes: Buffer.from('x') })
    await expect(decoding).rejects.toMatchObject({ code: 'ERR_MEMCACHE_DECODE', cause })
  })
})

describe('a compressor of the user', () => {
  const doubling: Compressor = {
    flag: 0x0810,
    compress: async (data) => data.subarray(0, data.length / 2),
    decompress: (data) => Buffer.concat([data, data]),
  }
  test('is asked, and its result checked', async () => {
    const codec = transcoder({ algorithm: doubling, threshold: 40 })
    const item = await encode(codec, 'ab'.repeat(40))
    expect(item.flags).toBe(0x0810)
    expect(await decode(codec, item)).toBe('ab'.repeat(40))
    const odd = await encode(codec, 'a'.repeat(81))
    await expect(decode(codec, odd)).rejects.toThrow(/80 bytes instead of 81/)
    // Written by somebody who has it, read by somebody who has not.
    await expect(decode(transcoder({}), item)).rejects.toThrow(/0x810/)
  })

  test.each([0x30, 0x1010, 0, 1])('may not have the flags %i', (flag) => {
    expect(() => transcoder({ algorithm: { ...doubling, flag } })).toThrow(TypeError)
  })
})

describe('invalid options', () => {
  test.each([
    [{ threshold: -1 }, RangeError],
    [{ threshold: 1.5 }, RangeError],
    [{ maxSize: 0 }, RangeError],
    [{ algorithm: 'lzma' as 'zlib' }, TypeError],
    [{ algorithm: 7 as never }, TypeError],
    [{ algorithm: { flag: 0x810 } as never }, TypeError],
  ])('%j', (compression, type) => {
    expect(() => transcoder(compression)).toThrow(type)
  })

  test.each(['xml', {}, null, 5])('transcoder %j', (serializer) => {
    const options = { serializer: serializer as 'raw', compression: undefined, maxExpanded: MIB }
    expect(() => createTranscoder(options)).toThrow(TypeError)
  })

  test('zstd says which Node has it, or works', async () => {
    if ('zstdCompressSync' in (await import('node:zlib'))) {
      const codec = transcoder({ algorithm: 'zstd', threshold: 40 })
      for (const length of [100, 500_000]) {
        const item = await encode(codec, 'a'.repeat(length))
        expect(item.flags).toBe(0x90)
        expect(await decode(codec, item)).toBe('a'.repeat(length))
        const longer = Buffer.concat([item.bytes, Buffer.from('x')])
        await expect(decode(codec, { ...item, bytes: longer })).rejects.toThrow(DecodeError)
      }
    } else {
      expect(() => transcoder({ algorithm: 'zstd' })).toThrow(/22\.15/)
    }
  })
})

test('append and prepend are refused while compression is on', () => {
  expect(() => transcoder({}).encodePiece('x')).toThrow(/compression is on/)
  expect(transcoder(undefined).encodePiece('x')).toBe('x')
})

test('a stream of another format under the flags of zlib is a DecodeError', async () => {
  const bytes = announced(100, gzipSync(Buffer.alloc(100)))
  await expect(decode(transcoder({}), { flags: 0x30, bytes })).rejects.toThrow(DecodeError)
})
