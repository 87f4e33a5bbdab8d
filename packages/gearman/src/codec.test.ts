import { expect, test } from 'vitest'
import { type Codec, type CodecOption, codecOf, decodeWith, encodeWith } from './codec.js'
import { InvalidArgumentError, ProtocolError } from './errors.js'
import { FunctionNames } from './names/function-name.js'
import { encodeUnique } from './names/unique.js'

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
  expect(() => encodeWith(silent, 'x', 'f')).toThrow(/returned 7, not text or bytes/)
  for (const option of ['json', 'msgpack'] as const) {
    expect(() => decodeWith(codecOf(option), Buffer.from([0xc1, 1]), 'f')).toThrow(ProtocolError)
  }
  for (const option of ['xml', 'toString', {}, null, 7]) {
    expect(() => codecOf(option as CodecOption)).toThrow(InvalidArgumentError)
  }
})

test('a codec that gives promises is refused to send, and heard when it receives', async () => {
  const cause = new Error('late')
  const late = async (): Promise<never> => {
    throw cause
  }
  const codec = { encode: late, decode: late } as unknown as Codec
  expect(() => encodeWith(codec, 'x', 'f')).toThrow(/returned a promise, not text or bytes/)
  await expect(decodeWith(codec, Buffer.from('x'), 'f')).rejects.toMatchObject({
    code: 'ERR_GEARMAN_PROTOCOL',
    function: 'f',
    cause,
  })
  const slow = { encode: String, decode: async () => 'slow' } as unknown as Codec
  expect(await decodeWith(slow, Buffer.from('x'), 'f')).toBe('slow')
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

test('what would arrive as something else is refused', () => {
  const half = '\ud83d'
  for (const codec of ['string', 'buffer', 'json', 'msgpack'] as const) {
    for (const text of [half, `é${half}`, 'é'.repeat(5_000) + half]) {
      expect(() => encodeWith(codecOf(codec), text, 'f')).toThrow(InvalidArgumentError)
    }
    for (const text of ['😀', '\ufffd', `${'é'.repeat(5_000)}\ufffd`, 'a'.repeat(5_000)]) {
      expect(String(there(codec, text))).toBe(text)
    }
  }
  const changed = [() => 1, Symbol(), Promise.resolve(1), [half], { [half]: 1 }, new Map([[1, 2]])]
  for (const codec of ['json', 'msgpack'] as const) {
    for (const value of [
      ...changed,
      new (class {
        #hidden = 1
      })(),
    ]) {
      expect(() => encodeWith(codecOf(codec), { v: value }, 'f')).toThrow(InvalidArgumentError)
    }
    class Id {
      readonly time = 1
      toJSON(): string {
        return 'abc'
      }
    }
    const document = Object.assign(Object.create({ save() {} }), { id: new Id() })
    expect(there(codec, { document })).toEqual({ document: { id: 'abc' } })
  }
  for (const value of [Number.NaN, new Set([1]), /a/, new Float64Array(1), [undefined]]) {
    expect(() => encodeWith(codecOf('json'), value, 'f')).toThrow(InvalidArgumentError)
    expect(there('msgpack', { value })).toEqual({ value })
  }
  expect(there('msgpack', 2n ** 80n)).toBe(2n ** 80n)
})

test('half a surrogate pair is not valid in a name or id', () => {
  const names = new FunctionNames('ns:')
  expect(names.encode('😀')).toBe(Buffer.from('ns:😀').toString('latin1'))
  expect(encodeUnique('😀')).toBe(Buffer.from('😀').toString('latin1'))
  for (const half of ['\ud83d', 'a\ude00', 'é\ud83da']) {
    expect(() => names.encode(half)).toThrow(InvalidArgumentError)
    expect(() => encodeUnique(half)).toThrow(InvalidArgumentError)
  }
})
