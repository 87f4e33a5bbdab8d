import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { codecOf, decodeWith } from '../../../packages/gearman/src/codec.js'
import { ProtocolError } from '../../../packages/gearman/src/errors.js'
import { DecodeError } from '../../../packages/memcache/src/errors.js'
import { ChunkIndex } from '../../../packages/memcache/src/values/chunk-index.js'
import { Compression } from '../../../packages/memcache/src/values/compression.js'
import { Envelope, NO_TAGS } from '../../../packages/memcache/src/values/envelope.js'
import { dalliValues } from '../../../packages/memcache/src/values/foreign/dalli-values.js'
import { phpMemcacheValues } from '../../../packages/memcache/src/values/foreign/php-memcache-values.js'
import { phpMemcachedValues } from '../../../packages/memcache/src/values/foreign/php-memcached-values.js'
import { pythonValues } from '../../../packages/memcache/src/values/foreign/python-values.js'
import { expandFastlz } from '../../../packages/memcache/src/values/formats/fastlz.js'
import { unserializeIgbinary } from '../../../packages/memcache/src/values/formats/igbinary-reader.js'
import { serializeIgbinary } from '../../../packages/memcache/src/values/formats/igbinary-writer.js'
import { unserializePhp } from '../../../packages/memcache/src/values/formats/php-reader.js'
import { deserialize, serialize } from '../../../packages/memcache/src/values/serializer.js'
import { StreamCompression } from '../../../packages/memcache/src/values/stream-compression.js'
import { defaultTranscoder } from '../../../packages/memcache/src/values/transcoder.js'
import { only, type Target } from '../engine/target.js'

const SAMPLES: readonly unknown[] = [
  { a: 1, b: [true, null, 1.5, -7, 'text'], c: { d: 2n ** 63n } },
  new Map<unknown, unknown>([
    ['a', 1],
    [2, new Set(['x'])],
  ]),
  [new Date(0), /a+/g, new Error('e'), new Uint8Array([1, 2]), 'x'.repeat(40)],
  [
    { a: 1, b: 2 },
    { a: 3, b: 4 },
    { a: 5, b: 6 },
    { a: 7, b: 8 },
  ],
]

const PLAIN = 7
const RECORDS = 7 | (4 << 16) | 0x8000
const GOOD = { a: ['unchanged', 1, new Date(5)], b: new Map([['c', { d: 1 }]]) }
const good = serialize(GOOD)
const goodBytes = Buffer.from(good.data as Uint8Array)

const bytesOf = (data: string | Uint8Array): Buffer =>
  typeof data === 'string' ? Buffer.from(data, 'latin1') : Buffer.from(data)

/** Flags in the first four bytes, the value behind them, in the middle of a chunk. */
function flagged(input: Buffer): [flags: number, bytes: Buffer, start: number, end: number] {
  const flags = input.length >= 4 ? input.readUInt32LE(0) : 0
  const chunk = Buffer.concat([Buffer.from('before'), input.subarray(4), Buffer.from('after')])
  return [flags, chunk, 6, chunk.length - 5]
}

function withFlags(flags: number, data: string | Uint8Array): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32LE(flags)
  return Buffer.concat([head, bytesOf(data)])
}

const samples = SAMPLES.map((value) => serialize(value))
const MSGPACK = [
  ...[
    '\xc0',
    '\xc4',
    '\xc6',
    '\xc7',
    '\xc9',
    '\xd4',
    '\xd6',
    '\xd9',
    '\xdc',
    '\xdd',
    '\xdf',
    '\x91',
  ],
  ...[
    '\xd4r\x40',
    '\xd5r\x40\x00',
    '\xd6i\0\0\0\x01',
    '\xd6p\0\0\0\x01',
    '\xd4s\0',
    '\xd4e\0',
    '\xd4x\0',
  ],
  ...[
    '\xc7\x02t\x07',
    '\xc7\x09B',
    '\xd6b\0\0\0\x08',
    '\xd6\xff\0\0\0\x01',
    '__proto__',
    '\xa1a',
    '\x40',
  ],
]

const compressed = (flags: number, small: Uint8Array, length: number): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt32LE(length)
  return withFlags(flags, Buffer.concat([head, small]))
}
const TEXT = Buffer.from('abcabcabcabcabc'.repeat(40))
const MOST_EXPANDED = 1 << 20
const compression = new Compression(undefined, MOST_EXPANDED)
const stream = new StreamCompression(2, undefined, MOST_EXPANDED)
const envelope = new Envelope(defaultTranscoder)
const notes = { expiry: 5, stale: 6, fingerprint: `${NO_TAGS.slice(1)}x` }

