import { readFileSync } from 'node:fs'
import { createContext, runInContext, runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { DecodeError } from '../errors.js'
import { dalliValues } from './foreign/dalli-values.js'
import { phpMemcacheValues } from './foreign/php-memcache-values.js'
import { phpMemcachedValues } from './foreign/php-memcached-values.js'
import { deserialize, serialize } from './serializer.js'
import { type Serializer, serializerOf, type ValueSerializer } from './serializers.js'

const msgpack: ValueSerializer = { serialize, deserialize }
const json = serializerOf('json')
const formats: readonly (readonly [string, number, ValueSerializer])[] = [
  ['msgpack', 1, msgpack],
  ['json', 2, json],
  ["Dalli's JSON", 2, dalliValues],
  ["PHP's JSON", 2, phpMemcachedValues('json')],
  ["PHP's serialize", 3, phpMemcachedValues('php')],
  ["Memcache's serialize", 3, phpMemcacheValues],
  ['igbinary', 3, phpMemcachedValues('igbinary')],
]

function stored(value: unknown, values: ValueSerializer = msgpack): unknown {
  const { data, flags } = values.serialize(value)
  const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : Buffer.from(data)
  return values.deserialize(flags, bytes, 0, bytes.length)
}

class Money {
  readonly amount: number
  constructor(amount: number) {
    this.amount = amount
  }
}
class Secret {
  readonly #key = 1
  get length(): number {
    return this.#key
  }
}
const cycle: { self?: unknown } = {}
cycle.self = cycle

describe('the table of the manual', () => {
  const manual = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  const [, section = ''] = manual.split('### What comes back\n')
  const rows = (section.split('\n### ')[0] ?? '')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim().replace(/^`(.*)`$/, '$1')))
  // With the classes of this realm: another one's have a test of their own.
  const scope = { Money, Secret, cycle }
  const evaluate = (code: string): unknown =>
    new Function(...Object.keys(scope), `return (${code})`)(...Object.values(scope))

  test('has rows', () => {
    expect(rows.length).toBeGreaterThan(30)
  })

  describe.each(formats)('is what %s does', (_name, column, values) => {
    test.each(rows.map((row) => [row[1] ?? '', row[column + 1] ?? '']))('%s: %s', (code, cell) => {
      const value = { v: evaluate(code), list: [evaluate(code)] }
      if (cell === 'TypeError') expect(() => stored({ v: value.v }, values)).toThrow(TypeError)
      else {
        const { v } = stored({ v: value.v }, values) as { v: unknown }
        const expected = cell === 'same' ? value.v : evaluate(cell)
        expect(v).toEqual(expected)
        expect(Object.is(v, expected) || typeof v === 'object').toBe(true)
        expect(Object.getPrototypeOf(Object(v))).toBe(Object.getPrototypeOf(Object(expected)))
      }
    })
  })
})

describe.each(formats)('%s', (_name, column, values) => {
  test('asks toJSON once, with the name of the member', () => {
    const asked: unknown[] = []
    const id = (answer: unknown) => ({
      at: 1,
      toJSON(key: string) {
        asked.push(key)
        return answer
      },
    })
    class Document extends Map {
      toJSON(): object {
        asked.push('document')
        return { title: 'a' }
      }
    }
    class List extends Array {
      toJSON(): unknown[] {
        asked.push('list')
        return [1]
      }
    }
    const value = {
      a: id('x'),
      b: [id({ c: id(5) })],
      d: new Document(),
      e: new List(),
      f: id(undefined),
    }
    expect(stored(value, values)).toEqual({ a: 'x', b: [{ c: 5 }], d: { title: 'a' }, e: [1] })
    expect(asked.sort()).toEqual(['0', 'a', 'c', 'document', 'f', 'list'])
    const self = { ...id(0), toJSON: () => self, own: 1 }
    expect(stored({ self }, values)).toEqual({ self: { at: 1, own: 1 } })
  })

  test('takes objects of another realm for what they are', () => {
    const code =
      '({ date: new Date(5), list: [1, { a: 1 }], text: new String("t"), plain: { b: null } })'
    const far = runInNewContext(code)
    const date = column === 2 ? '1970-01-01T00:00:00.005Z' : new Date(5)
    expect(stored(far, values)).toEqual({
      date,
      list: [1, { a: 1 }],
      text: 't',
      plain: { b: null },
    })
    const own = runInNewContext(
      'new (class Far { constructor() { this.a = 1; this.d = new Date(5) } })()',
    )
    expect(stored(own, values)).toEqual({ a: 1, d: date })
    const context = createContext({})
    for (const hidden of ['new WeakSet()', 'Promise.resolve()', 'new (class { #a = 1 })()']) {
      expect(() => stored(runInContext(hidden, context), values)).toThrow(TypeError)
    }
  })

  test('refuses half a surrogate pair wherever it stands', () => {
    const half = '\ud83d'
    const places = [
      half,
      `é${half}`,
      { v: half },
      { [half]: 1 },
      [[`${half} a`]],
      new Money(half as never),
    ]
    const long = [`${'é'.repeat(5_000)}${half}`, `${'a'.repeat(5_000)}${half}`]
    for (const value of [...places, ...long, { toJSON: () => half }]) {
      expect(() => stored(value, values)).toThrow(TypeError)
    }
    for (const whole of ['😀', `${'é'.repeat(5_000)}\ufffd`, '\ufffd']) {
      expect(stored(whole, values)).toBe(whole)
      expect(stored({ [whole]: whole }, values)).toEqual({ [whole]: whole })
    }
  })

  test('neither writes nor reads numbers that take too long', () => {
    for (const value of [10n ** 20_000n, { a: 10n ** 20_000n }, [-(10n ** 20_000n)]]) {
      expect(() => stored(value, values)).toThrow(/digits|bits/)
    }
    const digits = Buffer.alloc(1_000_000, '9')
    for (const value of [1, 1n]) {
      const { flags } = values.serialize(value)
      expect(() => values.deserialize(flags, digits, 0, digits.length)).toThrow(DecodeError)
    }
  })
})

