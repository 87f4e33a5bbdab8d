import { expect, test } from 'vitest'
import { type Candidate, Selection } from './selection.js'

class Server implements Candidate {
  readonly name: string
  readonly weight: number
  down = false

  constructor(name: string, weight = 1) {
    this.name = name
    this.weight = weight
  }
}

function selection(...servers: Server[]): Selection<Server> {
  const made = new Selection<Server>()
  for (const server of servers) made.add(server)
  return made
}

test('jobs without a key go round by weight, evenly mixed', () => {
  const made = selection(new Server('a', 3), new Server('b'))
  const order = Array.from({ length: 8 }, () => made.pick(undefined, undefined)?.name)
  expect(order.join('')).toBe('aabaaaba')
})

test('a server that is down is used only where no other is left', () => {
  const [a, b] = [new Server('a'), new Server('b')]
  const made = selection(a, b)
  a.down = true
  for (const key of [undefined, 'x', 'y', 'z']) {
    expect(made.pick(key, undefined)).toBe(b)
    expect(made.pick(key, new Set([b]))).toBe(a)
    expect(made.pick(key, new Set([a, b]))).toBeUndefined()
  }
  expect(selection(a).pick(undefined, new Set([a]))).toBeUndefined()
  expect(selection(a).pick(undefined, undefined)).toBe(a)
})

test('equal keys go to equal servers, in shares by weight', () => {
  const names = ['a:4730', 'b:4730', 'c:4730']
  const made = selection(...names.map((name) => new Server(name, name === 'a:4730' ? 2 : 1)))
  const turned = selection(
    ...names.reverse().map((name) => new Server(name, name === 'a:4730' ? 2 : 1)),
  )
  const counts = new Map<string, number>()
  for (let number = 0; number < 4_000; number += 1) {
    const key = `title\0job-${number}`
    const name = made.pick(key, undefined)?.name ?? ''
    expect(turned.pick(key, undefined)?.name).toBe(name)
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  expect(counts.get('a:4730')).toBeGreaterThan(1_800)
  expect(counts.get('a:4730')).toBeLessThan(2_200)
  expect(counts.get('b:4730')).toBeGreaterThan(850)
})

test('a server that goes moves only its own keys', () => {
  const servers = ['a', 'b', 'c', 'd'].map((name) => new Server(name))
  const made = selection(...servers)
  const gone = new Set([servers[3]])
  for (let number = 0; number < 1_000; number += 1) {
    const before = made.pick(`key ${number}`, undefined)
    if (before !== servers[3]) expect(made.pick(`key ${number}`, gone)).toBe(before)
  }
})