/** Readers of values. */
export const values: readonly Target[] = [
  {
    name: 'memcache-values',
    seeds: [
      ...samples.map(({ data, flags }) => withFlags(flags, data)),
      withFlags(0, 'text'),
      withFlags(1, '12 '),
      withFlags(2, '1.5'),
      withFlags(3, '1'),
      withFlags(6, '{"a":[1,null]}'),
      withFlags((3 << 16) | 0x8000, '123456789012345678901234567890'),
    ],
    words: [...MSGPACK, '{', '[', '"a":', 'NaN', 'Infinity', '-0', '0x10', '\x04\x80\x04\0'],
    run: (input) => void only([DecodeError], () => deserialize(...flagged(input))),
  },
  {
    name: 'msgpack',
    seeds: samples.map(({ data }) => bytesOf(data)),
    words: MSGPACK,
    run(input) {
      for (const flags of [PLAIN, RECORDS]) {
        only([DecodeError], () => deserialize(flags, input, 0, input.length))
      }
      const codec = codecOf('msgpack')
      only([ProtocolError], () => decodeWith(codec, Buffer.from(input), 'f'))
      // The reader keeps nothing of it.
      const value = deserialize(good.flags, goodBytes, 0, goodBytes.length)
      if (JSON.stringify(value) !== JSON.stringify(GOOD)) throw new Error('the next value differs')
    },
  },
  {
    name: 'php',
    seeds: [
      'a:2:{i:0;s:1:"x";s:1:"k";d:1.5;}',
      'O:8:"DateTime":3:{s:4:"date";s:26:"2020-01-01 00:00:00.000000";s:13:"timezone_type";i:3;s:8:"timezone";s:3:"UTC";}',
      'a:2:{i:0;a:1:{i:0;b:1;}i:1;R:2;}',
      'i:-5;',
      'N;',
      'E:3:"A:B";',
    ],
    words: [
      'a:',
      'O:',
      's:',
      'i:',
      'd:',
      'b:',
      'N;',
      'R:1;',
      'r:1;',
      '{',
      '}',
      ':',
      ';',
      '"',
      '\0*\0a',
      'INF',
      'NAN',
    ],
    run: (input) => void only([DecodeError], () => unserializePhp(input)),
  },
  {
    name: 'igbinary',
    seeds: SAMPLES.slice(0, 1)
      .concat([
        [['a', 'a'], { a: 'b' }],
        [1, 300, 70_000, -5, 1.5, true, null, ''],
      ])
      .map((value) => serializeIgbinary(JSON.parse(JSON.stringify(value, bigintText)))),
    words: [
      '\0\0\0\x02',
      '\x14',
      '\x15',
      '\x16',
      '\x17\x01a',
      '\x0e\0',
      '\x11\x01a',
      '\x25',
      '\x01\0',
      '\x22\0',
    ],
    run: (input) => void only([DecodeError], () => unserializeIgbinary(input)),
  },
  {
    name: 'fastlz',
    seeds: [
      Buffer.from('\x03\x00\x02abc\x00x', 'latin1'),
      Buffer.from('\x20\x02abc\x60\x02', 'latin1'),
    ],
    words: ['\xff', '\xe0', '\xff\xff', '\x20', '\x40\x02', '\xe0\xff'],
    memory: (input) => 65_536 + 512 * input.length,
    run(input) {
      const length = input.length >= 4 ? input.readUInt32LE(0) % (1 << 24) : 0
      only([RangeError], () => expandFastlz(input.subarray(4), length))
    },
  },
  {
    name: 'compressed',
    seeds: [
      compressed(0x30, deflateSync(TEXT), TEXT.length),
      compressed(0x110, deflateRawSync(TEXT), TEXT.length),
      compressed(0x210, gzipSync(TEXT), TEXT.length),
      compressed(0x410, brotliCompressSync(TEXT), TEXT.length),
      compressed(0x50, Buffer.from('\x02abc', 'latin1'), 3),
      withFlags(2, deflateSync(TEXT)),
    ],
    words: [
      '\x30\0\0\0',
      '\x10\x01\0\0',
      '\x10\x02\0\0',
      '\x10\x04\0\0',
      '\x50\0\0\0',
      '\xff\xff\x0f\0',
    ],
    memory: (input) => (4 << 20) + 2 * MOST_EXPANDED + 64 * input.length,
    async run(input) {
      const [flags, bytes, start, end] = flagged(input)
      for (const way of [compression, stream]) {
        const expanded = only([DecodeError], () => way.expand(flags, bytes, start, end))
        if (!(expanded instanceof Promise)) continue
        const error: unknown = await expanded.then(
          () => undefined,
          (cause: unknown) => cause,
        )
        only([DecodeError], () => {
          if (error !== undefined) throw error
        })
      }
    },
  },
  {
    name: 'chunk-index',
    seeds: ['glammp1 abcdefghijklmnop 3 3000 7 0a1b2c3d'],
    words: ['glammp1 ', ' ', '0'],
    run: (input) =>
      void only([DecodeError], () => ChunkIndex.read(input.toString('latin1'), 1 << 30)),
  },
  {
    name: 'envelope',
    seeds: await Promise.all(
      [undefined, 'text', '', { a: 1 }, 5].map(async (value) => {
        const { data, flags } = await envelope.seal(value, notes)
        return withFlags(flags, data)
      }),
    ),
    words: ['\0gw2', '\0gw3', '\0\0\0\x40', '\0\0\0\x20', '\0\0\0\x10'],
    async run(input) {
      const [flags, bytes, start, end] = flagged(input)
      await envelope.unseal(flags, bytes, start, end)
      only([DecodeError], () => envelope.decode(flags, bytes, start, end))
    },
  },
  {
    name: 'foreign-values',
    seeds: [
      withFlags(0, 'text'),
      withFlags(1, '{"a":[1,12345678901234567890]}'),
      withFlags(1, 'a:1:{i:0;i:5;}'),
      withFlags(4, 'text'),
      withFlags(2, '123'),
      withFlags(0x100, '1'),
      withFlags(0x300, '-5'),
      withFlags(0x700, '1.5'),
    ],
    words: [
      '\x01\0\0\0',
      '\x02\0\0\0',
      '\x04\0\0\0',
      '\0\x01\0\0',
      '\0\x03\0\0',
      '\0\x07\0\0',
      '\x10\0\0\0',
      '{"a":',
    ],
    run(input) {
      const [flags, bytes, start, end] = flagged(input)
      const ways = [dalliValues, pythonValues, phpMemcacheValues, phpMemcachedValues('php')]
      for (const { deserialize: read } of ways) {
        only([DecodeError], () => read(flags, bytes, start, end))
      }
    },
  },
]

function bigintText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
