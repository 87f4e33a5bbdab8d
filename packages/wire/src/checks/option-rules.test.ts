import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { abortSignal, listOf, milliseconds, OptionRules } from './option-rules.js'
import { shown } from './shown.js'

const rules = new OptionRules<{ timeout?: number; length?: number }>({
  timeout: milliseconds,
  length: milliseconds,
})
const check = (options: unknown) => () => rules.check('get', options as object)

describe('options', () => {
  test('may be literals, of another realm too, and objects that inherit some', () => {
    class Settings {
      get timeout(): number {
        return 5
      }
    }
    for (const options of [
      {},
      { timeout: 5 },
      { timeout: undefined },
      Object.create(null),
      Object.create({ timeout: 5 }),
      new Settings(),
      runInNewContext('({ timeout: 5 })'),
      runInNewContext('({})'),
    ]) {
      expect(check(options)).not.toThrow()
    }
  })

  test('of a wrong kind are refused, wherever they stand', () => {
    class Settings {
      get timeout(): string {
        return '5'
      }
    }
    for (const options of [
      { timeout: '5' },
      Object.create({ timeout: '5' }),
      new Settings(),
      runInNewContext('({ timeout: "5" })'),
      [],
      [5],
      Buffer.from('a'),
      new Date(),
      new AbortController().signal,
      Object.assign(Object.create({ timeout: 5 }), { other: 1 }),
      null,
      'text',
      Symbol('s'),
    ]) {
      expect(check(options)).toThrow(TypeError)
    }
  })

  test('that somebody gave every object are none of the caller', () => {
    const polluted = Object.prototype as { expires?: number }
    polluted.expires = 60
    try {
      expect(check({ timeout: 5 })).not.toThrow()
    } finally {
      delete polluted.expires
    }
  })

  test('are named in the error as long as the name is one', () => {
    expect(check({ expires: 1 })).toThrow("get has no option 'expires'; there are timeout, length")
    expect(check({ 'user:hunter@a': 1 })).not.toThrow(/hunter/)
  })
})

test('a signal of another library or realm is one', () => {
  const own = { aborted: false, addEventListener() {} }
  expect(() => abortSignal('signal', own)).not.toThrow()
  for (const value of [{}, null, 'abort', { aborted: false }]) {
    expect(() => abortSignal('signal', value)).toThrow(TypeError)
  }
})

test('a list is anything but text and bytes', () => {
  for (const list of [[], new Set(['a']), new Map().keys()]) expect(listOf('keys', list)).toBe(list)
  for (const list of ['a', new Object('a'), Buffer.from('a'), null, undefined, {}, 5]) {
    expect(() => listOf('keys', list as Iterable<string>)).toThrow(TypeError)
  }
})

test('what is shown of a value is short, and never fails', () => {
  expect(['a b', 5, 5n, null, undefined, true, [], {}, Symbol('s'), () => {}].map(shown)).toEqual([
    ...["'a b'", '5', '5n', 'null', 'undefined', 'true', 'an array', 'an object'],
    ...['a symbol', 'a function'],
  ])
  expect(shown('memcached://user:hunter@a')).toBe('a text')
  expect(shown(Object.create(null))).toBe('an object')
  expect(shown(10n ** 1_000_000n)).toBe('a large bigint')
})
