import type {
  CallOptions,
  CountOptions,
  InvalidateOptions,
  KeysOptions,
  MemcacheClient,
  StoreOptions,
  WrapOptions,
} from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { methodsOf } from '../support/methods.js'
import { type Refusals, startRefusals } from './refusals.js'

// What a caller passes is looked at before anything is sent: an unknown option, or an invalid
// value, must not silently become a default. One table, over every call and every option.

let refusals: Refusals
let cache: MemcacheClient
let expectError: Refusals['expectError']
beforeAll(async () => {
  refusals = await startRefusals()
  ;({ cache, expectError } = refusals)
})
afterAll(() => refusals[Symbol.asyncDispose]())

/** Invalid values of each option; an option that is missing here does not compile. */
type Wrong<T> = { readonly [Name in keyof T]-?: readonly unknown[] }

const CALL: Wrong<CallOptions> = {
  timeout: ['5', null, true, 5n],
  signal: [null, {}, 'abort', () => {}],
}
const STORE: Wrong<StoreOptions> = { ...CALL, ttl: ['60', null, {}, true, 60n] }
const COUNT: Wrong<CountOptions> = { ...STORE, initial: ['0', null, [1]] }
const INVALIDATE: Wrong<InvalidateOptions> = { ...CALL, stale: ['30', null] }
const KEYS: Wrong<KeysOptions> = { ...CALL, prefix: [5, null, ['a']] }
const FLUSH: Wrong<NonNullable<Parameters<MemcacheClient['flushAll']>[0]>> = {
  ...CALL,
  delay: ['10', null, new Date()],
}
const WRAP: Wrong<WrapOptions> = {
  ...STORE,
  stale: ['30', null],
  lease: ['10', new Date()],
  refreshAhead: ['1'],
  jitter: ['0.5', null],
  negativeTtl: ['5', new Date()],
  tags: ['tag', new Set(['a']), [1], [''], null],
  onError: ['ignore', 5, 'constructor', null],
}

interface Row {
  readonly options: Readonly<Record<string, readonly unknown[]>>
  readonly call: (options: never) => Promise<unknown>
  /** What the error calls it, where that is not its name. */
  readonly name?: string
}

const load = (): Promise<never> => Promise.reject(new Error('loaded'))

/** By the place of the method: every call that takes options. */
const ROWS: Readonly<Record<string, Row>> = {
  get: { options: CALL, call: (o) => cache.get('k', o) },
  gets: { options: CALL, call: (o) => cache.gets('k', o) },
  getMany: { options: CALL, call: (o) => cache.getMany(['k'], o) },
  getsMany: { options: CALL, call: (o) => cache.getsMany(['k'], o) },
  getAndTouch: { options: CALL, call: (o) => cache.getAndTouch('k', 60, o) },
  touch: { options: CALL, call: (o) => cache.touch('k', 60, o) },
  set: { options: STORE, call: (o) => cache.set('k', 'v', o) },
  add: { options: STORE, call: (o) => cache.add('k', 'v', o) },
  replace: { options: STORE, call: (o) => cache.replace('k', 'v', o) },
  append: { options: CALL, call: (o) => cache.append('k', 'v', o) },
  prepend: { options: CALL, call: (o) => cache.prepend('k', 'v', o) },
  cas: { options: STORE, call: (o) => cache.cas('k', 'v', '1', o) },
  setMany: { options: STORE, call: (o) => cache.setMany({ k: 'v' }, o) },
  delete: { options: CALL, call: (o) => cache.delete('k', o) },
  deleteMany: { options: CALL, call: (o) => cache.deleteMany(['k'], o) },
  increment: { options: COUNT, call: (o) => cache.increment('k', 1, o) },
  decrement: { options: COUNT, call: (o) => cache.decrement('k', 1, o) },
  inspect: { options: CALL, call: (o) => cache.inspect('k', o) },
  wrap: { options: WRAP, call: (o) => cache.wrap('k', load, o) },
  wrapMany: { options: WRAP, call: (o) => cache.wrapMany(['k'], load, o) },
  invalidate: { options: INVALIDATE, call: (o) => cache.invalidate('k', o) },
  invalidateNamespace: { options: CALL, call: (o) => cache.invalidateNamespace(o) },
  'tag.invalidate': {
    options: CALL,
    call: (o) => cache.tag('t').invalidate(o),
    name: 'invalidate',
  },
  stats: { options: CALL, call: (o) => cache.stats('items', o) },
  flushAll: { options: FLUSH, call: (o) => cache.flushAll(o) },
  resetStats: { options: CALL, call: (o) => cache.resetStats(o) },
  cacheMemoryLimit: { options: CALL, call: (o) => cache.cacheMemoryLimit(64, o) },
  ping: { options: CALL, call: (o) => cache.ping(o) },
  version: { options: CALL, call: (o) => cache.version(o) },
  verbosity: { options: CALL, call: (o) => cache.verbosity(1, o) },
  keys: { options: KEYS, call: (o) => cache.keys(o).next() },
  watch: { options: CALL, call: (o) => cache.watch('mutations', o).next() },
  'meta.get': { options: CALL, call: (o) => cache.meta.get('k', 'v', o), name: 'meta mg' },
  'meta.set': { options: CALL, call: (o) => cache.meta.set('k', 'v', '', o), name: 'meta ms' },
  'meta.delete': { options: CALL, call: (o) => cache.meta.delete('k', '', o), name: 'meta md' },
  'meta.arithmetic': {
    options: CALL,
    call: (o) => cache.meta.arithmetic('k', 'v', o),
    name: 'meta ma',
  },
  'admin.stats': { options: CALL, call: (o) => cache.admin.stats('slabs', o), name: 'stats' },
  'admin.version': { options: CALL, call: (o) => cache.admin.version(o), name: 'version' },
  'admin.flushAll': { options: CALL, call: (o) => cache.admin.flushAll(1, o), name: 'flushAll' },
  'admin.ping': { options: CALL, call: (o) => cache.admin.ping(o), name: 'ping' },
  'admin.verbosity': {
    options: CALL,
    call: (o) => cache.admin.verbosity(1, o),
    name: 'verbosity',
  },
  'admin.resetStats': { options: CALL, call: (o) => cache.admin.resetStats(o), name: 'resetStats' },
  'admin.cacheMemoryLimit': {
    options: CALL,
    call: (o) => cache.admin.cacheMemoryLimit(64, o),
    name: 'cacheMemoryLimit',
  },
  'admin.slabsAutomove': {
    options: CALL,
    call: (o) => cache.admin.slabsAutomove(1, o),
    name: 'slabsAutomove',
  },
  'admin.slabsReassign': {
    options: CALL,
    call: (o) => cache.admin.slabsReassign(1, 2, o),
    name: 'slabsReassign',
  },
  'admin.lruMode': { options: CALL, call: (o) => cache.admin.lruMode('flat', o), name: 'lruMode' },
  'admin.lruTune': {
    options: CALL,
    call: (o) => cache.admin.lruTune({ hot: 1, warm: 1, hotAge: 1, warmAge: 1 }, o),
    name: 'lruTune',
  },
  'admin.lruTempTtl': {
    options: CALL,
    call: (o) => cache.admin.lruTempTtl(5, o),
    name: 'lruTempTtl',
  },
  'admin.crawl': { options: CALL, call: (o) => cache.admin.crawl('all', o), name: 'crawl' },
}