describe('msgpack', () => {
  test('knows Maps, Sets, bytes, patterns and errors of another realm', () => {
    const far: unknown = runInNewContext(
      `({ map: new Map([[1, new Set([{ a: 1 }])]]), bytes: new Uint8Array([1, 2]), pattern: /a/g, view: new Int16Array([5]),
        buffer: new Uint8Array([7]).buffer, error: new RangeError('m', { cause: new Map([[1, 2]]) }) })`,
    )
    const back = stored(far) as Record<string, unknown> & { error: Error }
    expect(back).toEqual({
      map: new Map([[1, new Set([{ a: 1 }])]]),
      bytes: new Uint8Array([1, 2]),
      pattern: /a/g,
      view: new Int16Array([5]),
      buffer: new Uint8Array([7]).buffer,
      error: expect.any(Error),
    })
    expect([back.error.name, back.error.message]).toEqual(['RangeError', 'm'])
    expect(back.error.cause).toEqual(new Map([[1, 2]]))
    expect(stored(runInNewContext('new Uint8Array([1])'))).toEqual(new Uint8Array([1]))
  })

  test('keeps name, message and cause of an error, and refuses one of several', () => {
    class HttpError extends Error {
      override name = 'HttpError'
      readonly status = 500
    }
    const error = new HttpError('m', { cause: new Money(3) })
    const back = stored({ error }) as { error: Error }
    expect([back.error.name, back.error.message]).toEqual(['HttpError', 'm'])
    expect(back.error.cause).toEqual({ amount: 3 })
    expect(() => stored(new AggregateError([1], 'm'))).toThrow(TypeError)
    expect(() => stored(new Error('\ud800'))).toThrow(TypeError)
  })
})

describe('a serializer of a user', () => {
  const using = (serialize: unknown): ValueSerializer =>
    serializerOf({ serialize, deserialize: String } as unknown as Serializer)

  test('may use its memory again', () => {
    const lent = Buffer.alloc(5)
    const { serialize: encode } = using((text: string) => ({ data: lent.fill(text), flags: 0 }))
    const first = encode('first')
    encode('other')
    expect(Buffer.from(first.data as Uint8Array).toString()).toBe('first')
  })

  test.each([
    undefined,
    null,
    'text',
    {},
    { data: 5, flags: 0 },
    { data: 'a' },
    { data: 'a', flags: -1 },
  ])('that returns %j is named', (result) => {
    expect(() => using(() => result).serialize(1)).toThrow(/serialize of the transcoder/)
  })
})

describe('what no kind of the table tells', () => {
  class Registry extends Map<unknown, unknown> {}
  class Tags extends Set<unknown> {}

  test('instances of classes that extend Map and Set keep what they hold, at any place', () => {
    const map = new Map<unknown, unknown>([['a', new Set([1])]])
    const registry = new Registry([['a', new Tags([1])]])
    for (const [value, wanted] of [
      [registry, map],
      [[registry], [map]],
      [{ in: registry }, { in: map }],
      [new Map([['in', registry]]), new Map([['in', map]])],
    ]) {
      expect(stored(value)).toEqual(wanted)
    }
  })

  test('a list that is almost empty is refused at once, also where it must be rebuilt', () => {
    const sparse: unknown[] = []
    sparse[4_000_000_000] = 1
    for (const value of [
      sparse,
      { in: sparse },
      { date: runInNewContext('new Date(5)'), sparse },
    ]) {
      for (const [, , values] of formats) {
        expect(() => values.serialize(value)).toThrow(/holes/)
      }
    }
  })

  test('an object that stands for undefined is none', () => {
    const value = { toJSON: () => undefined }
    for (const [, , values] of [...formats, ['', 1, phpMemcachedValues('msgpack')] as const]) {
      expect(() => values.serialize(value)).toThrow(TypeError)
    }
  })

  test('by PHP’s msgpack a Map has keys that an object can have', () => {
    const values = phpMemcachedValues('msgpack')
    expect(stored(new Map<unknown, unknown>([[7, new Map([['b', 1]])]]), values)).toEqual({
      7: { b: 1 },
    })
    for (const key of [{}, 1.5, null, true, new Date(5), '__proto__']) {
      expect(() => values.serialize([{ in: new Map([[key, 1]]) }])).toThrow(TypeError)
    }
  })

  test('-0 alone is -0 in every format', () => {
    for (const [, , values] of formats) expect(stored(-0, values)).toBe(-0)
  })
})
