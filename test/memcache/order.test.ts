import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { MemcacheClient, type MemcacheOptions } from '@glammp/memcache'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { spoken } from '../support/server-source.js'

const PROTOCOLS = spoken(['meta', 'classic', 'binary'])
type Protocol = (typeof PROTOCOLS)[number]

// Several threads of the server: connections are served at the same time, in no order.
let server: MemcachedServer
beforeAll(async () => {
  server = await startMemcached({ args: ['-t', '4', '-m', '512'] })
})
afterAll(() => server.stop())

const BIG = Buffer.alloc(1_000_000, 'x')

/** What a Map says that the calls do, in the order in which they were made. */
interface Model {
  readonly items: Map<string, unknown>
  readonly protocol: Protocol
}

/** A call with what it gives back and what it does. */
interface Call {
  readonly run: (cache: MemcacheClient, keys: string[], value: string) => Promise<unknown>
  readonly expected: (model: Model, keys: string[], value: string) => unknown
}

const put = ({ items }: Model, keys: string[], value: unknown, isAllowed = true): boolean => {
  if (isAllowed) for (const key of keys) items.set(key, value)
  return isAllowed
}

const among = ({ items }: Model, keys: readonly string[]): Map<string, unknown> =>
  new Map(keys.filter((key) => items.has(key)).map((key) => [key, items.get(key)]))

const removeFrom = ({ items }: Model, keys: readonly string[]): number =>
  keys.filter((key) => items.delete(key)).length

const bigs = (count: number): [string, Buffer][] =>
  Array.from({ length: count }, (_, at) => [`big:${at}`, BIG])

const first = ([key = '']: string[]): string => key

// The first key is that of the call, where it takes one.
const texts: Record<string, Call> = {
  get: {
    run: (cache, keys) => cache.get(first(keys)),
    expected: ({ items }, keys) => items.get(first(keys)),
  },
  gets: {
    run: async (cache, keys) => (await cache.gets(first(keys)))?.value,
    expected: ({ items }, keys) => items.get(first(keys)),
  },
  getMany: { run: (cache, keys) => cache.getMany(keys), expected: among },
  getAndTouch: {
    run: (cache, keys) => cache.getAndTouch(first(keys), 600),
    expected: ({ items }, keys) => items.get(first(keys)),
  },
  touch: {
    run: (cache, keys) => cache.touch(first(keys), 600),
    expected: ({ items }, keys) => items.has(first(keys)),
  },
  set: {
    run: (cache, keys, value) => cache.set(first(keys), value),
    expected: (model, keys, value) => put(model, [first(keys)], value),
  },
  add: {
    run: (cache, keys, value) => cache.add(first(keys), value),
    expected: (model, keys, value) =>
      put(model, [first(keys)], value, !model.items.has(first(keys))),
  },
  replace: {
    run: (cache, keys, value) => cache.replace(first(keys), value),
    expected: (model, keys, value) =>
      put(model, [first(keys)], value, model.items.has(first(keys))),
  },
  setMany: {
    run: (cache, keys, value) => cache.setMany(keys.map((key) => [key, value])),
    expected: (model, keys, value) => put(model, keys, value) && keys.length,
  },
  delete: {
    run: (cache, keys) => cache.delete(first(keys)),
    expected: ({ items }, keys) => items.delete(first(keys)),
  },
  deleteMany: { run: (cache, keys) => cache.deleteMany(keys), expected: removeFrom },
  invalidate: {
    run: (cache, keys) => cache.invalidate(first(keys)),
    // Only meta has a mark for it: the old value is still read.
    expected: ({ items, protocol }, keys) =>
      protocol === 'meta' ? items.has(first(keys)) : items.delete(first(keys)),
  },
}

const appends: Record<string, Call> = {
  append: {
    run: (cache, keys, value) => cache.append(first(keys), value),
    expected: (model, keys, value) => {
      const { items } = model
      return put(model, [first(keys)], `${items.get(first(keys))}${value}`, items.has(first(keys)))
    },
  },
  prepend: {
    run: (cache, keys, value) => cache.prepend(first(keys), value),
    expected: (model, keys, value) => {
      const { items } = model
      return put(model, [first(keys)], `${value}${items.get(first(keys))}`, items.has(first(keys)))
    },
  },
}

