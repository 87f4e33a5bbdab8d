import { parseServers } from '@glammp/wire'
import { describe, expect, test } from 'vitest'
import { readCompat } from '../options/compat.js'
import { murmur3 } from './rendezvous.js'

const fleet = (servers: string): ReturnType<typeof parseServers> =>
  parseServers(servers, { defaultPort: 11_211, schemes: {} })

const three = fleet('10.0.0.1:11211,10.0.0.2:11211,10.0.0.3:11212')
const KEYS = [
  'foo',
  'bar',
  'user:1',
  'user:2',
  'session:abc',
  'k1',
  'k2',
  'k3',
  'héllo',
  'product/42',
]
const bytes = (key: string): string => Buffer.from(key).toString('latin1')

describe('keys go where other clients look for them', () => {
  // Servers by number, as the clients themselves gave them: libmemcached 1.1.4, pymemcache
  // 3.5.2, Dalli 3.0.6.
  test.each([
    ['php-memcached', { name: 'php-memcached' }, [1, 2, 3, 3, 1, 2, 3, 3, 1, 1]],
    [
      'php-memcached with ketama',
      { name: 'php-memcached', ketama: true },
      [2, 2, 2, 2, 3, 3, 3, 1, 3, 2],
    ],
    ['pylibmc', { name: 'pylibmc' }, [1, 2, 3, 3, 1, 2, 3, 3, 1, 1]],
  ] as const)('%s', (_name, compat, places) => {
    const distribution = readCompat(compat).distribution(three)
    expect(KEYS.map((key) => distribution.pick(bytes(key)) + 1)).toEqual(places)
  })

  test('pymemcache', () => {
    expect(murmur3('10.0.0.1:11211-foo')).toBe(0xa84b1a5f)
    const distribution = readCompat('pymemcache').distribution(three)
    const places = ['foo', 'bar', 'user:1', 'user:2', 'k1'].map((key) => distribution.pick(key) + 1)
    expect(places).toEqual([1, 2, 2, 1, 1])
  })

  test('dalli, with a weight', () => {
    const weighted = fleet('10.0.0.1:11211,10.0.0.2:11211,10.0.0.3:11212:2')
    const distribution = readCompat('dalli').distribution(weighted)
    const places = KEYS.filter((key) => key !== 'héllo').map((key) => distribution.pick(key) + 1)
    expect(places).toEqual([2, 3, 3, 3, 2, 2, 3, 3, 3])
  })

  test.each([
    ['nobody', /compat is one of/],
    [{ name: 'pymemcache', ketama: true }, /no setting 'ketama'/],
    [{ name: 'php-memcached', serializer: 'xml' }, /compat.serializer/],
    [{ name: 'php-memcache', strategy: 'fnv' }, /compat.strategy/],
    [{ name: 'pylibmc', ketama: 1 }, /compat.ketama/],
  ])('%j is a TypeError', (compat, message) => {
    expect(() => readCompat(compat as 'pylibmc')).toThrow(TypeError)
    expect(() => readCompat(compat as 'pylibmc')).toThrow(message)
  })
})
