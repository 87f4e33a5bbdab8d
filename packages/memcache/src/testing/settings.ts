import type { Store } from './store.js'

/** More prefixes than this are not counted. */
const MOST_PREFIXES = 10_000

/** Counts by what is before the `:` of keys, while `stats detail` is on. */
export class Prefixes {
  on = false
  readonly #counts = new Map<string, { get: number; hit: number; set: number; del: number }>()

  count(kind: 'get' | 'set' | 'del', key: string, isHit = false): void {
    if (!this.on) return
    const end = key.indexOf(':')
    if (end < 0) return
    const prefix = key.slice(0, end)
    let counts = this.#counts.get(prefix)
    if (counts === undefined) {
      if (this.#counts.size >= MOST_PREFIXES) return
      counts = { get: 0, hit: 0, set: 0, del: 0 }
      this.#counts.set(prefix, counts)
    }
    counts[kind] += 1
    if (isHit) counts.hit += 1
  }

  clear(): void {
    this.#counts.clear()
  }

  /** The lines of `stats detail dump`. */
  *lines(): Generator<string> {
    for (const [prefix, { get, hit, set, del }] of this.#counts) {
      yield `PREFIX ${prefix} get ${get} hit ${hit} set ${set} del ${del}\r\n`
    }
  }
}

/** What was said when the server was started. */
interface Start {
  readonly place: { readonly host: string; readonly port: number }
  /** Path of a unix socket. */
  readonly path: string | undefined
  readonly hasTls: boolean
  readonly auth: boolean
}

const yes = (is: boolean): string => (is ? 'yes' : 'no')

/** What administrators can change while the server runs. Most of it changes only what `stats settings` says. */
export class Settings {
  verbosity = 0
  automove = 1
  crawler = true
  crawlerSleep = 100
  crawlerTakes = 0
  segmented = true
  hotPercent = 20
  warmPercent = 40
  hotFactor = 0.2
  warmFactor = 2
  /** Whether items that live shorter than `temporaryTtl` seconds are kept apart. */
  temporary = false
  temporaryTtl = 61
  /** The cas number from which on sizes are counted; `undefined`: they are not. */
  sizesFrom: number | undefined
  readonly prefixes: Prefixes = new Prefixes()
  readonly start: Start

  constructor(start: Start) {
    this.start = start
  }

  /** The rows of `stats settings`. */
  rows(store: Store): readonly (readonly [name: string, value: string | number])[] {
    const { place, path, hasTls, auth } = this.start
    return [
      ['maxbytes', store.maxBytes],
      ['maxconns', 1024],
      ['tcpport', path === undefined ? place.port : 11211],
      ['udpport', 0],
      ['inter', path === undefined ? place.host : 'NULL'],
      ['verbosity', this.verbosity],
      ['oldest', store.oldestLive],
      ['evictions', 'on'],
      ['domain_socket', path ?? 'NULL'],
      ['umask', 700],
      ['shutdown_command', 'no'],
      ['growth_factor', '1.25'],
      ['chunk_size', 48],
      ['num_threads', 1],
      ['num_threads_per_udp', 1],
      ['stat_key_prefix', ':'],
      ['detail_enabled', yes(this.prefixes.on)],
      ['reqs_per_event', 20],
      ['cas_enabled', 'yes'],
      ['tcp_backlog', 1024],
      ['binding_protocol', 'auto-negotiate'],
      ['auth_enabled_sasl', 'no'],
      // memcached has the name of its file here.
      ['auth_enabled_ascii', yes(auth)],
      ['item_size_max', store.largestItem],
      ['maxconns_fast', 'yes'],
      ['hashpower_init', 0],
      ['slab_reassign', 'yes'],
      ['slab_automove', this.automove],
      ['slab_automove_ratio', '0.80'],
      ['slab_automove_window', 30],
      ['slab_chunk_max', store.classes.largestChunk],
      ['lru_crawler', yes(this.crawler)],
      ['lru_crawler_sleep', this.crawlerSleep],
      ['lru_crawler_tocrawl', this.crawlerTakes],
      ['tail_repair_time', 0],
      ['flush_enabled', 'yes'],
      ['dump_enabled', 'yes'],
      ['hash_algorithm', 'murmur3'],
      ['lru_maintainer_thread', 'yes'],
      ['lru_segmented', yes(this.segmented)],
      ['hot_lru_pct', this.hotPercent],
      ['warm_lru_pct', this.warmPercent],
      ['hot_max_factor', this.hotFactor.toFixed(2)],
      ['warm_max_factor', this.warmFactor.toFixed(2)],
      ['temp_lru', yes(this.temporary)],
      ['temporary_ttl', this.temporaryTtl],
      ['idle_timeout', 0],
      ['watcher_logbuf_size', 262144],
      ['worker_logbuf_size', 65536],
      ['read_buf_mem_limit', 0],
      ['track_sizes', yes(this.sizesFrom !== undefined)],
      ['inline_ascii_response', 'no'],
      ['ext_item_size', 512],
      ['ext_item_age', 4294967295],
      ['ext_low_ttl', 0],
      ['ext_recache_rate', 2000],
      ['ext_wbuf_size', 4194304],
      ['ext_compact_under', 0],
      ['ext_drop_under', 0],
      ['ext_max_sleep', 1000000],
      ['ext_max_frag', '0.80'],
      ['slab_automove_freeratio', '0.010'],
      ['ext_drop_unread', 'no'],
      ['ssl_enabled', yes(hasTls)],
      ['ssl_chain_cert', '(null)'],
      ['ssl_key', '(null)'],
      ['ssl_verify_mode', 0],
      ['ssl_keyformat', 1],
      ['ssl_ciphers', 'NULL'],
      ['ssl_ca_cert', 'NULL'],
      ['ssl_wbuf_size', 16384],
      ['ssl_session_cache', 'no'],
      ['ssl_kernel_tls', 'no'],
      ['ssl_min_version', 'tlsv1.2'],
      ['num_napi_ids', '(null)'],
      ['memory_file', '(null)'],
    ]
  }
}