const counts: Record<string, Call> = {
  increment: {
    run: (cache) => cache.increment('n', 3),
    expected: (model) => {
      const count = model.items.get('n') as number | undefined
      return count && put(model, ['n'], count + 3) && count + 3
    },
  },
  'increment with initial': {
    run: (cache) => cache.increment('n', 2, { initial: 100 }),
    expected: (model) => {
      const count = model.items.get('n') as number | undefined
      const next = count === undefined ? 100 : count + 2
      return put(model, ['n'], next) && next
    },
  },
  'set counter': {
    run: (cache, _, value) => cache.set('n', value.length + 1),
    expected: (model, _, value) => put(model, ['n'], value.length + 1),
  },
  'delete counter': {
    run: (cache) => cache.delete('n'),
    expected: ({ items }) => items.delete('n'),
  },
  'get counter': { run: (cache) => cache.get('n'), expected: ({ items }) => items.get('n') },
}

/** What keeps a connection busy, so that the next calls take another. */
const crowds: Record<string, Call> = {
  'set one megabyte': { run: (cache) => cache.setMany(bigs(1)), expected: () => 1 },
  'set a long list': {
    run: (cache) => cache.setMany(Array.from({ length: 1_000 }, (_, at) => [`list:${at}`, at])),
    expected: () => 1_000,
  },
  'set megabytes': { run: (cache) => cache.setMany(bigs(4)), expected: () => 4 },
  'get a megabyte': {
    run: async (cache) =>
      [BIG.length, undefined].includes((await cache.get<Buffer>('big:0'))?.length),
    expected: () => true,
  },
}

const everything = { ...texts, ...appends, ...counts, ...crowds }

/** `undefined`: a turn of the event loop. */
type Step = readonly [name: string, keys: string[], value: string] | undefined

const steps = (...kinds: readonly Record<string, Call>[]): fc.Arbitrary<Step[]> => {
  const keys = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1 })
  const value = fc
    .tuple(fc.nat(99_999), fc.nat(5_000))
    .map(([id, length]) => `${id}`.padEnd(length))
  const step = (names: readonly string[]): fc.Arbitrary<Step> =>
    fc.tuple(fc.constantFrom(...names), keys, value)
  const names = kinds.flatMap((kind) => Object.keys(kind))
  return fc.array(
    fc.oneof(
      { arbitrary: step(names), weight: 6 },
      { arbitrary: step(Object.keys(crowds)), weight: 1 },
      { arbitrary: fc.constant(undefined), weight: 2 },
    ),
    { minLength: 20, maxLength: 80 },
  )
}

const holds = async (
  calls: readonly Step[],
  protocol: Protocol,
  options: MemcacheOptions,
): Promise<void> => {
  await using cache = new MemcacheClient({
    servers: server.address,
    protocol,
    namespace: `order:${randomUUID()}:`,
    pool: { max: 4 },
    timeout: 20_000,
    ...options,
  })
  const model: Model = { items: new Map(), protocol }
  const answers: Promise<unknown>[] = []
  const expected: unknown[] = []
  for (const step of calls) {
    if (step === undefined) {
      await setImmediate()
      continue
    }
    const [name, keys, value] = step
    const call = everything[name as keyof typeof everything] as Call
    answers.push(call.run(cache, keys, value).then((answer) => [name, answer]))
    expected.push([name, call.expected(model, keys, value)])
  }
  expect(await Promise.all(answers)).toEqual(expected)
  const all = ['a', 'b', 'c', 'n']
  expect(await cache.getMany(all)).toEqual(among(model, all))
}

const check = (
  calls: fc.Arbitrary<Step[]>,
  protocol: Protocol,
  numRuns: number,
  options: MemcacheOptions = {},
): Promise<void> =>
  fc.assert(
    fc.asyncProperty(calls, (some) => holds(some, protocol, options)),
    { numRuns, endOnFailure: true, includeErrorInReport: true },
  )

