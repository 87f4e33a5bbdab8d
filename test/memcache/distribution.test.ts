import { MemcacheClient, type MemcacheOptions } from '@glammp/memcache'
import { expect, test } from 'vitest'

// Nothing is sent here: a client knows the server of a key by itself.

const addresses = ['one:11211', 'two:11211']
const keys = Array.from({ length: 40 }, (_, index) => `key:${index}`)
const client = (options: MemcacheOptions): MemcacheClient =>
  new MemcacheClient({ servers: addresses, ...options })

test('consistent hashing with weights', () => {
  const places = keys.map((key) => client({ servers: 'a,b,c:11211:3' }).serverFor(key))
  const heavy = places.filter((place) => place === 'c:11211').length
  expect(heavy).toBeGreaterThan(keys.length / 3)
})

test('the ring of libmemcached', () => {
  const ring = client({ servers: 'cache1:11211,cache2:11211,cache3:11212:2' })
  expect(ring.serverFor('foo')).toBe('cache3:11212')
  expect(ring.serverFor('bar')).toBe('cache2:11211')
})

test('a server that goes moves its own keys alone', () => {
  const hosts = Array.from({ length: 100 }, (_, index) => `10.0.0.${index}`)
  const [all, rest] = [hosts, hosts.slice(1)].map((list) =>
    client({ servers: list, distribution: 'ketama-fixed' }),
  )
  for (const key of Array.from({ length: 1_000 }, (_, index) => `key:${index}`)) {
    const home = all?.serverFor(key)
    if (home !== '10.0.0.0:11211') expect(rest?.serverFor(key)).toBe(home)
  }
})

test('a distribution of your own', () => {
  const last = client({ distribution: (list) => ({ pick: () => list.length - 1 }) })
  expect(last.serverFor('any')).toBe(addresses[1])
})

test('the namespace is not hashed when the server of a key is chosen', () => {
  const servers = ['a', 'b', 'c', 'd']
  for (const distribution of ['ketama', 'ketama-fixed', 'modula'] as const) {
    const plain = new MemcacheClient({ servers, distribution })
    const named = new MemcacheClient({ servers, distribution, namespace: 'app:' })
    for (const key of ['estados', 'é', 'user:7', 'page']) {
      expect(named.serverFor(key)).toBe(plain.serverFor(key))
    }
  }
})
