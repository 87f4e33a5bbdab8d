import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError } from '../errors.js'
import { deserialize, serialize } from './serializer.js'

const stored = (value: unknown): { flags: number; bytes: Buffer } => {
  const { data, flags } = serialize(value)
  return {
    flags,
    bytes: typeof data === 'string' ? Buffer.from(data, 'latin1') : Buffer.from(data),
  }
}
const decode = (flags: number, bytes: Buffer): unknown => {
  // In the middle of a chunk, as it comes from a socket.
  const chunk = Buffer.concat([Buffer.from('VA '), bytes, Buffer.from('\r\n')])
  return deserialize(flags, chunk, 3, 3 + bytes.length)
}
const roundTrip = (value: unknown): unknown => {
  const { flags, bytes } = stored(value)
  return decode(flags, bytes)
}

describe('a value comes back as it went in', () => {
  test.each([
    ['empty text', ''],
    ['text', 'héllo ☃ 日本'],
    ['long text', 'é'.repeat(10_000)],
    ['integer', 42],
    ['negative integer', -7],
    ['largest integer', Number.MAX_SAFE_INTEGER],
    ['fraction', 0.1 + 0.2],
    ['huge number', 1e300],
    ['past 2^53', 2 ** 60],
    ['minus zero', -0],
    ['NaN', Number.NaN],
    ['infinity', -Infinity],
    ['true', true],
    ['false', false],
    ['null', null],
    ['bigint', 5n],
    ['bigint past 64 bits', 2n ** 80n],
    ['negative bigint', -(2n ** 70n)],
    ['date', new Date(1_234)],
    ['Buffer', Buffer.from([0, 13, 10, 255])],
    ['empty Buffer', Buffer.alloc(0)],
    ['Uint8Array', new Uint8Array([1, 2, 3])],
    ['array', [1, 'a', null, [true]]],
    ['object', { a: { b: [1, 2], c: null }, d: new Date(5), e: 7n }],
    [
      'Map',
      new Map<unknown, unknown>([
        ['a', 1],
        [2, new Map([['x', new Set([1])]])],
      ]),
    ],
    ['object with a Map inside', { a: [new Map([[{ k: 1 }, 'v']])] }],
    ['Set', new Set(['x', 1])],
    ['bytes inside', { b: Buffer.from('hi'), u: new Uint8Array([1]) }],
  ])('%s', (_name, value) => {
    const back = roundTrip(value)
    expect(back).toStrictEqual(value)
    expect(Object.is(back, value) || typeof value === 'object').toBe(true)
  })

  test('any JSON, but one with a key __proto__, which is refused', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const json = JSON.stringify(value)
        if (json.includes('"__proto__":')) expect(() => serialize(value)).toThrow(TypeError)
        else expect(JSON.stringify(roundTrip(value))).toBe(json)
      }),
    )
  })
})

describe('on the wire', () => {
  test.each([
    ['hello', 0, 'hello'],
    ['a\r\nb\nEND\r\n\\n\0', 0, 'a\r\nb\nEND\r\n\\n\0'],
    [42, 1, '42'],
    [3.14, 2, '3.14'],
    [true, 3, '1'],
    [false, 3, ''],
  ])('%j has the flags and text that php-memcached reads', (value, flags, text) => {
    expect(stored(value)).toEqual({ flags, bytes: Buffer.from(text) })
  })

  test('an array or object without a Map is plain msgpack', () => {
    expect(stored([1, 'a', null])).toEqual({ flags: 7, bytes: Buffer.from('9301a161c0', 'hex') })
    expect(stored({ a: 1 })).toEqual({ flags: 7, bytes: Buffer.from('de0001a16101', 'hex') })
  })

  test('bytes are a string for other clients', () => {
    const { flags, bytes } = stored(Buffer.from([1, 2]))
    expect(flags & 0xf).toBe(0)
    expect(bytes).toEqual(Buffer.from([1, 2]))
  })

  test('bytes are copied: writing to the array later changes nothing', () => {
    const array = Buffer.from('before')
    const { data } = serialize(array)
    array.write('after!')
    expect(Buffer.from(data as Uint8Array).toString()).toBe('before')
  })
})

