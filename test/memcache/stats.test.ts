import {
  type ConnsStats,
  type GeneralStats,
  type ItemsStats,
  MemcacheClient,
  type MemcacheError,
  type PerServer,
  type ServerStats,
  type SettingsStats,
  type SizesStats,
  type SlabsStats,
} from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { serversAreControllable, serversAreReal } from '../support/server-source.js'

// The tables below name every counter that the types declare: one too many or too few, or of
// another type, does not compile. The tests then hold them against a real server.

type Empty = Record<never, never>
type Declared<Stats> = keyof {
  [Name in keyof Stats as Empty extends Record<Name, 1> ? never : Name]: 1
}
type Kind<Value> = [Value] extends [number]
  ? 'number'
  : [Value] extends [string]
    ? 'string'
    : 'either'
type Optional<Stats, Name extends keyof Stats> = Empty extends Pick<Stats, Name> ? '?' : ''
type Kinds<Stats> = {
  [Name in Declared<Stats> & keyof Stats]: `${Kind<Required<Stats>[Name]>}${Optional<Stats, Name>}`
}

/** `?`: not there with every flag. */
const GENERAL: Kinds<GeneralStats> = {
  pid: 'number',
  uptime: 'number',
  time: 'number',
  version: 'string',
  libevent: 'string',
  pointer_size: 'number',
  rusage_user: 'number',
  rusage_system: 'number',
  max_connections: 'number',
  curr_connections: 'number',
  total_connections: 'number',
  rejected_connections: 'number?',
  connection_structures: 'number',
  accepting_conns: 'number',
  listen_disabled_num: 'number',
  time_in_listen_disabled_us: 'number',
  conn_yields: 'number',
  reserved_fds: 'number',
  threads: 'number',
  response_obj_oom: 'number',
  response_obj_count: 'number',
  response_obj_bytes: 'number',
  read_buf_count: 'number',
  read_buf_bytes: 'number',
  read_buf_bytes_free: 'number',
  read_buf_oom: 'number',
  cmd_get: 'number',
  cmd_set: 'number',
  cmd_flush: 'number',
  cmd_touch: 'number',
  cmd_meta: 'number',
  get_hits: 'number',
  get_misses: 'number',
  get_expired: 'number',
  get_flushed: 'number',
  delete_misses: 'number',
  delete_hits: 'number',
  incr_misses: 'number',
  incr_hits: 'number',
  decr_misses: 'number',
  decr_hits: 'number',
  cas_misses: 'number',
  cas_hits: 'number',
  cas_badval: 'number',
  touch_hits: 'number',
  touch_misses: 'number',
  store_too_large: 'number',
  store_no_memory: 'number',
  auth_cmds: 'number',
  auth_errors: 'number',
  bytes_read: 'either',
  bytes_written: 'either',
  limit_maxbytes: 'number',
  bytes: 'number',
  curr_items: 'number',
  total_items: 'number',
  hash_power_level: 'number',
  hash_bytes: 'number',
  hash_is_expanding: 'number',
  evictions: 'number',
  reclaimed: 'number',
  expired_unfetched: 'number',
  evicted_unfetched: 'number',
  evicted_active: 'number?',
  crawler_reclaimed: 'number',
  crawler_items_checked: 'number',
  lrutail_reflocked: 'number',
  moves_to_cold: 'number?',
  moves_to_warm: 'number?',
  moves_within_lru: 'number?',
  direct_reclaims: 'number?',
  lru_bumps_dropped: 'number?',
  lru_crawler_running: 'number?',
  lru_crawler_starts: 'number?',
  lru_maintainer_juggles: 'number?',
  slab_global_page_pool: 'number',
  slabs_moved: 'number?',
  slab_reassign_running: 'number?',
  slab_reassign_rescues: 'number?',
  slab_reassign_chunk_rescues: 'number?',
  slab_reassign_evictions_nomem: 'number?',
  slab_reassign_inline_reclaim: 'number?',
  slab_reassign_busy_items: 'number?',
  slab_reassign_busy_deletes: 'number?',
  malloc_fails: 'number',
  log_watchers: 'number',
  log_worker_dropped: 'number',
  log_worker_written: 'number',
  log_watcher_skipped: 'number',
  log_watcher_sent: 'number',
  unexpected_napi_ids: 'number',
  round_robin_fallback: 'number',
}

