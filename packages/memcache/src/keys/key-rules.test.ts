import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvalidKeyError } from '../errors.js'
import { bytesOf } from '../key.js'
import { KeyRules } from './key-rules.js'

const rules = (
  namespace = '',
  longKeys: 'reject' | 'hash' = 'reject',
  protocol: 'auto' | 'binary' = 'auto',
): KeyRules => new KeyRules({ namespace, longKeys, protocol })
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

  test.each([undefined, null, 1, {}, [97], new ArrayBuffer(1), new Uint16Array(1)])(
    'that is %s is refused',
    (key) => {
      expect(() => rules().toWire(key as unknown as string, 'get')).toThrow(InvalidKeyError)
    },
  )

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

describe('a key of bytes', () => {
  test('that could be text is the key of that text', () => {
    expect(rules('ñ:').toWire(Buffer.from('é☃'), 'get')).toBe(rules('ñ:').toWire('é☃', 'get'))
    expect(rules().toWire(new Uint8Array([97, 0xff]), 'get')).toBe('a\xff')
    // White space to people, but not to memcached.
    expect(rules().toWire(Buffer.from('\u00a0'), 'get')).toBe('\xc2\xa0')
  })

  test.each([' ', 'a b', 'a\tb', 'a\r\nflush_all\r\n', '\0', '\x7f'])(
    '%j travels as base64',
    (key) => {
      const wireKey = rules('ns:').toWire(Buffer.from(key), 'get')
      expect(wireKey).toBe(`${Buffer.from(`ns:${key}`).toString('base64')} b`)
      expect(bytesOf(wireKey)).toBe(`ns:${key}`)
    },
  )

  test('is a view of its own bytes alone', () => {
    const whole = Buffer.from('xxa bxx')
    expect(bytesOf(rules().toWire(whole.subarray(2, 5), 'get'))).toBe('a b')
  })

  test('that is empty is refused', () => {
    expect(() => rules('ns:').toWire(Buffer.alloc(0), 'get')).toThrow(InvalidKeyError)
  })

  test('is as long as base64 of 250 characters allows, with its namespace', () => {
    expect(rules().toWire(Buffer.alloc(186), 'get')).toHaveLength(248 + 2)
    expect(() => rules().toWire(Buffer.alloc(187), 'get')).toThrow(/187 bytes .* takes 186/)
    expect(() => rules('ns:').toWire(Buffer.alloc(184), 'get')).toThrow(InvalidKeyError)
    expect(rules().toWire(Buffer.alloc(250, 'k'), 'get')).toHaveLength(250)
    expect(() => rules().toWire(Buffer.alloc(251, 'k'), 'get')).toThrow(InvalidKeyError)
  })

  test('has 250 bytes where the client speaks the binary protocol alone', () => {
    const binary = rules('', 'reject', 'binary')
    expect(bytesOf(binary.toWire(Buffer.alloc(250), 'get'))).toHaveLength(250)
    expect(() => binary.toWire(Buffer.alloc(251), 'get')).toThrow(InvalidKeyError)
  })

  test('that is too long is hashed on request, alike for every protocol', () => {
    const wireKey = rules('ns:', 'hash').toWire(Buffer.alloc(184), 'get')
    expect(wireKey).toMatch(/^ns:sha256-[\w-]{43}$/)
    expect(rules('ns:', 'hash', 'binary').toWire(Buffer.alloc(184), 'get')).toBe(wireKey)
    const text = 'k'.repeat(300)
    expect(rules('', 'hash').toWire(Buffer.from(text), 'get')).toBe(
      rules('', 'hash').toWire(text, 'get'),
    )
  })

  test('comes back from the server log as text where a text can be this key', () => {
    const log = rules('ns:')
    expect(log.fromLog('ns:%C3%A9%2520')).toBe('é%20')
    expect(log.fromLog('ns:a%20b')).toEqual(Buffer.from('a b'))
    expect(log.fromLog('ns:%FF')).toEqual(Buffer.from([0xff]))
    expect(log.fromLog('ns:%C2%A0')).toEqual(Buffer.from('\u00a0'))
    expect(log.fromLog('ns:')).toBeUndefined()
    expect(log.fromLog('other')).toBeUndefined()
    expect(log.fromLog('ns:a%20b', 'a ')).toEqual(Buffer.from('a b'))
    expect(log.fromLog('ns:a%20b', 'b')).toBeUndefined()
  })

  test('of any bytes keeps them, and holds nothing that ends a key in a line', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 186 }), (key) => {
        const wireKey = rules().toWire(key, 'get')
        expect(wireKey.replace(/ b$/, '')).not.toMatch(/[\0-\x20\x7f]/)
        expect(wireKey.length).toBeLessThanOrEqual(252)
        expect(Buffer.from(bytesOf(wireKey), 'latin1')).toEqual(Buffer.from(key))
        const encoded = bytesOf(wireKey).replace(/[^!-$&-~]/g, (byte) => {
          return `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`
        })
        const logged = rules().fromLog(encoded) as string | Buffer
        expect(rules().toWire(logged, 'get')).toBe(wireKey)
      }),
    )
  })
})

test('a namespace that no key could have is refused', () => {
  expect(() => rules('a b')).toThrow(InvalidKeyError)
  expect(() => rules('n'.repeat(126))).toThrow(InvalidKeyError)
})
