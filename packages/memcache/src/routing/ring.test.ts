import { parseServers } from '@glammp/wire'
import { describe, expect, test } from 'vitest'
import { fixedKetama, ketama, ringPoints } from './ring.js'

const rules = { defaultPort: 11_211, schemes: {} }
const fleet = (servers: string) => parseServers(servers, rules)
const equal = (count: number) =>
  fleet(Array.from({ length: count }, (_, index) => `10.0.0.${index + 1}`).join())

/** Points of each server, in the order of the servers. */
const shares = (servers: string): number[] => {
  const list = fleet(servers)
  const counts = list.map(() => 0)
  for (const { server } of ringPoints(list)) counts[server] = (counts[server] as number) + 1
  return counts
}

// Vectors of libmemcached, as PHP's Memcached::getServerByKey gave them.
describe('the ring of libmemcached', () => {
  const three = fleet('cache1:11211,cache2:11211,cache3:11212:2')

  test('has its points', () => {
    const points = ringPoints(three).sort((a, b) => a.value - b.value)
    expect(points).toHaveLength(480)
    expect(points.slice(0, 3)).toEqual([
      { value: 3_403_365, server: 2 },
      { value: 6_594_459, server: 1 },
      { value: 14_446_974, server: 2 },
    ])
    expect(points.at(-1)).toEqual({ value: 4_290_209_304, server: 2 })
    const values = new Set(points.map(({ value }) => value))
    for (const value of [3_279_936_191, 1_191_717_517, 3_247_480_734, 1_637_689_552]) {
      expect(values).toContain(value)
    }
  })

  test.each([
    ['foo', 2],
    ['bar', 1],
    ['user:1', 2],
    ['user:2', 2],
    ['a', 2],
    ['session:abc', 2],
  ])('puts %s on server %i', (key, server) => {
    expect(ketama(three).pick(key)).toBe(server)
  })

  test.each([
    ['foo', 2, 2],
    ['bar', 2, 2],
    ['user:1', 2, 2],
    ['user:2', 2, 2],
    ['session:abc', 3, 3],
    ['k1', 3, 3],
    ['k2', 3, 3],
    ['k3', 1, 2],
    ['héllo', 3, 3],
    ['product/42', 2, 2],
  ])('puts %s on server %i of three equal ones, %i of weights 1, 2, 3', (key, plain, weighted) => {
    const wireKey = Buffer.from(key).toString('latin1')
    const list = '10.0.0.1:11211,10.0.0.2:11211,10.0.0.3:11212'
    const weights = '10.0.0.1:11211:1,10.0.0.2:11211:2,10.0.0.3:11212:3'
    expect(ketama(fleet(list)).pick(wireKey) + 1).toBe(plain)
    expect(ketama(fleet(weights)).pick(wireKey) + 1).toBe(weighted)
  })

  test('shares are computed in single precision', () => {
    for (const count of [1, 3, 7, 14, 28, 49, 56, 98]) {
      expect(ringPoints(equal(count))).toHaveLength(160 * count)
    }
    for (const count of [25, 47, 50, 100])
      expect(ringPoints(equal(count))).toHaveLength(156 * count)
    expect(shares('a:1:8,b:1:10,c:1:1,d:1:5,e:1:1')).toEqual([252, 320, 28, 160, 28])
    expect(shares('a:1:1,b:1:1,c:1:2')).toEqual([120, 120, 240])
  })

  test('names a server without the default port', () => {
    const values = (servers: string): number[] =>
      ringPoints(fleet(servers))
        .map((p) => p.value)
        .sort((a, b) => a - b)
    expect(values('a:11211')).toEqual(values('a'))
    expect(values('a:11211')).not.toEqual(values('a:11212'))
  })

  test.each([
    ['foo', 1],
    ['bar', 0],
    ['user:1', 2],
    ['user:2', 2],
    ['a', 2],
    ['session:abc', 0],
    ['k1', 0],
    ['k2', 3],
    ['k3', 2],
    ['product/42', 3],
  ])(
    'names a socket with port 0, an IPv6 host without brackets: %s is on server %i',
    (key, server) => {
      const list = fleet('/run/a.sock,[::1]:11211,10.0.0.2:11212:2,[::1]:11300')
      expect(ketama(list).pick(key)).toBe(server)
    },
  )
})

test('one server has every key', () => {
  expect(ketama(equal(1)).pick('anything')).toBe(0)
})

/** Share of 20,000 keys that another server gets when the last one goes. */
function moved(distribution: typeof ketama, count: number): { own: number; others: number } {
  const before = equal(count)
  const [old, now] = [distribution(before), distribution(before.slice(0, -1))]
  let own = 0
  let others = 0
  const keys = 20_000
  for (let index = 0; index < keys; index += 1) {
    const was = old.pick(`key:${index}`)
    if (was === count - 1) own += 1
    else if (was !== now.pick(`key:${index}`)) others += 1
  }
  return { own: own / keys, others: others / keys }
}

describe('a server that goes', () => {
  test('moves its own keys alone, where the shares of the others stay', () => {
    for (const [distribution, count] of [
      [ketama, 97],
      [fixedKetama, 97],
      [fixedKetama, 100],
    ] as const) {
      const { own, others } = moved(distribution, count)
      expect(own).toBeGreaterThan(0.005)
      expect(own).toBeLessThan(0.015)
      expect(others).toBe(0)
    }
  })

  test('moves some others with libmemcached from 100 to 99, for the shares change', () => {
    const { others } = moved(ketama, 100)
    expect(others).toBeGreaterThan(0.02)
    expect(others).toBeLessThan(0.035)
  })
})

test('the ring of fixed shares is libmemcached’s where that gives 160 points', () => {
  for (const count of [2, 3, 7, 14, 99]) {
    const [exact, fixed] = [ketama(equal(count)), fixedKetama(equal(count))]
    for (let index = 0; index < 2_000; index += 1) {
      expect(fixed.pick(`key:${index}`)).toBe(exact.pick(`key:${index}`))
    }
  }
})

test('a key keeps its server however many others are asked for in between', () => {
  const ring = ketama(equal(5))
  const first = ring.pick('key')
  for (let index = 0; index < 40_000; index += 1) ring.pick(`other:${index}`)
  expect(ring.pick('key')).toBe(first)
})