describe('what other clients wrote', () => {
  test('user flags of PHP change no value', () => {
    const items = ['text', '', 12, 1.5, true, false, null, ['k', 1]].map((value) => {
      const { flags, bytes } = stored(value)
      return { value, flags, bytes }
    })
    const numbers = [0x7fff, 0xffff, ...Array.from({ length: 16 }, (_, bit) => 2 ** bit)]
    for (const user of [...Array(64).keys(), ...numbers]) {
      for (const { value, flags, bytes } of items) {
        expect(decode(((user << 16) | flags) >>> 0, bytes)).toStrictEqual(value)
      }
    }
  })

  test.each<[number, string, unknown]>([
    [1, '9 ', 9],
    [2, '.30000000000000004', 0.30000000000000004],
    [2, 'Infinity', Infinity],
    [3, '0', false],
    [4, 'a:2:{i:0;i:7;i:1;s:1:"x";}', [7, 'x']],
    [5, '\0\0\0\x02\x14\x01\x11\x01a\x06\x07', { a: 7 }],
    [6, '{"a\\/\\u00e9":1}', { 'a/é': 1 }],
  ])('flags %i, %j', (flags, text, value) => {
    expect(decode(flags, Buffer.from(text))).toEqual(value)
  })

  test.each([
    ["a type that PHP's Memcached has not", 8, 'a:0:{}'],
    ['PHP serialize that is cut', 4, 'a:1:{i:0;'],
    ['igbinary with a rest', 5, '\0\0\0\x02\x14\0\0'],
    ['fastlz', 0x50, 'xxxx'],
    ['an invalid integer', 1, 'abc'],
    ['an integer past 2^53', 1, '18446744073709551615'],
    ['an invalid number', 2, ''],
    ['an invalid boolean', 3, 'yes'],
    ['broken JSON', 6, '{'],
    ['broken msgpack', 7, '\x93\x01'],
    ['msgpack with a rest', 7, '\x01\x01'],
    ['nothing as msgpack', 7, ''],
  ])('%s is a DecodeError, never a wrong value', (_name, flags, text) => {
    expect(() => decode(flags, Buffer.from(text, 'latin1'))).toThrow(DecodeError)
  })

  test('any flags and bytes are a value or a DecodeError', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.uint8Array(), (flags, bytes) => {
        try {
          decode(flags, Buffer.from(bytes))
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      { numRuns: 1_000 },
    )
  })
})

test.each([undefined, () => 1, Symbol('s')])('%s cannot be stored', (value) => {
  expect(() => serialize(value)).toThrow(TypeError)
})

test.each([
  ['a function in an object', { a: [() => 1] }],
  ['a function in a Map', new Map([['a', new Set([() => 1])]])],
  ['a symbol in an array', [Symbol('s')]],
  ['a key __proto__', JSON.parse('[{"__proto__":1}]')],
  ['a key __proto__ beside a Map', [new Map(), JSON.parse('{"__proto__":1}')]],
])('%s cannot be stored', (_name, value) => {
  expect(() => serialize(value)).toThrow(TypeError)
})

test('a cycle cannot be stored', () => {
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  expect(() => serialize(cycle)).toThrow(TypeError)
})

describe('msgpack in the middle of a chunk', () => {
  test('keeps nothing of the chunk alive', () => {
    const value = {
      bytes: Buffer.from('abc'),
      floats: new Float32Array([1, 2]),
      text: 'é'.repeat(9),
    }
    const { flags, bytes } = stored(value)
    const chunk = Buffer.concat([Buffer.alloc(100), bytes, Buffer.alloc(100)])
    const found = deserialize(flags, chunk, 100, 100 + bytes.length) as typeof value
    expect(found.bytes.buffer).not.toBe(chunk.buffer)
    expect(found.floats.buffer).not.toBe(chunk.buffer)
    chunk.fill(0)
    expect(Buffer.from(found.bytes).toString()).toBe('abc')
    expect([...found.floats]).toEqual([1, 2])
    expect(found.text).toBe('é'.repeat(9))
  })

  test('of which bytes are missing is a DecodeError, whatever follows', () => {
    const value = { name: 'O Ivo', rows: [{ at: 1.5, on: true }, 'text', 7, Buffer.from('abc')] }
    const { flags, bytes } = stored(value)
    for (let length = 0; length < bytes.length; length += 1) {
      const chunk = Buffer.concat([Buffer.from('VA '), bytes])
      expect(() => deserialize(flags, chunk, 3, 3 + length), `${length} bytes`).toThrow(DecodeError)
    }
  })
})
