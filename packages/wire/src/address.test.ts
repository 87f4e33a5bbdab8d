import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AddressRules, parseServer, parseServers } from './address.js'

const rules: AddressRules = {
  defaultPort: 11_211,
  schemes: { memcached: { tls: false }, memcacheds: { tls: true } },
}
const read = (input: Parameters<typeof parseServer>[0]) => parseServer(input, rules)

describe('an address', () => {
  test.each([
    ['cache1', { name: 'cache1:11211', host: 'cache1', port: 11_211 }],
    ['cache1:11212', { name: 'cache1:11212', host: 'cache1', port: 11_212 }],
    ['10.0.0.1:11212', { name: '10.0.0.1:11212', host: '10.0.0.1', port: 11_212 }],
    ['10.0.0.1:11212:3', { name: '10.0.0.1:11212', port: 11_212, weight: 3 }],
    ['[::1]:11212', { name: '[::1]:11212', host: '::1', port: 11_212 }],
    ['[::1]', { name: '[::1]:11211', host: '::1', port: 11_211 }],
    ['::1', { name: '[::1]:11211', host: '::1', port: 11_211 }],
    ['unix:/run/m.sock', { name: '/run/m.sock', host: '', port: 0, path: '/run/m.sock' }],
    ['unix:///run/m.sock?weight=2', { name: '/run/m.sock', path: '/run/m.sock', weight: 2 }],
    ['/run/m.sock', { name: '/run/m.sock', path: '/run/m.sock' }],
    ['memcached://a', { name: 'a:11211', tls: false, username: undefined }],
    ['memcacheds://a:1?weight=2', { name: 'a:1', tls: true, weight: 2 }],
    ['memcached://[::1]:5', { name: '[::1]:5', host: '::1', port: 5 }],
    [
      'memcached://user:p%40ss%3Aw@a:1',
      { name: 'a:1', username: 'user', password: 'p@ss:w', host: 'a' },
    ],
  ])('%s', (input, expected) => {
    expect(read(input)).toMatchObject(expected)
  })

  test('as an object keeps what it says and fills in the rest', () => {
    expect(read({ host: 'a', weight: 2 })).toMatchObject({ name: 'a:11211', weight: 2, tls: false })
    expect(read({ path: '/run/m.sock' })).toMatchObject({ name: '/run/m.sock', host: '', port: 0 })
    expect(read({ port: 5 })).toMatchObject({ name: 'localhost:5' })
  })

  test.each([
    '',
    ':11211',
    'a:0',
    'a:65536',
    'a:b',
    'a:1:0',
    'a:1:-2',
    'a b',
    'a/b',
    '[nope]:1',
    'http://a:1',
    'unix:relative.sock',
    'memcached://a:99999',
    'memcached://a?weight=none',
    'constructor://a',
  ])('%j is refused', (input) => {
    expect(() => read(input)).toThrow(TypeError)
  })

  test.each([
    { port: 0 },
    { port: 1.5 },
    { weight: 0 },
    { weight: Number.NaN },
    { path: 'x' },
    { host: 'a\r\nb' },
  ])('%j is refused', (input) => {
    expect(() => read(input)).toThrow(TypeError)
  })

  test('that is refused never shows its password', () => {
    for (const input of ['memcached://u:secret@a:99999', 'http://u:secret@a', 'u:secret@a:b']) {
      expect(() => read(input)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('secret') }),
      )
    }
    for (const own of [{ password: 'secret' }, { tls: { passphrase: 'secret' } }]) {
      expect(() => read({ port: 0, ...own })).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('secret') }),
      )
    }
  })

  test('of any text is an address or a TypeError', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          const { port, path, weight } = read(text)
          expect(path === undefined ? port >= 1 && port <= 65_535 : port === 0).toBe(true)
          expect(weight).toBeGreaterThan(0)
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError)
        }
      }),
    )
  })
})

describe('a list of servers', () => {
  test('is one string, an array, or both mixed', () => {
    expect(parseServers('a:1,b:2 c', rules).map(({ name }) => name)).toEqual([
      'a:1',
      'b:2',
      'c:11211',
    ])
    expect(parseServers(['a:1,b:2', { host: 'c' }], rules)).toHaveLength(3)
  })

  test('names at least one server, and each once', () => {
    expect(() => parseServers('', rules)).toThrow('empty')
    expect(() => parseServers([], rules)).toThrow('empty')
    expect(() => parseServers('a,a:11211', rules)).toThrow('listed twice')
  })
})
