/**
 * Statistics of one server by their names. Numeric text is converted to a number, except 64-bit
 * counters above 2^53 - 1, which stay text. `undefined` if the server does not report the name.
 */
export interface ServerStats {
  readonly [name: string]: number | string | undefined
}

/**
 * The general statistics of one server, by the names that memcached 1.6.18 gives them. Without a
 * unit it is a count since the server started, or since `resetStats`. Those that may be missing
 * depend on the server's flags. Other versions have others as well.
 *
 * 64-bit counters above 2^53 - 1 are text. Bytes of traffic can get there; a counter of events
 * would need 285 years at a million a second.
 */
export interface GeneralStats extends ServerStats {
  /** Id of the server's process. */
  readonly pid: number
  /** Seconds that it has run. */
  readonly uptime: number
  /** Its clock, in seconds since 1970. */
  readonly time: number
  /** As `'1.6.18'`. */
  readonly version: string
  /** Version of libevent. */
  readonly libevent: string
  /** Bits of a pointer: 32 or 64. */
  readonly pointer_size: number
  /** Seconds of processor time outside of the kernel, with their fraction. */
  readonly rusage_user: number
  /** Seconds of processor time in the kernel, with their fraction. */
  readonly rusage_system: number

  /** The maximum number of connections (`-c`). */
  readonly max_connections: number
  /** Connections that are open now. */
  readonly curr_connections: number
  /** Connections opened. */
  readonly total_connections: number
  /** Connections refused because there were `max_connections`. */
  readonly rejected_connections?: number
  /** Structures of connections that it has in memory. */
  readonly connection_structures: number
  /** 1 while it accepts connections, 0 while it cannot take more. */
  readonly accepting_conns: number
  /** Times that it stopped accepting because there were `max_connections`. */
  readonly listen_disabled_num: number
  /** Microseconds during which it accepted none. */
  readonly time_in_listen_disabled_us: number
  /** Times that a connection gave way to others after its share of commands (`-R`). */
  readonly conn_yields: number
  /** File descriptors kept for its own use. */
  readonly reserved_fds: number
  /** Threads that serve connections (`-t`). */
  readonly threads: number

  /** Responses for which there was no memory. */
  readonly response_obj_oom: number
  /** Response objects in memory now. */
  readonly response_obj_count: number
  /** Bytes of response objects now. */
  readonly response_obj_bytes: number
  /** Read buffers in memory now. */
  readonly read_buf_count: number
  /** Bytes of read buffers now. */
  readonly read_buf_bytes: number
  /** Bytes of read buffers that nobody uses now. */
  readonly read_buf_bytes_free: number
  /** Connections for which there was no memory for a read buffer. */
  readonly read_buf_oom: number

  /** Keys asked for. */
  readonly cmd_get: number
  /** Items sent to be stored. */
  readonly cmd_set: number
  /** `flush_all`. */
  readonly cmd_flush: number
  /** Keys touched, also by being read. */
  readonly cmd_touch: number
  /** Meta commands. */
  readonly cmd_meta: number
  /** Keys asked for and found. */
  readonly get_hits: number
  /** Keys asked for and not found. */
  readonly get_misses: number
  /** Of `get_misses`: the item had expired. */
  readonly get_expired: number
  /** Of `get_misses`: the item was flushed. */
  readonly get_flushed: number
  /** Deletes of items that were not there. */
  readonly delete_misses: number
  /** Deletes of items that were there. */
  readonly delete_hits: number
  /** Increments of items that were not there. */
  readonly incr_misses: number
  /** Increments of items that were there. */
  readonly incr_hits: number
  /** Decrements of items that were not there. */
  readonly decr_misses: number
  /** Decrements of items that were there. */
  readonly decr_hits: number
  /** `cas` for items that were not there. */
  readonly cas_misses: number
  /** `cas` that stored. */
  readonly cas_hits: number
  /** `cas` refused because the item had changed. */
  readonly cas_badval: number
  /** Touches of items that were there. */
  readonly touch_hits: number
  /** Touches of items that were not there. */
  readonly touch_misses: number
  /** Items refused as larger than `-I`. */
  readonly store_too_large: number
  /** Items refused for lack of memory. */
  readonly store_no_memory: number
  /** Attempts to log in. */
  readonly auth_cmds: number
  /** Attempts to log in that failed. */
  readonly auth_errors: number
  /** Bytes received. */
  readonly bytes_read: number | string
  /** Bytes sent. */
  readonly bytes_written: number | string

