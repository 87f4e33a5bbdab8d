import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError } from '../errors.js'
import { unserializeIgbinary } from './formats/igbinary-reader.js'
import { serializeIgbinary } from './formats/igbinary-writer.js'
import { unserializePhp } from './formats/php-reader.js'
import { serializePhp } from './formats/php-writer.js'

const FORMATS = [
  [
    'serialize',
    (value: unknown): Buffer => Buffer.from(serializePhp(value), 'latin1'),
    unserializePhp,
  ],
  ['igbinary', serializeIgbinary, unserializeIgbinary],
] as const

/** What PHP has one array for is here a list or an object: one whose keys are 0, 1, 2 is a list. */
const asPhp = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(asPhp)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date || ArrayBuffer.isView(value)) return value
  const keys = Object.keys(value)
  const members = Object.values(value).map(asPhp)
  if (keys.every((key, index) => key === String(index))) return members
  return Object.fromEntries(keys.map((key, index) => [key, members[index]]))
}

const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false, -0, Number.NaN, Infinity, -Infinity, 1e21),
    fc.maxSafeInteger(),
    fc.double(),
    fc.integer(),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
    fc.string({ unit: 'grapheme' }),
    fc.date({ min: new Date(0), noInvalidDate: true }).filter((date) => date.getFullYear() < 9_999),
    fc.constant(Buffer.from([0xff, 0xfe, 0])),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom('0', '1', '-7', '007', 'a')),
      tie('value'),
      {
        noNullPrototype: true,
      },
    ),
  ),
})).value