describe.each(PROTOCOLS)('calls that nobody awaits, with %s', (protocol) => {
  test(
    'take effect in their order, behind megabytes, over several connections',
    () => check(steps(texts, appends, counts), protocol, 15),
    120_000,
  )

  test('the same in chunks, and compressed on another thread', () => {
    const options = {
      largeValues: 'chunk',
      maxValueSize: 3_000,
      compression: { threshold: 1_000 },
    } as const
    return check(steps(texts, counts), protocol, 10, options)
  }, 120_000)

  test(
    'the same where lists wait',
    () => check(steps(texts, appends), protocol, 5, { maxPending: 800 }),
    120_000,
  )
})

describe('calls of one tick, on a client that is not connected yet', () => {
  test.each([...PROTOCOLS, 'auto'] as const)('with %s', async (protocol) => {
    await using cache = new MemcacheClient({
      servers: server.address,
      protocol,
      namespace: `first:${randomUUID()}:`,
      compression: { threshold: 1_000 },
    })
    const large = (text: string): string => text.repeat(100_000)
    const calls = [
      cache.set('a', large('old')),
      cache.delete('a'),
      cache.set('a', large('new')),
      cache.invalidate('a'),
      cache.set('a', 'small'),
      cache.getAndTouch('a', 60),
      cache.set('a', large('last')),
      cache.increment('n', 5, { initial: 10 }),
      cache.increment('n', 5),
      cache.set('n', 1),
      cache.increment('n', 1, { initial: 10 }),
      cache.getMany(['a', 'n']),
    ]
    const found = new Map<string, unknown>([
      ['a', large('last')],
      ['n', 2],
    ])
    const expected = [true, true, true, true, true, 'small', true, 10, 15, true, 2, found]
    expect(await Promise.all(calls)).toEqual(expected)
  })
})

describe.each(PROTOCOLS)('what follows a change that nobody awaits, with %s', (protocol) => {
  const client = (options: MemcacheOptions = {}): MemcacheClient =>
    new MemcacheClient({
      servers: server.address,
      protocol,
      namespace: `after:${randomUUID()}:`,
      timeout: 20_000,
      ...options,
    })

  test('wrap never gives the value of before, near by or not', async () => {
    const options = { near: { max: 100, ttl: 60 }, compression: { threshold: 1_000 } }
    await using cache = client(options)
    const large = 'new'.repeat(10_000)
    const changes: [(key: string) => Promise<unknown>, unknown][] = [
      [(key) => cache.set(key, large), large],
      [(key) => cache.set(key, 'new'), 'new'],
      [(key) => cache.setMany({ [key]: large }), large],
      [(key) => cache.delete(key), 'loaded'],
      [(key) => cache.deleteMany([key]), 'loaded'],
    ]
    for (const [change, expected] of changes) {
      for (const before of ['old', 'old'.repeat(10_000)]) {
        const key = randomUUID()
        expect(await cache.wrap(key, () => before)).toBe(before)
        const changed = change(key)
        expect(await cache.wrap(key, () => 'loaded')).toBe(expected)
        await changed
        expect(await cache.wrap(key, () => 'loaded')).toBe(expected)
      }
    }
  })

  test('a tag that is invalidated between two calls of one tick', async () => {
    await using cache = client()
    const options = { tags: ['film'] }
    await cache.wrap('k', () => 'old', options)
    const calls = [
      cache.wrap('k', () => 'first', options),
      cache.tag('film').invalidate(),
      cache.wrap('k', () => 'second', options),
    ]
    const [first, , second] = await Promise.all(calls)
    expect(['old', 'first']).toContain(first)
    expect(second).not.toBe('old')
    expect(await cache.wrap('k', () => 'third', options)).not.toBe('old')
  })

  test('flushAll takes what was set before it, behind megabytes, and no more', async () => {
    await using cache = client({ pool: { max: 4 } })
    await cache.set('warm', 1)
    const crowd = cache.setMany(bigs(20))
    const sets = [cache.set('before', 1)]
    await setImmediate()
    sets.push(cache.set('before', 2))
    const flushed = cache.flushAll()
    await setImmediate()
    sets.push(cache.set('after', 3))
    await Promise.all([crowd, ...sets, flushed])
    expect(await cache.getMany(['before', 'after', 'warm'])).toEqual(new Map([['after', 3]]))
  })
})