const SETTINGS: Kinds<SettingsStats> = {
  maxbytes: 'number',
  maxconns: 'number',
  maxconns_fast: 'string',
  tcpport: 'number',
  udpport: 'number',
  inter: 'string',
  domain_socket: 'string',
  umask: 'number',
  verbosity: 'number',
  oldest: 'number',
  evictions: 'string',
  growth_factor: 'number',
  chunk_size: 'number',
  num_threads: 'number',
  reqs_per_event: 'number',
  cas_enabled: 'string',
  tcp_backlog: 'number',
  auth_enabled_sasl: 'string',
  item_size_max: 'number',
  slab_reassign: 'string',
  slab_automove: 'number',
  slab_chunk_max: 'number',
  lru_crawler: 'string',
  lru_crawler_sleep: 'number',
  lru_crawler_tocrawl: 'number',
  lru_maintainer_thread: 'string',
  hot_lru_pct: 'number',
  warm_lru_pct: 'number',
  hot_max_factor: 'number',
  warm_max_factor: 'number',
  temp_lru: 'string',
  temporary_ttl: 'number',
  idle_timeout: 'number',
  track_sizes: 'string',
}

/** What is wrong with the counters, in words. */
function faults(
  stats: ServerStats,
  kinds: Readonly<Record<string, string>>,
  all: boolean,
): string[] {
  return Object.entries(kinds).flatMap(([name, kind]) => {
    const value = stats[name]
    if (value === undefined) return all || !kind.endsWith('?') ? [`${name} is missing`] : []
    const isRight = kind.startsWith('either') || kind.startsWith(typeof value)
    return isRight ? [] : [`${name} is ${JSON.stringify(value)}`]
  })
}

/** The one answer of a client of one server. */
function only<Stats>(answers: PerServer<Stats>): Stats {
  const [answer] = Object.values(answers)
  if (answer === undefined || answer instanceof Error) throw answer
  return answer
}

let server: MemcachedServer
let cache: MemcacheClient
beforeAll(async () => {
  server = await startMemcached(serversAreReal ? { args: ['-o', 'track_sizes', '-c', '1000'] } : {})
  cache = new MemcacheClient(server.address)
  await cache.set('small', 1)
  await cache.set('large', Buffer.alloc(1_000))
  await cache.get('small')
})
afterAll(async () => {
  await cache.close()
  await server.stop()
})

