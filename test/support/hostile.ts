import fc from 'fast-check'

/** What ends, cuts or continues a command of the text protocols, if it gets there as it is. */
const CUTTING = [
  ...['\r\nflush_all\r\n', '\nflush_all\n', 'a\r\nset injected 0 0 1\r\nx\r\n', '\0flush_all\0'],
  ...['a b', 'a\tb', ' ', '\r', '\n', '\0', ' noreply', '0 0 1', '1\r\nx', ' b', '%0d%0aflush_all'],
  ...[
    '\x7f',
    '\x1b[2J',
    '\u0085',
    '\u00a0',
    '\u2028',
    '\ufeff',
    '\ud800',
    'a\udc00',
    'é',
    '🛼',
    '',
  ],
  ...[
    'shutdown\r\n',
    '\0REQ\0\0\0\x07\0\0\0\x05f\0u\0w',
    'drop function f\r\n',
    '.',
    ' :',
    '//',
    'H:a:1',
  ],
  ...['__proto__', 'constructor', 'toString', '-0', 'NaN', '1e9', '0x10', '18446744073709551616'],
  ...['x'.repeat(63), 'x'.repeat(64), 'x'.repeat(250), 'x'.repeat(251), 'é'.repeat(126)],
] as const

const text = '\r\nflush_all\r\n'

/** What is no text, but may become one, or has a length, or lies. */
const OBJECTS: readonly (() => unknown)[] = [
  () => ({ toString: () => text }),
  () => ({ [Symbol.toPrimitive]: () => text }),
  () => ({ valueOf: () => 5, toString: () => text, length: 3 }),
  () => ({ toJSON: () => text }),
  () => new Object(text),
  () => new Object(5),
  () => [text],
  () => [[text, text]],
  () => new Map([[text, text]]),
  () => new Set([text]),
  () => Buffer.from(text),
  () => new Uint8Array(0),
  () => new Uint8Array(300).fill(13),
  () => new Uint16Array([13, 10]),
  () => new DataView(new ArrayBuffer(4)),
  () => new ArrayBuffer(4),
  () => Object.create({ length: 2, 0: text, 1: text }),
  () => Object.create(null),
  () => new Date(Number.NaN),
  () => new Date(8.64e15),
  () => /\r\nflush_all/,
  () => new Error(text),
  () => () => text,
  () => Promise.resolve(text),
  () => Symbol(text),
  () => {
    const changing = { times: 0, toString: () => (changing.times++ === 0 ? 'a' : text) }
    return changing
  },
  () => Object.defineProperty({}, 'length', { get: () => text.length, enumerable: true }),
]

const NUMBERS: readonly unknown[] = [
  ...[-0, 0, 1, -1, 1.5, Number.NaN, Infinity, -Infinity, 1e21, 2 ** 31, 2 ** 32, 2 ** 53, 5e-324],
  ...[0n, -1n, 2n ** 64n, 10n ** 400n, true, false, null, undefined],
]

/** Values that nobody should pass, and some that look so and are fine. */
export const hostile: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(...CUTTING),
  fc
    .array(fc.constantFrom(...CUTTING, 'a', 'key'), { maxLength: 4 })
    .map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(...OBJECTS).map((make) => make()),
  fc.constantFrom(...NUMBERS),
)

/** An error of the language itself, by which a mistake shows, instead of one of a package's words. */
export function isAccident(error: unknown): boolean {
  if (!(error instanceof Error)) return true
  return /Cannot (read|convert|set|destructure|mix)|is not (a function|iterable|defined|a constructor)|Invalid array length|call stack|undefined \(reading/.test(
    error.message,
  )
}
