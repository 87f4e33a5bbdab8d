import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvalidKeyError } from './errors.js'
import { KeyRules } from './key.js'

const rules = (namespace = '', longKeys: 'reject' | 'hash' = 'reject'): KeyRules =>
  new KeyRules({ namespace, longKeys })
const bytes = (wireKey: string): string => Buffer.from(wireKey, 'latin1').toString()

describe('a key', () => {
  test('of 250 bytes is the longest, with its namespace', () => {
    expect(rules().toWire('k'.repeat(250), 'get')).toHaveLength(250)
    expect(() => rules().toWire('k'.repeat(251), 'get')).toThrow(InvalidKeyError)
    expect(rules('ns:').toWire('k'.repeat(247), 'get')).toHaveLength(250)
    expect(() => rules('ns:').toWire('k'.repeat(248), 'get')).toThrow(InvalidKeyError)
  })

  test('is counted in bytes: 84 CJK characters are 252', () => {
    expect(rules().toWire('漢'.repeat(83), 'get')).toHaveLength(249)
    expect(() => rules().toWire('漢'.repeat(84), 'get')).toThrow(/252 bytes/)
  })

  test('travels as UTF-8, one character a byte', () => {
    expect(bytes(rules('ñ:').toWire('é☃', 'get'))).toBe('ñ:é☃')
  })

  test.each([
    '',
    ' ',
    'a b',
    'a\tb',
    'a\r\nflush_all',
    'a\0',
    'a\x7f',
    'a\u0085',
    'a\u00a0b',
    'a\u2028',
    '\ud800',
  ])('%j is refused', (key) => {
    expect(() => rules().toWire(key, 'get')).toThrow(InvalidKeyError)
  })

  test.each([undefined, null, 1, {}, Buffer.from('a')])('that is %s is refused', (key) => {
    expect(() => rules().toWire(key as unknown as string, 'get')).toThrow(InvalidKeyError)
  })

  test('that is refused is named by its error, with the command', () => {
    expect(() => rules().toWire('a b', 'touch')).toThrow(
      expect.objectContaining({ key: 'a b', command: 'touch', code: 'ERR_MEMCACHE_INVALID_KEY' }),
    )
  })

  test('over 250 bytes is hashed on request, under its namespace', () => {
    const hashing = rules('ns:', 'hash')
    const wireKey = hashing.toWire('k'.repeat(300), 'get')
    expect(wireKey).toMatch(/^ns:sha256-[\w-]{43}$/)
    expect(hashing.toWire('k'.repeat(301), 'get')).not.toBe(wireKey)
    expect(hashing.toWire('short', 'get')).toBe('ns:short')
    expect(hashing.namespaceLength).toBe(3)
  })

  test('of any text is refused, or travels without white space and within the limit', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (key) => {
        try {
          const wireKey = rules().toWire(key, 'get')
          expect(wireKey).not.toMatch(/[\0-\x20\x7f]/)
          expect(wireKey.length).toBeLessThanOrEqual(250)
          expect(bytes(wireKey)).toBe(key)
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidKeyError)
        }
      }),
    )
  })
})

test('a namespace that no key could have is refused', () => {
  expect(() => rules('a b')).toThrow(InvalidKeyError)
  expect(() => rules('n'.repeat(126))).toThrow(InvalidKeyError)
})
