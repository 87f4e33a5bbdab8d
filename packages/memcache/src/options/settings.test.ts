import { afterEach, describe, expect, test, vi } from 'vitest'
import type { MemcacheOptions } from './options.js'
import { readOptions } from './settings.js'

afterEach(() => {
  vi.unstubAllEnvs()
})

const names = (options?: Parameters<typeof readOptions>[0]): string[] =>
  readOptions(options).servers.map(({ name }) => name)

test('servers are one string, an array or an option; else the environment, else localhost', () => {
  expect(names('a,b:1')).toEqual(['a:11211', 'b:1'])
  expect(names(['a', { host: 'b', port: 1 }])).toEqual(['a:11211', 'b:1'])
  expect(names({ servers: 'a' })).toEqual(['a:11211'])
  vi.stubEnv('MEMCACHED_SERVERS', 'c:1,d:2')
  expect(names()).toEqual(['c:1', 'd:2'])
  vi.stubEnv('MEMCACHED_SERVERS', '')
  expect(names({})).toEqual(['localhost:11211'])
})

describe('an invalid option is refused', () => {
  test.each<[string, unknown]>([
    ['a misspelt name', { timout: 1 }],
    ['a number', 11_211],
    ['null', null],
    ['protocol', { protocol: 'http' }],
    ['longKeys', { longKeys: 'cut' }],
    ['distribution', { distribution: 'random' }],
    ['failover', { failover: 'last' }],
    ['an empty gutter', { failover: { gutter: [] } }],
  ])('%s is a TypeError', (_name, options) => {
    expect(() => readOptions(options as MemcacheOptions)).toThrow(TypeError)
  })

  test.each<MemcacheOptions>([
    { timeout: 0 },
    { timeout: Number.NaN },
    { timeout: 2 ** 31 },
    { connectTimeout: -1 },
    { retries: -1 },
    { maxPending: 0 },
    { maxValueSize: 1.5 },
    { pool: { max: 0 } },
    { pool: { min: 5, max: 4 } },
    { ejection: { failures: 0 } },
    { discovery: { interval: 0 } },
    { failover: { gutter: 'a', ttl: 0 } },
    { failover: { gutter: 'a', ttl: 86_401 } },
  ])('%j is a RangeError', (options) => {
    expect(() => readOptions(options)).toThrow(RangeError)
  })
})

/** Invalid values of each option; an option that is missing here does not compile. */
const WRONG: { readonly [Name in keyof MemcacheOptions]-?: readonly unknown[] } = {
  servers: [5, null, {}, [5], new URL('memcached://a'), [new URL('memcached://a')], ''],
  namespace: [5, null, Buffer.from('a')],
  protocol: ['constructor', 'http', null, ['meta']],
  distribution: ['constructor', null, ['ketama'], {}],
  pool: [5, null, { maximum: 1 }, { max: '5' }, { min: null }, []],
  timeout: ['1000', null, {}],
  connectTimeout: ['1000', true],
  retries: ['1', null],
  maxPending: ['1', 1n],
  maxValueSize: ['1MB'],
  longKeys: ['cut', true],
  tls: ['true', 1, null, []],
  auth: ['user:hunter', null, { user: 'a', pass: 'hunter' }, { username: 'a', password: 5 }],
  failover: ['last', 'constructor', null, 5, {}, { gutter: null }, { gutter: 'a', ttl: '10' }, []],
  ejection: [true, null, { failure: 1 }, { failures: '3' }, { cooldown: '1s' }],
  discovery: ['yes', null, { every: 5 }, { interval: '60' }],
  transcoder: ['constructor', null, ['json'], {}, { serialize() {} }],
  compression: ['zlib', null, { level: 5 }, { threshold: '5' }, { algorithm: 'constructor' }],
  largeValues: ['constructor', true, null, {}, { maxSize: '5' }, { max: 5 }],
  near: [true, null, {}, { max: 5 }, { max: '5', ttl: 1 }, { max: 5, ttl: '1' }, { ttl: 1 }],
  namespaceVersion: ['yes', 1, null],
  compat: ['constructor', null, ['dalli'], {}, { name: 'dalli', ketama: true }],
}

describe.each(Object.entries(WRONG))('the option %s', (name, values) => {
  test.each(values.map((value) => [value]))('is not %o', (value) => {
    const read = (): unknown => readOptions({ [name]: value })
    expect(read).toThrow(TypeError)
    // By its name; a list of servers counts.
    expect(read).toThrow(
      expect.objectContaining({ message: expect.stringContaining(name.replace(/s$/, '')) }),
    )
    expect(read).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter') }),
    )
  })
})

test.each<[string, unknown]>([
  ['a URL object', new URL('memcached://user:hunter@a')],
  ['a Map', new Map([['servers', 'a']])],
  ['a number', 11_211],
  ['a symbol', Symbol('a')],
  ['a function', () => 'a'],
  ['servers as names', { 'user:hunter@a:1': 1 }],
])('options are no %s', (_name, options) => {
  const read = (): unknown => readOptions(options as MemcacheOptions)
  expect(read).toThrow(TypeError)
  expect(read).toThrow(expect.objectContaining({ message: expect.not.stringContaining('hunter') }))
})

test('the error for an unknown option lists the known ones', () => {
  const read = (): unknown => readOptions({ timout: 1 } as MemcacheOptions)
  expect(read).toThrow("'timout'")
  for (const name of Object.keys(WRONG)) expect(read).toThrow(name)
})

test('a failover brings an ejection with it, nothing else does', () => {
  expect(readOptions({}).ejection).toBeUndefined()
  expect(readOptions({ failover: 'none' }).ejection).toBeUndefined()
  expect(readOptions({ failover: 'next' }).ejection).toEqual({ failures: 3, cooldown: 1_000 })
  expect(readOptions({ ejection: {} }).ejection).toEqual({ failures: 3, cooldown: 1_000 })
})