describe.each(FORMATS)('PHP’s %s', (name, write, read) => {
  test('any value comes back as PHP would hold it', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(read(write(value))).toEqual(asPhp(value))
      }),
    )
  })

  test('what PHP has no type for is written as what comes nearest', () => {
    const value = {
      map: new Map<unknown, unknown>([
        [7, 'a'],
        ['b', new Set([1])],
      ]),
      gone: undefined,
      list: [undefined],
      long: 2n ** 63n - 1n,
    }
    expect(read(write(value))).toEqual({
      map: { 7: 'a', b: [1] },
      list: [null],
      long: 2n ** 63n - 1n,
    })
  })

  test('what PHP cannot hold is a TypeError', () => {
    const cycle: unknown[] = []
    cycle.push(cycle)
    const refused = [2n ** 63n, [() => 1], Symbol('s'), new Date(Number.NaN), cycle]
    for (const value of [...refused, new Map([[1.5, 1]]), new Uint16Array(1), new Date(8.64e15)]) {
      expect(() => write(value)).toThrow(TypeError)
    }
  })

  test('any bytes are a value or a DecodeError, also those of a value that was changed', () => {
    const changed = fc.tuple(values, fc.nat(), fc.nat(255)).map(([value, at, byte]) => {
      const bytes = write(value)
      bytes[at % bytes.length] = byte
      return bytes
    })
    const bytes = fc.oneof(
      fc.uint8Array().map((rest) => Buffer.concat([write([]), rest])),
      changed,
    )
    fc.assert(
      fc.property(bytes, (input) => {
        try {
          read(input)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('a value cut at any place is a DecodeError', () => {
    const bytes = write({ a: [1, 'text', 1.5, null, true], b: new Date(0) })
    for (let end = 0; end < bytes.length; end += 1) {
      expect(() => read(bytes.subarray(0, end)), `${name} ${end}`).toThrow(DecodeError)
    }
  })

  test('a name __proto__ is a property as any other', () => {
    const value = JSON.parse('{"__proto__":{"polluted":1}}')
    const back = read(write(value)) as object
    expect(Object.getOwnPropertyNames(back)).toEqual(['__proto__'])
    expect((back as { polluted?: unknown }).polluted).toBeUndefined()
  })
})

// Written by PHP 8.2 with igbinary 3.2.13.
test.each<[string, string, string, unknown]>([
  ['an empty list in a list', 'a:1:{i:0;a:0:{}}', '000000021401060014 00', [[]]],
  [
    'one object twice',
    'a:3:{i:0;a:0:{}i:1;O:8:"stdClass":1:{s:1:"a";a:0:{}}i:2;r:3;}',
    '0000000214030600140006011708737464436c6173731401110161140006022202',
    [[], { a: [] }, { a: [] }],
  ],
  [
    'a reference to a number',
    'a:3:{i:0;i:5;i:1;R:2;i:2;a:0:{}}',
    '0000000214030600250605060125010106021400',
    [5, 5, []],
  ],
  [
    'a reference to a list',
    'a:3:{i:0;a:1:{i:0;i:1;}i:1;R:2;i:2;a:0:{}}',
    '00000002140306002514010600060106012501010602 1400',
    [[1], [1], []],
  ],
  [
    'private and protected properties',
    'O:1:"P":3:{s:4:"\0P\0x";i:1;s:4:"\0*\0y";i:2;s:1:"z";i:3;}',
    '000000021701501403110400500078060111 04002a0079060211017a0603',
    { x: 1, y: 2, z: 3 },
  ],
  [
    'a date with an offset',
    'O:17:"DateTimeImmutable":3:{s:4:"date";s:26:"2020-01-02 03:04:05.500000";s:13:"timezone_type";i:1;s:8:"timezone";s:6:"+02:00";}',
    '0000000217114461746554696d65496d6d757461626c651403110464617465111a323032302d30312d30322030333a30343a30352e353030303030110d74696d657a6f6e655f747970650601110874696d657a6f6e6511062b30323a3030',
    new Date('2020-01-02T01:04:05.500Z'),
  ],
  [
    'the ends of 64 bits',
    'a:2:{i:0;i:9223372036854775807;i:1;i:-9223372036854775808;}',
    '0000000214020600207fffffffffffffff0601218000000000000000',
    [2n ** 63n - 1n, -(2n ** 63n)],
  ],
])('%s is read from both formats', (_name, text, hex, value) => {
  expect(unserializePhp(Buffer.from(text, 'latin1'))).toEqual(value)
  expect(unserializeIgbinary(Buffer.from(hex.replace(' ', ''), 'hex'))).toEqual(value)
})

test.each([
  ['an enum', 'E:3:"S:A";', '000000021701532701110141'],
  ['an object that reads itself', 'C:1:"X":3:{abc}', '00000002170158 1d03616263'],
  ['an array that contains itself', 'a:1:{i:0;R:1;}', '000000021401060025 0100'],
])('%s is a DecodeError', (_name, text, hex) => {
  expect(() => unserializePhp(Buffer.from(text))).toThrow(DecodeError)
  expect(() => unserializeIgbinary(Buffer.from(hex.replace(' ', ''), 'hex'))).toThrow(DecodeError)
})

test('a long string that igbinary tells by its number is made once', () => {
  const COUNT = 100_000
  const uint32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return bytes
  }
  const text = Buffer.from('é'.repeat(200_000))
  const parts = [uint32(2), Buffer.from([0x16]), uint32(COUNT)]
  for (let key = 0; key < COUNT; key += 1) {
    parts.push(Buffer.from([0x0a]), uint32(key))
    if (key === 0) parts.push(Buffer.from([0x13]), uint32(text.length), text)
    else parts.push(Buffer.from([0x0e, 0]))
  }
  const list = unserializeIgbinary(Buffer.concat(parts)) as string[]
  expect(list).toHaveLength(COUNT)
  expect(list[COUNT - 1]).toBe(text.toString())
})

test('a long key that igbinary tells by its number is named once', () => {
  const COUNT = 20_000
  const uint32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return bytes
  }
  const begin = performance.now()
  for (const first of [0xff, 0x00]) {
    const key = Buffer.concat([Buffer.from([first, 0x2a, 0]), Buffer.alloc(200_000, 0xff)])
    const again = Buffer.alloc(3 * (COUNT - 1), Buffer.of(0x0e, 0, 0))
    const head = [uint32(2), Buffer.of(0x16), uint32(COUNT), Buffer.of(0x13), uint32(key.length)]
    const value = unserializeIgbinary(Buffer.concat([...head, key, Buffer.of(0), again]))
    expect(Object.keys(value as object)).toHaveLength(1)
  }
  // Each number made a text of 200,000 characters: 48 s.
  expect(performance.now() - begin).toBeLessThan(5_000)
})
