import { unsigned32 } from './command-line.js'
import type { Session } from './session.js'

type Row = readonly [name: string, value: string | number]

/** Names a 0. */
function zeros(...names: readonly string[]): readonly Row[] {
  return names.map((name) => [name, 0])
}

/** Most bytes of `stats cachedump`. */
const LONGEST_CACHEDUMP = 2 << 20

/** `stats`: words behind those that a section needs are passed over. */
export function stats(session: Session, words: readonly string[]): void {
  const { store, owner } = session
  const { settings } = owner
  switch (words[1]) {
    case undefined:
      answer(session, general(session))
      break
    case 'settings':
      answer(session, settings.rows(store))
      break
    case 'items':
      answer(session, items(session))
      break
    case 'slabs':
      answer(session, slabs(session))
      break
    case 'sizes':
      answer(session, sizes(session))
      break
    case 'conns':
      answer(session, connections(session))
      break
    case 'extstore':
      answer(session, [])
      break
    case 'reset':
      store.reset()
      settings.prefixes.clear()
      owner.watchers.reset()
      session.reply('RESET')
      break
    // These two answer with no END.
    case 'sizes_enable':
      settings.sizesFrom ??= store.lastCas + 1
      session.reply('STAT sizes_status enabled')
      break
    case 'sizes_disable':
      settings.sizesFrom = undefined
      session.reply('STAT sizes_status disabled')
      break
    case 'detail':
      detail(session, words[2])
      break
    case 'cachedump':
      cachedump(session, words)
      break
    default:
      session.reply('ERROR')
  }
}

function answer(session: Session, rows: readonly Row[]): void {
  let text = ''
  for (const [name, value] of rows) text += `STAT ${name} ${value}\r\n`
  session.write(`${text}END\r\n`)
}

function detail(session: Session, what: string | undefined): void {
  const { prefixes } = session.owner.settings
  if (what === 'on' || what === 'off') {
    prefixes.on = what === 'on'
    session.reply('OK')
  } else if (what === 'dump') {
    session.write(`${[...prefixes.lines()].join('')}END\r\n`)
  } else {
    session.reply('CLIENT_ERROR usage: stats detail on|off|dump')
  }
}

function cachedump(session: Session, words: readonly string[]): void {
  const [, , idText, limitText] = words
  if (idText === undefined || limitText === undefined) {
    session.reply('CLIENT_ERROR bad command line')
    return
  }
  const id = unsigned32(idText)
  const limit = unsigned32(limitText)
  if (id === undefined || limit === undefined) {
    session.reply('CLIENT_ERROR bad command line format')
    return
  }
  if (id > 63) {
    session.reply('CLIENT_ERROR Illegal slab id')
    return
  }
  const { store } = session
  let text = ''
  let count = 0
  for (let item = store.newest; item !== undefined; item = item.older) {
    if (store.slabOf(item).id !== id || item.binaryKey || store.isDead(item)) continue
    const exptime = item.exptime === 0 ? 0 : item.exptime + store.epoch
    const line = `ITEM ${item.key} [${item.value.length} b; ${exptime} s]\r\n`
    if (text.length + line.length > LONGEST_CACHEDUMP) break
    text += line
    count += 1
    if (count === limit) break
  }
  session.write(`${text}END\r\n`)
}

/** The bytes of all items, without what their chunks have left. */
function bytesOfItems({ store }: Session): number {
  let bytes = 0
  for (const slab of store.slabs.values()) bytes += slab.bytes
  return bytes
}