describe('stats', () => {
  test('has every general counter of 1.6.18, and no other', async () => {
    const stats = only(await cache.stats())
    const isKnown = stats.version === '1.6.18'
    expect(faults(stats, GENERAL, isKnown)).toEqual([])
    if (isKnown) expect(Object.keys(stats).filter((name) => !(name in GENERAL))).toEqual([])
    expect(stats.cmd_set).toBeGreaterThanOrEqual(2)
    expect(stats.bytes_read).toBeGreaterThan(1_000)
    expect(Math.abs(stats.time - Date.now() / 1_000)).toBeLessThan(60)
  })

  test.skipIf(!serversAreReal)('lacks only what may be missing, whatever the flags', async () => {
    for (const flags of [
      ['-o', 'no_modern'],
      ['-C', '-M'],
      ['-t', '2', '-U', '0'],
    ]) {
      await using other = await startMemcached({ args: flags })
      await using client = new MemcacheClient(other.address)
      expect(faults(only(await client.stats()), GENERAL, false)).toEqual([])
      expect(faults(only(await client.stats('settings')), SETTINGS, true)).toEqual([])
    }
  })

  test.skipIf(!serversAreReal)('has the settings that the server was started with', async () => {
    const settings = only(await cache.stats('settings'))
    expect(faults(settings, SETTINGS, true)).toEqual([])
    expect(settings).toMatchObject({
      maxbytes: 64 * 1_048_576,
      maxconns: 1_000,
      num_threads: 1,
      evictions: 'on',
      cas_enabled: 'yes',
      track_sizes: 'yes',
    })
  })

  test.each(['meta', 'classic'] as const)(
    'has rows for slab classes, sizes and connections, over %s',
    async (protocol) => {
      await using client = new MemcacheClient({ servers: server.address, protocol })
      const items = only(await client.stats('items'))
      const slabs = only(await client.stats('slabs'))
      const conns = only(await client.stats('conns'))
      const [, id] = /^items:(\d+):/.exec(Object.keys(items)[0] ?? '') ?? []
      const slab = Number(id)
      expect(items[`items:${slab}:number`]).toBeGreaterThan(0)
      expect(slabs[`${slab}:chunk_size`]).toBeGreaterThan(48)
      expect(slabs.active_slabs).toBeGreaterThan(0)
      expect(slabs.total_malloced).toBeGreaterThanOrEqual(1_048_576)
      for (const value of [...Object.values(items), ...Object.values(slabs)]) {
        expect(value).toEqual(expect.any(Number))
      }
      const states = Object.keys(conns).filter((name) => name.endsWith(':state'))
      expect(states.length).toBeGreaterThanOrEqual(2)
      for (const state of states) {
        const file = Number.parseInt(state, 10)
        expect(conns[`${file}:addr`]).toMatch(/^tcp/)
        expect(conns[`${file}:state`]).toMatch(/^conn_/)
        expect(conns[`${file}:secs_since_last_cmd`]).toEqual(expect.any(Number))
      }
      if (!serversAreReal) return
      const sizes = only(await client.stats('sizes'))
      expect(sizes.sizes_status).toBeUndefined()
      expect(Object.values(sizes).reduce<number>((sum, count) => sum + Number(count), 0)).toBe(2)
      for (const size of Object.keys(sizes)) expect(sizes[Number(size)]).toBeGreaterThan(0)
    },
  )

  test.skipIf(!serversAreControllable)('of sizes that nobody counts says so', async () => {
    await using other = await startMemcached()
    await using client = new MemcacheClient(other.address)
    expect(only(await client.stats('sizes'))).toEqual({ sizes_status: 'disabled' })
    expect(only(await client.stats('items'))).toEqual({})
  })

  test('keeps as text what is not a number, or not one that JavaScript can hold', async () => {
    await using liar = await startFakeServer((socket) => {
      socket.on('data', (chunk) => {
        const isStats = String(chunk).startsWith('stats')
        const stats =
          'STAT bytes_read 9007199254740993\r\nSTAT bytes_written 9007199254740991\r\n' +
          'STAT version 1.60\r\nEND\r\n'
        if (isStats) socket.write(stats)
      })
    })
    await using client = new MemcacheClient({ servers: liar.address, protocol: 'classic' })
    const { bytes_read, bytes_written, version } = only(await client.stats('general'))
    expect({ bytes_read, bytes_written, version }).toEqual({
      version: '1.60',
      bytes_read: '9007199254740993',
      bytes_written: 9_007_199_254_740_991,
    })
  })

  test('is typed by its section', () => {
    const section = 'items' as 'items' | 'slabs'
    const calls = {
      none: () => cache.stats(),
      late: () => cache.stats(undefined, { timeout: 100 }),
      general: () => cache.stats('general'),
      settings: () => cache.stats('settings'),
      sizes: () => cache.admin.stats('sizes'),
      conns: () => cache.stats('conns'),
      any: () => cache.stats(section),
    }
    type Answer<Name extends keyof typeof calls> = Awaited<ReturnType<(typeof calls)[Name]>>[string]
    expectTypeOf<Answer<'none'>>().toEqualTypeOf<GeneralStats | MemcacheError>()
    expectTypeOf<Answer<'late'>>().toEqualTypeOf<GeneralStats | MemcacheError>()
    expectTypeOf<Answer<'general'>>().toEqualTypeOf<GeneralStats | MemcacheError>()
    expectTypeOf<Answer<'settings'>>().toEqualTypeOf<SettingsStats | MemcacheError>()
    expectTypeOf<Answer<'sizes'>>().toEqualTypeOf<SizesStats | MemcacheError>()
    expectTypeOf<Answer<'conns'>>().toEqualTypeOf<ConnsStats | MemcacheError>()
    expectTypeOf<Answer<'any'>>().toEqualTypeOf<ItemsStats | SlabsStats | MemcacheError>()
    expectTypeOf<ItemsStats['items:1:age']>().toEqualTypeOf<number>()
    expectTypeOf<SlabsStats['1:used_chunks']>().toEqualTypeOf<number>()
    expectTypeOf<SizesStats[96]>().toEqualTypeOf<number>()
    expectTypeOf<ConnsStats['22:addr']>().toEqualTypeOf<string>()
    expectTypeOf<GeneralStats['what comes later']>().toEqualTypeOf<number | string | undefined>()
  })
})
