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

describe('an option that cannot be is refused', () => {
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

test('a failover brings an ejection with it, nothing else does', () => {
  expect(readOptions({}).ejection).toBeUndefined()
  expect(readOptions({ failover: 'none' }).ejection).toBeUndefined()
  expect(readOptions({ failover: 'next' }).ejection).toEqual({ failures: 3, cooldown: 1_000 })
  expect(readOptions({ ejection: {} }).ejection).toEqual({ failures: 3, cooldown: 1_000 })
})