function general(session: Session): readonly Row[] {
  const { store, owner } = session
  const { counters } = store
  const { sessions, settings, watchers } = owner
  const { user, system } = process.cpuUsage()
  const open = sessions.size
  return [
    ['pid', process.pid],
    ['uptime', store.uptime],
    ['time', store.now + store.epoch],
    ['version', '1.6.18'],
    ['libevent', '2.1.12-stable'],
    ['pointer_size', 64],
    ['rusage_user', (user / 1e6).toFixed(6)],
    ['rusage_system', (system / 1e6).toFixed(6)],
    ['max_connections', 1024],
    ['curr_connections', open],
    ['total_connections', counters.total_connections],
    ['rejected_connections', 0],
    ['connection_structures', open + 1],
    ['response_obj_oom', 0],
    ['response_obj_count', 1],
    ['response_obj_bytes', 16_384],
    ['read_buf_count', open + 1],
    ['read_buf_bytes', (open + 1) * 16_384],
    ...zeros('read_buf_bytes_free', 'read_buf_oom'),
    ['reserved_fds', 5],
    ['cmd_get', counters.cmd_get],
    ['cmd_set', counters.cmd_set],
    ['cmd_flush', counters.cmd_flush],
    ['cmd_touch', counters.cmd_touch],
    ['cmd_meta', counters.cmd_meta],
    ['get_hits', counters.get_hits],
    ['get_misses', counters.get_misses],
    ['get_expired', counters.get_expired],
    ['get_flushed', counters.get_flushed],
    ['delete_misses', counters.delete_misses],
    ['delete_hits', counters.delete_hits],
    ['incr_misses', counters.incr_misses],
    ['incr_hits', counters.incr_hits],
    ['decr_misses', counters.decr_misses],
    ['decr_hits', counters.decr_hits],
    ['cas_misses', counters.cas_misses],
    ['cas_hits', counters.cas_hits],
    ['cas_badval', counters.cas_badval],
    ['touch_hits', counters.touch_hits],
    ['touch_misses', counters.touch_misses],
    ['store_too_large', counters.store_too_large],
    ['store_no_memory', counters.store_no_memory],
    ['auth_cmds', counters.auth_cmds],
    ['auth_errors', counters.auth_errors],
    ['bytes_read', counters.bytes_read],
    ['bytes_written', counters.bytes_written],
    ['limit_maxbytes', store.maxBytes],
    ['accepting_conns', 1],
    ...zeros('listen_disabled_num', 'time_in_listen_disabled_us'),
    ['threads', 1],
    ['conn_yields', 0],
    ['hash_power_level', 16],
    ['hash_bytes', 524_288],
    ...zeros('hash_is_expanding', 'slab_reassign_rescues', 'slab_reassign_chunk_rescues'),
    ...zeros('slab_reassign_evictions_nomem', 'slab_reassign_inline_reclaim'),
    ...zeros('slab_reassign_busy_items', 'slab_reassign_busy_deletes', 'slab_reassign_running'),
    ...zeros('slabs_moved', 'lru_crawler_running', 'lru_crawler_starts', 'lru_maintainer_juggles'),
    ...zeros('malloc_fails', 'log_worker_dropped'),
    ['log_worker_written', watchers.written],
    ['log_watcher_skipped', watchers.skipped],
    ['log_watcher_sent', watchers.sent],
    ['log_watchers', watchers.size],
    ...(settings.start.hasTls ? zeros('ssl_handshake_errors') : []),
    ...(settings.start.hasTls ? [['time_since_server_cert_refresh', store.uptime] as const] : []),
    ...zeros('unexpected_napi_ids', 'round_robin_fallback'),
    ['bytes', bytesOfItems(session)],
    ['curr_items', store.items.size],
    ['total_items', counters.total_items],
    ...zeros('slab_global_page_pool', 'expired_unfetched'),
    ['evicted_unfetched', counters.evicted_unfetched],
    ['evicted_active', 0],
    ['evictions', counters.evictions],
    ...zeros('reclaimed', 'crawler_reclaimed', 'crawler_items_checked', 'lrutail_reflocked'),
    ...zeros('moves_to_cold', 'moves_to_warm', 'moves_within_lru', 'direct_reclaims'),
    ['lru_bumps_dropped', 0],
  ]
}