/** Those that take no options. */
const WITHOUT = [
  'connect',
  'metrics',
  'serverFor',
  'addServer',
  'removeServer',
  'setServers',
  'close',
  'quit',
  'tag',
]

test('there is a row for every call', () => {
  const internal = ['everythingChanges', 'loadsUnderWay']
  const client = methodsOf(cache).filter((name) => !internal.includes(name))
  const meta = methodsOf(cache.meta).map((name) => `meta.${name}`)
  const admin = methodsOf(cache.admin).map((name) => `admin.${name}`)
  const rows = [...WITHOUT, ...Object.keys(ROWS)].filter((name) => name !== 'tag.invalidate')
  expect(rows.sort()).toEqual([...client, ...meta, ...admin].sort())
})

describe.each(Object.entries(ROWS))('%s', (place, { options, call, name = place }) => {
  const given = (value: unknown) => () => call(value as never)

  test('refuses an unknown option, by its name', async () => {
    const names = Object.keys(options)
    await expectError(TypeError, given({ expires: 60 }), name, "'expires'", ...names)
    await expectError(TypeError, given({ timeout: 50, constructor: 1 }), "'constructor'")
    await expectError(TypeError, given(JSON.parse('{ "__proto__": 1 }')), "'__proto__'")
  })

  test('refuses anything but options', async () => {
    const ttl = 'ttl' in options && !('onError' in options) && !('initial' in options)
    const others = ['text', true, null, () => {}, [], ['ttl'], Symbol('s'), new Map(), 5n]
    const signal = new AbortController().signal
    const numbers = ttl ? [] : [60, new Date()]
    for (const value of [...others, signal, new URL('a://b'), ...numbers]) {
      if (place === 'watch' && (typeof value !== 'object' || value === null)) continue
      await expectError(TypeError, given(value), name, ...Object.keys(options))
    }
  })

  test.each(Object.entries(options))('refuses another type of %s', async (option, values) => {
    for (const value of values) {
      const own = option === 'tags' && Array.isArray(value) ? 'a tag' : option
      await expectError(TypeError, given({ [option]: value }), own)
      await expectError(TypeError, given(Object.create({ [option]: value })), own)
    }
  })

  test('refuses invalid times', async () => {
    for (const timeout of [0, -1, Number.NaN, Infinity, 2 ** 31]) {
      await expectError(RangeError, given({ timeout }), 'timeout')
    }
    const times = { ttl: 0, stale: 0, lease: 1, refreshAhead: 0, negativeTtl: 1, delay: 0 }
    for (const [option, least] of Object.entries(times)) {
      if (!(option in options)) continue
      for (const value of [least - 1, 1.5, Number.NaN, Infinity, 1e12, -Infinity]) {
        await expectError(RangeError, given({ [option]: value }), option)
      }
    }
  })
})
