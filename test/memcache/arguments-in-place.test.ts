import type { MemcacheClient } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Refusals, startRefusals } from './refusals.js'

// What stands at its own place in a call, beside the options: keys, times, numbers, words.

let refusals: Refusals
let cache: MemcacheClient
let expectError: Refusals['expectError']
beforeAll(async () => {
  refusals = await startRefusals()
  ;({ cache, expectError } = refusals)
})
afterAll(() => refusals[Symbol.asyncDispose]())

const load = (): Promise<never> => Promise.reject(new Error('loaded'))

describe('a ttl', () => {
  const wrong: [typeof TypeError | typeof RangeError, unknown][] = [
    [TypeError, '60'],
    [TypeError, null],
    [TypeError, undefined],
    [TypeError, { ttl: 60 }],
    [RangeError, -1],
    [RangeError, 1.5],
    [RangeError, Number.NaN],
    [RangeError, new Date(Number.NaN)],
    [RangeError, new Date('2040-01-01')],
  ]
  test.each(wrong)('of touch and getAndTouch is no %o: %s', async (type, ttl) => {
    await expectError(type, () => cache.touch('k', ttl as number), 'ttl')
    await expectError(type, () => cache.getAndTouch('k', ttl as number), 'ttl')
  })

  test('that ends too late with stale is refused before anything is loaded', async () => {
    const years = 365 * 86_400
    const left = 2 ** 31 - Date.now() / 1_000
    const ttl = Math.floor(left - years)
    const call = () => cache.wrap('k', load, { ttl, stale: 2 * years })
    await expectError(RangeError, call, 'ttl with stale')
  })
})

test.each<[string, (list: never) => Promise<unknown>]>([
  ['getMany', (list) => cache.getMany(list)],
  ['getsMany', (list) => cache.getsMany(list)],
  ['deleteMany', (list) => cache.deleteMany(list)],
  ['wrapMany', (list) => cache.wrapMany(list, load)],
])('%s takes no text or bytes for a list of keys', async (_name, call) => {
  const wrong = ['user', new Object('user'), Buffer.from('user'), 5, null, undefined, { a: 1 }]
  for (const list of wrong) await expectError(TypeError, () => call(list as never), 'keys')
})

test('entries are pairs, and nothing that merely looks so', async () => {
  const wrong = ['ab', Buffer.from('ab'), 5, null, undefined, Promise.resolve({ a: 1 }), new Date()]
  for (const entries of wrong) {
    await expectError(TypeError, () => cache.setMany(entries as never), 'entries')
  }
  for (const entries of [['ab', 'cd'], [['a']], [['a', 1, 60]], [null], new Set(['ab'])]) {
    await expectError(TypeError, () => cache.setMany(entries as never), 'an entry')
  }
})

test('a cas token is 64 bits without a sign', async () => {
  for (const token of [5, 5n, '', '-1', '1.5', 'abc', '1\r\nget a', null, undefined, ['1']]) {
    await expectError(TypeError, () => cache.cas('k', 'v', token as string), 'cas')
  }
  await expectError(RangeError, () => cache.cas('k', 'v', String(2n ** 64n)), 'cas')
})

test('a counter that is not made has no ttl', async () => {
  for (const ttl of [0, 60, new Date(Date.now() + 60_000)]) {
    await expectError(TypeError, () => cache.increment('k', 1, { ttl }), 'initial')
    await expectError(TypeError, () => cache.decrement('k', 1n, { ttl, initial: undefined }), 'ttl')
  }
})

test('counters are 64 bits without a sign', async () => {
  for (const delta of ['5', null, {}, true, { initial: 1 }]) {
    await expectError(TypeError, () => cache.increment('k', delta as number), 'delta')
  }
  for (const delta of [-1, 1.5, Number.NaN, Infinity, 2 ** 53, -1n, 2n ** 64n, 10n ** 1_000_000n]) {
    await expectError(RangeError, () => cache.decrement('k', delta as number), 'delta')
    const initial = { initial: delta }
    await expectError(RangeError, () => cache.increment('k', 1, initial), 'initial')
  }
  // It could be stored, and not be told.
  await expectError(RangeError, () => cache.increment('k', 1, { initial: 2n ** 60n }), '2^53')
})