  /** Bytes of items that it may hold (`-m`). */
  readonly limit_maxbytes: number
  /** Bytes of the items that it holds now. */
  readonly bytes: number
  /** Items that it holds now; expired ones count until they are found. */
  readonly curr_items: number
  /** Items stored. */
  readonly total_items: number
  /** Logarithm to base 2 of the number of buckets of the hash table. */
  readonly hash_power_level: number
  /** Bytes of the hash table. */
  readonly hash_bytes: number
  /** 1 while the hash table grows, else 0. */
  readonly hash_is_expanding: number
  /** Items evicted before they expired, to make room. */
  readonly evictions: number
  /** Items stored in the place of an expired one. */
  readonly reclaimed: number
  /** Of what expired: items that were never read. */
  readonly expired_unfetched: number
  /** Of `evictions`: items that were never read. */
  readonly evicted_unfetched: number
  /** Of `evictions`: items that had been read lately. */
  readonly evicted_active?: number
  /** Items removed by the crawler. */
  readonly crawler_reclaimed: number
  /** Items that the crawler looked at. */
  readonly crawler_items_checked: number
  /** Items at the end of an LRU that were being read. */
  readonly lrutail_reflocked: number
  /** Items moved from the hot or warm LRU to the cold one. */
  readonly moves_to_cold?: number
  /** Items moved from the cold LRU to the warm one. */
  readonly moves_to_warm?: number
  /** Items moved within the hot or the warm LRU. */
  readonly moves_within_lru?: number
  /** Times that a thread which stored had to make room itself. */
  readonly direct_reclaims?: number
  /** Reads that could not be noted for the LRU. */
  readonly lru_bumps_dropped?: number
  /** 1 while the crawler walks, else 0. */
  readonly lru_crawler_running?: number
  /** Walks of the crawler. */
  readonly lru_crawler_starts?: number
  /** Times that the thread of the LRU woke up. */
  readonly lru_maintainer_juggles?: number

  /** Pages that belong to no slab class now. */
  readonly slab_global_page_pool: number
  /** Pages moved to another slab class. */
  readonly slabs_moved?: number
  /** 1 while a page is moved, else 0. */
  readonly slab_reassign_running?: number
  /** Items kept while their page was moved. */
  readonly slab_reassign_rescues?: number
  /** Parts of large items kept while their page was moved. */
  readonly slab_reassign_chunk_rescues?: number
  /** Items lost with their page because their class had no memory for them. */
  readonly slab_reassign_evictions_nomem?: number
  /** Free memory cleared while a page was moved. */
  readonly slab_reassign_inline_reclaim?: number
  /** Items in use that a move had to wait for. */
  readonly slab_reassign_busy_items?: number
  /** Items in use that were deleted for a move. */
  readonly slab_reassign_busy_deletes?: number
  /** Times that memory was refused by the system. */
  readonly malloc_fails: number

  /** Connections that `watch` now. */
  readonly log_watchers: number
  /** Lines of the log lost because the buffer of a thread was full. */
  readonly log_worker_dropped: number
  /** Lines of the log written by the threads. */
  readonly log_worker_written: number
  /** Lines of the log not sent to a watcher that was too slow. */
  readonly log_watcher_skipped: number
  /** Lines of the log sent to watchers. */
  readonly log_watcher_sent: number
  /** Connections whose network queue has no thread (`-o num_napi_ids`). */
  readonly unexpected_napi_ids: number
  /** Connections assigned to threads in turn because their network queue was unknown. */
  readonly round_robin_fallback: number
}
