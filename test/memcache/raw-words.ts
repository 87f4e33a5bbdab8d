import fc from 'fast-check'

/** Items of the servers that are compared are at most so large. */
export const ITEM_SIZE = 16_384

export const KEYS: readonly string[] = ['a', 'b', 'n', 'k:3']
export const ENCODED: readonly string[] = ['YQ==', 'Zm9vIGJhcg==', 'YWJj', 'bg==']

export const often = <T>(
  weight: number,
  usual: fc.Arbitrary<T>,
  rare: fc.Arbitrary<T>,
): fc.Arbitrary<T> => fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: rare })
export const one = (...values: string[]): fc.Arbitrary<string> => fc.constantFrom(...values)

export const key: fc.Arbitrary<string> = one('a', 'a', 'a', 'n', 'n', ...KEYS)
const ODD_KEYS: readonly string[] = [
  ...['k'.repeat(250), 'k'.repeat(251), 'tab\tkey', '\x01', '\x7f', '\xff\xfe', 'a\0b', 'noreply'],
  ...[...ENCODED, 'YQ', 'Y*Q==', '====', 'YQ=', 'YR==', 'A===', 'YQ==YQ==', 'Q'.repeat(248)],
]
export const oddKey: fc.Arbitrary<string> = one(...ODD_KEYS)

/** All keys that sequences write to, to begin each without them. */
export const FORGET: string = [...KEYS, ...ODD_KEYS]
  .filter((name) => name.length <= 250 && !name.includes('\0'))
  .map((name) => `md ${name} q\r\nmd ${name} b q\r\n`)
  .join('')
export const anyKey: fc.Arbitrary<string> = often(12, key, oddKey)

export const oddNumber: fc.Arbitrary<string> = one(
  ...[
    'abc',
    '1x',
    '1.5',
    '+1',
    '-0',
    '-1',
    '-10',
    '\t5',
    '5\t6',
    '0x10',
    '00012',
    '1e3',
    '--1',
    '+',
  ],
  ...['4294967295', '4294967296', '4294967297', '2147483646', '2147483648', '-2147483649'],
  ...['9223372036854775807', '9223372036854775808', '-9223372036854775808'],
  ...['-9223372036854775809', '18446744073709551615', '18446744073709551616'],
  ...['99999999999999999999', '-18446744073709551615', 'noreply', '5\v', '5\0'],
)
export const small: fc.Arbitrary<string> = fc.integer({ min: 0, max: 40 }).map(String)
export const flags: fc.Arbitrary<string> = often(
  12,
  one('0', '0', '5', '4294967295', '65536'),
  oddNumber,
)
export const exptime: fc.Arbitrary<string> = often(
  12,
  one('0', '0', '0', '100', '1000', '2592000', '-1', '2592001', '4102444800', '1000000000'),
  oddNumber,
)

const digits = one(
  ...['0', '1', '9', '10', '99', '100', '007', '42 ', ' 5', '5 5', '-5', '-0', '+3', '1.5'],
  ...['18446744073709551615', '18446744073709551614', '18446744073709551616', '9999999999'],
)
export const content: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: digits },
  {
    weight: 5,
    arbitrary: one('', 'abc', 'x', 'with\r\nlines', 'get a\r\nmn', '\0\xff\n', 'a b c'),
  },
)

/** Not with lines that are wrong: the real server closes a connection for a line that is so long. */
export const large: fc.Arbitrary<string> = fc
  .oneof(
    ...[50, 200, 2_040, 4_000, 8_110, 8_130].map((min) => fc.integer({ min, max: min + 20 })),
    fc.integer({ min: ITEM_SIZE - 80, max: ITEM_SIZE + 10 }),
  )
  .map((length) => 'v'.repeat(length))

/** A value, the length that its line has, and what is behind it. */
export const block: fc.Arbitrary<{ readonly length: string; readonly data: string }> = fc
  .tuple(
    content,
    often(25, fc.constant(0), fc.integer({ min: -3, max: 20 })),
    often(25, fc.constant('\r\n'), one('\n', '', 'xx\r\n', '\r', ' \r\n')),
    often(30, fc.constant(''), oddNumber),
  )
  .map(([value, more, end, odd]) => ({
    length: odd === '' || odd.includes('\0') ? String(value.length + more) : odd,
    data: value + end,
  }))

export const lineEnd: fc.Arbitrary<string> = often(
  20,
  fc.constant('\r\n'),
  one('\n', ' \r\n', '  \n'),
)
export const noreply: fc.Arbitrary<string> = often(
  6,
  fc.constant(''),
  one(' noreply', ' noreply', ' noreply ', ' Noreply', ' 0'),
)
export const gap: fc.Arbitrary<string> = often(30, fc.constant(' '), one('  ', '   '))

/** A number of `cas`: often that of the item, or near it. */
export const casToken: fc.Arbitrary<{ readonly token: string; readonly plus: number }> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ token: 'CAS', plus: 0 }) },
  {
    weight: 2,
    arbitrary: one('-1', '1', '-3').map((plus) => ({ token: 'CAS', plus: Number(plus) })),
  },
  { weight: 2, arbitrary: fc.oneof(oddNumber, one('0', '1')).map((token) => ({ token, plus: 0 })) },
)