test('raw values are text or bytes, and their flags in range', async () => {
  for (const value of [5, { a: 1 }, true, ['x'], null, undefined, new ArrayBuffer(1)]) {
    await expectError(TypeError, () => cache.meta.set('k', value as never), 'value')
  }
  const types = ['Tabc', 'F', 'C', 'Nx', 'MX', 'M', 'F1 F2', 'q', ' ', 'C1.5', '5']
  for (const flags of [...types, 5, null, ['T5']]) {
    await expectError(TypeError, () => cache.meta.set('k', 'v', flags as string), 'meta flag')
  }
  const ranges = [`T${2 ** 31}`, `F${2 ** 32}`, 'F-1', `C${2n ** 64n}`, 'E-1', `O${'o'.repeat(32)}`]
  for (const flags of ranges) {
    await expectError(RangeError, () => cache.meta.set('k', 'v', flags), 'meta flag')
  }
  await expectError(RangeError, () => cache.meta.arithmetic('k', `D${2n ** 64n}`), 'meta flag D')
  const large = await refusals.failureOf(() => cache.meta.set('k', Buffer.alloc(1_048_577)))
  expect(large).toMatchObject({ code: 'ERR_MEMCACHE_VALUE_TOO_LARGE' })
  refusals.expectSilence()
})

test('what servers are told by numbers and words is what they have', async () => {
  const { admin } = cache
  const types: [string, () => Promise<unknown>][] = [
    ['classes', () => admin.crawl(undefined as never)],
    ['classes', () => admin.crawl('1,2' as never)],
    ['classes', () => admin.crawl([])],
    ['slab class', () => admin.crawl(['1'] as never)],
    ['LRU', () => admin.lruMode('constructor' as never)],
    ['hot', () => admin.lruTune({ hot: '10', warm: 1, hotAge: 1, warmAge: 1 } as never)],
    ['warmAge', () => admin.lruTune({ hot: 1, warm: 1, hotAge: 1 } as never)],
    ['cold', () => admin.lruTune({ hot: 1, warm: 1, hotAge: 1, warmAge: 1, cold: 1 } as never)],
    ['lruTune', () => admin.lruTune(undefined as never)],
    ['mode', () => admin.slabsAutomove('1' as never)],
    ['source', () => admin.slabsReassign('1' as never, 2)],
    ['seconds', () => admin.lruTempTtl(undefined as never)],
    ['megabytes', () => cache.cacheMemoryLimit('64' as never)],
    ['level', () => cache.verbosity(undefined as never)],
    ['stats', () => cache.stats('constructor' as never)],
    ['stats', () => cache.stats(null as never)],
    ['stats', () => cache.stats({ timeout: 5 } as never)],
    ['watch', () => cache.watch('constructor' as never).next()],
    ['watch', () => cache.watch(5 as never).next()],
    ['watch', () => cache.watch().next()],
    ['load', () => cache.wrap('k', 60 as never)],
    ['loadMany', () => cache.wrapMany(['k'], { ttl: 60 } as never)],
  ]
  for (const [word, call] of types) await expectError(TypeError, call, word)
  const ranges: [string, () => Promise<unknown>][] = [
    ['slab class', () => admin.crawl([0])],
    ['mode', () => admin.slabsAutomove(3 as never)],
    ['destination', () => admin.slabsReassign(1, 64)],
    ['seconds', () => admin.lruTempTtl(2 ** 31)],
    ['hot', () => admin.lruTune({ hot: 101, warm: 1, hotAge: 1, warmAge: 1 })],
    ['megabytes', () => cache.cacheMemoryLimit(2 ** 32)],
    ['level', () => cache.verbosity(2 ** 32)],
  ]
  for (const [word, call] of ranges) await expectError(RangeError, call, word)
})

test('tags are texts', () => {
  for (const name of ['', 5, null, undefined, ['a']]) {
    expect(() => cache.tag(name as string)).toThrow(TypeError)
  }
})
