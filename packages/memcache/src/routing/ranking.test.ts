import { parseServers } from '@glammp/wire'
import { expect, test } from 'vitest'
import { Ranking } from './ranking.js'

const rules = { defaultPort: 11_211, schemes: {} }
const names = Array.from({ length: 10 }, (_, index) => `10.0.0.${index}`)
const servers = parseServers(names, rules)
const keys = Array.from({ length: 10_000 }, (_, index) => `key:${index}`)
const all = servers.map((_, position) => position)

const shares = (ranking: Ranking, among: readonly number[]): number[] => {
  const counts = new Array<number>(servers.length).fill(0)
  for (const key of keys) {
    const position = ranking.pick(key, among) as number
    counts[position] = (counts[position] as number) + 1
  }
  return counts
}

test('every server gets its share', () => {
  for (const share of shares(new Ranking(servers), all)) {
    expect(share).toBeGreaterThan(850)
    expect(share).toBeLessThan(1_150)
  }
})

test('a server that leaves the set moves its own keys alone, to all others', () => {
  const ranking = new Ranking(servers)
  const others = all.filter((position) => position !== 3)
  const heirs = new Set<number | undefined>()
  for (const key of keys) {
    const before = ranking.pick(key, all)
    const after = ranking.pick(key, others)
    if (before === 3) heirs.add(after)
    else expect(after).toBe(before)
  }
  expect(heirs.size).toBe(9)
})

test('the order of the list counts for nothing', () => {
  const reversed = new Ranking([...servers].reverse())
  const ranking = new Ranking(servers)
  for (const key of keys.slice(0, 1_000)) {
    expect(servers.length - 1 - (reversed.pick(key, all) as number)).toBe(ranking.pick(key, all))
  }
})

test('a weight of two is twice the share', () => {
  const [double = 0, ...others] = shares(
    new Ranking(servers.map((server, index) => (index === 0 ? { ...server, weight: 2 } : server))),
    all,
  )
  expect(double).toBeGreaterThan(1.7 * Math.max(...others) * 0.9)
  expect(double / 10_000).toBeCloseTo(2 / 11, 1)
})

test('of no servers it picks none', () => {
  expect(new Ranking(servers).pick('key', [])).toBeUndefined()
})