/** `stats items`: all items are in the last part of the order of use, since there is only one here. */
function items({ store }: Session): readonly Row[] {
  const oldest = new Map<number, number>()
  for (let item = store.oldest; item !== undefined; item = item.newer) {
    const { id } = store.slabOf(item)
    if (!oldest.has(id)) oldest.set(id, item.time)
  }
  return sorted(store).flatMap(({ id, ...slab }) => {
    const time = oldest.get(id)
    if (time === undefined) return []
    const rows: readonly Row[] = [
      ['number', slab.items],
      ...zeros('number_hot', 'number_warm'),
      ['number_cold', slab.items],
      ...zeros('age_hot', 'age_warm'),
      ['age', store.now - time],
      ['mem_requested', slab.bytes],
      ['evicted', slab.evicted],
      ...zeros('evicted_nonzero', 'evicted_time', 'outofmemory', 'tailrepairs', 'reclaimed'),
      ['expired_unfetched', 0],
      ['evicted_unfetched', slab.evictedUnfetched],
      ...zeros('evicted_active', 'crawler_reclaimed', 'crawler_items_checked'),
      ...zeros('lrutail_reflocked', 'moves_to_cold', 'moves_to_warm', 'moves_within_lru'),
      ...zeros('direct_reclaims', 'hits_to_hot', 'hits_to_warm', 'hits_to_cold', 'hits_to_temp'),
    ]
    return rows.map(([name, value]): Row => [`items:${id}:${name}`, value])
  })
}

function sorted(store: Session['store']) {
  return [...store.slabs.values()].sort((one, other) => one.id - other.id)
}

function slabs({ store }: Session): readonly Row[] {
  const all = sorted(store)
  const rows = all.flatMap((slab): readonly Row[] => {
    const chunks = slab.pages * slab.perPage
    return [
      ['chunk_size', slab.chunkSize],
      ['chunks_per_page', slab.perPage],
      ['total_pages', slab.pages],
      ['total_chunks', chunks],
      ['used_chunks', slab.items],
      ['free_chunks', chunks - slab.items],
      ['free_chunks_end', 0],
      ...Object.entries(slab.counters),
    ].map(([name, value]): Row => [`${slab.id}:${name}`, value as number])
  })
  const malloced = all.reduce((sum, slab) => sum + slab.malloced, 0)
  return [...rows, ['active_slabs', all.length], ['total_malloced', malloced]]
}

/** `stats sizes`: items by their size, in steps of 32 bytes. */
function sizes({ store, owner }: Session): readonly Row[] {
  const { sizesFrom } = owner.settings
  if (sizesFrom === undefined) return [['sizes_status', 'disabled']]
  const counts = new Map<number, number>()
  for (const item of store.items.values()) {
    if (item.cas < sizesFrom) continue
    const size = Math.ceil(item.size / 32) * 32
    counts.set(size, (counts.get(size) ?? 0) + 1)
  }
  return [...counts]
    .sort(([one], [other]) => one - other)
    .map(([size, count]): Row => [`${size}`, count])
}

/** The file descriptor of the socket that takes connections. */
const LISTENING = 11

function connections(session: Session): readonly Row[] {
  const { store, owner } = session
  const { place, path } = owner.settings.start
  const listening = path === undefined ? addressOf(place.host, place.port) : `unix:${path}`
  const rows: Row[] = [
    [`${LISTENING}:addr`, listening],
    [`${LISTENING}:state`, 'conn_listening'],
    [`${LISTENING}:secs_since_last_cmd`, store.uptime],
  ]
  for (const other of [...owner.sessions].sort((one, two) => one.file - two.file)) {
    const { file, remote } = other
    const state = owner.watchers.has(other) ? 'watch' : other === session ? 'parse_cmd' : 'read'
    rows.push(
      [`${file}:addr`, remote === undefined ? '?:<AF 0>' : addressOf(remote.address, remote.port)],
      [`${file}:listen_addr`, listening],
      [`${file}:state`, `conn_${state}`],
      [`${file}:secs_since_last_cmd`, store.now - other.lastCommand],
    )
  }
  return rows
}

function addressOf(address: string, port: number): string {
  return address.includes(':') ? `tcp6:[${address}]:${port}` : `tcp:${address}:${port}`
}
