import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AddressRules, parseServer, parseServers, type ServerObject } from './address.js'

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
    'a:1:1.2.3',
    'a:1:2:3',
    'a:',
    '::1:4730',
    'fe80::1:2:11211',
    'memcached://a:1/path',
    'memcached://a:1#b',
    'memcached://a?weigth=2',
    'memcached://a?weight=1&weight=2',
    'memcached://a?weight=0x10',
    'memcached://m%C3%BC',
    'memcached://user:100%@a',
    'memcached://100%zz@a',
    'memcached://user:%ff@a',
    'unix:/run/m.sock?weigth=2',
    'unix:/run/m.sock?weight=1?weight=2',
  ])('%j is refused', (input) => {
    expect(() => read(input)).toThrow(TypeError)
  })

  test.each<[string, unknown]>([
    ['port 0', { port: 0 }],
    ['a fraction', { port: 1.5 }],
    ['no number', { host: 'a', port: Number.NaN }],
    ['a port over 65535', { host: 'a', port: 65_536 }],
    ['a port as text', { host: 'a', port: '11211' }],
    ['weight 0', { host: 'a', weight: 0 }],
    ['no number for a weight', { host: 'a', weight: Number.NaN }],
    ['a weight as text', { host: 'a', weight: '2' }],
    ['a relative path', { path: 'x' }],
    ['a path and a host', { path: '/x', host: 'a' }],
    ['a line end', { host: 'a\r\nb' }],
    ['an empty host', { host: '' }],
    ['a host with its port', { host: 'a:1' }],
    ['a host with a user', { host: 'user@a' }],
    ['brackets', { host: '[::1]' }],
    ['no host at all', {}],
    ['a weight alone', { weight: 2 }],
    ['tls alone', { tls: true }],
    ['tls as text', { host: 'a', tls: 'true' }],
    ['the name of another library', { hostname: 'a', port: 1 }],
    ['a URL inside', { url: 'memcached://a' }],
    ['servers as names', { 'a:1': 1 }],
    ['a row of an array', ['a', 1, 33]],
    ['an empty array', []],
    ['a URL object', new URL('memcached://a')],
    ['a URL object without a port', new URL('memcached://user:secret@a')],
    ['a Map', new Map([['host', 'a']])],
    ['a number', 11_211],
    ['null', null],
    ['nothing', undefined],
    ['a function', () => 'a'],
    ['a boxed text', new Object('a')],
    ['a symbol', Symbol('a')],
  ])('an object or another value that is invalid: %s', (_name, input) => {
    expect(() => read(input as string)).toThrow(TypeError)
    expect(() => parseServers([input] as string[], rules)).toThrow(TypeError)
    expect(() => parseServers(['b', input] as string[], rules)).toThrow(/server 2 of the list/)
  })

  test('that ends as a port would is ambiguous, one that cannot is not', () => {
    expect(() => read('::1:4730')).toThrow('[::1]:4730')
    for (const host of ['::1', 'fe80::1', '2001:db8::a:b', '1:2:3:4:5:6:7:8', '::ffff:10.0.0.1']) {
      expect(read(host)).toMatchObject({ name: `[${host}]:11211`, host })
    }
  })

  test('is printed without its secrets', () => {
    const tls = { passphrase: 'hidden' }
    const server = read({ host: 'a', username: 'user', password: 'hidden', tls })
    expect(inspect(server, { depth: 9 }) + JSON.stringify(server)).not.toMatch(/hidden|user/)
    expect(server).toMatchObject({ username: 'user', password: 'hidden', tls })
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

describe('no part of a password is in an error', () => {
  // Each word of them is long enough to be found.
  const PASSWORDS = [
    'hunter,secret',
    'hunter secret',
    'hunter/secret',
    'hunter?secret',
    'hunter#secret',
    'hunter%secret',
    'hunter@secret',
    'hunter:secret',
    'hunter[secret',
    'hunter\\secret',
    'hunter//secret',
    '12/secret',
    '12?secret',
    '12#secret',
    '12,secret',
    '12 secret',
    'hunter%zz',
    'hunter\tsecret\n',
    'memcached://hunter',
  ]
  const forms = PASSWORDS.flatMap((password) => [
    `memcached://user:${password}@a:1`,
    `memcached://${password}:user@a:1`,
    `memcached://user:${password}@a:99999`,
    `memcached://user:${password}@a b`,
    `memcached://user:${password}`,
    `http://user:${password}@a`,
    `user:${password}@a:1`,
    `user:${password}@a:b`,
    `unix:${password}@a`,
    `memcached://user:${password}@/run/x.sock`,
    `a:1,memcached://user:${password}@b:1,a:1`,
  ])

  test.each(forms)('%j', (input) => {
    const lists = [input, [input], input.split(','), ['a', input], ['a', ...input.split(' ')]]
    for (const list of lists) {
      try {
        // What can be read is: with an @ in the password, for example.
        parseServers(list, rules)
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError)
        expect(inspect(error, { showHidden: true, depth: 9 }).split('\n    at')[0]).not.toMatch(
          LEAK,
        )
      }
    }
  })

  test('nor of one in an object', () => {
    const own = { username: 'user', password: 'hunter' }
    for (const input of [
      { port: 0, ...own },
      { host: 'hunter@a:b', ...own },
      { host: 'a', pass: 'hunter' },
      { 'user:hunter@a:1': 1 },
      { host: 'a', port: 'hunter' },
      { path: 'user:hunter@a' },
      { host: 'a', weight: 'memcached://user:hunter@a' },
      { port: 0, tls: { passphrase: 'hunter' } },
    ]) {
      expect(() => read(input as ServerObject)).toThrow(
        expect.objectContaining({ message: expect.not.stringMatching(LEAK) }),
      )
    }
  })

  test('and an invalid escape is reported as such', () => {
    expect(() => read('memcached://user:100%@a')).toThrow('%25')
    expect(read('memcached://user:100%25@a').password).toBe('100%')
  })
})

const LEAK = /hunter|secret/

test('an error shows no text where a port should be', () => {
  for (const servers of ['user:secret', ['a:1', 'user:secret'], 'a,user:secret']) {
    const read = (): unknown => parseServers(servers, { defaultPort: 1, schemes: {} })
    expect(read).toThrow(/^(?!.*secret).*server/)
  }
  expect(() => parseServers('a:70000', { defaultPort: 1, schemes: {} })).toThrow(/'a:70000'/)
})
