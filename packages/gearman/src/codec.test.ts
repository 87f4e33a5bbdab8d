import { expect, test } from 'vitest'
import { type Codec, type CodecOption, codecOf, decodeWith, encodeWith } from './codec.js'
import { InvalidArgumentError, ProtocolError } from './errors.js'

function there(option: CodecOption, value: unknown): unknown {
  const codec = codecOf(option)
  return decodeWith(codec, Buffer.from(encodeWith(codec, value, 'f') as string), 'f')
}

test('each codec gives back what it was given', () => {
  expect(there('string', 'São João')).toBe('São João')
  expect(there('string', Buffer.from('bytes'))).toBe('bytes')
  expect(there('string', 12n)).toBe('12')
  expect(there('string', null)).toBe('')
  expect(there('buffer', Buffer.from([0, 255]))).toEqual(Buffer.from([0, 255]))
  expect(there('json', { a: [1, null, 'é'] })).toEqual({ a: [1, null, 'é'] })
  expect(there('msgpack', { a: new Date(5), b: 1.5 })).toEqual({ a: new Date(5), b: 1.5 })
  for (const option of ['json', 'msgpack'] as const)
    expect(there(option, undefined)).toBe(undefined)
})

test('a codec of your own', () => {
  const reverse: Codec<string> = {
    encode: (value) => [...value].reverse().join(''),
    decode: (data) => [...data.toString()].reverse().join(''),
  }
  expect(there(reverse as Codec, 'abc')).toBe('abc')
  expect(encodeWith(reverse as Codec, 'abc', 'f')).toBe('cba')
})

test('what cannot be encoded or decoded says so, with the cause', () => {
  expect(() => encodeWith(codecOf('string'), {}, 'f')).toThrow(InvalidArgumentError)
  expect(() => encodeWith(codecOf('json'), 1n, 'f')).toThrow(InvalidArgumentError)
  const silent = { encode: () => 7, decode: () => 7 } as unknown as Codec
  expect(() => encodeWith(silent, 'x', 'f')).toThrow(/neither a string nor bytes/)
  for (const option of ['json', 'msgpack'] as const) {
    expect(() => decodeWith(codecOf(option), Buffer.from([0xc1, 1]), 'f')).toThrow(ProtocolError)
  }
  for (const option of ['xml', 'toString', {}, null, 7]) {
    expect(() => codecOf(option as CodecOption)).toThrow(InvalidArgumentError)
  }
})

test('what was encoded is nobody else’s memory', () => {
  const given = Buffer.from('first')
  const lent = Buffer.alloc(5)
  const encode = (text: string): Buffer => lent.fill(text)
  const reusing = { encode, decode: String } as Codec
  const kept = [
    encodeWith(codecOf('string'), given, 'f'),
    encodeWith(codecOf('buffer'), given, 'f'),
    encodeWith(reusing, 'first', 'f'),
  ]
  given.fill('x')
  encodeWith(reusing, 'other', 'f')
  expect(kept.map(String)).toEqual(['first', 'first', 'first'])
  const packed = Array.from({ length: 2_000 }, (_, n) => encodeWith(codecOf('msgpack'), n, 'f'))
  const unpacked = packed.map((bytes) => decodeWith(codecOf('msgpack'), bytes as Buffer, 'f'))
  expect(unpacked).toEqual(Array.from(packed.keys()))
})
