import type { Item, Store, StoreLog } from './store.js'

/** What a connection can watch. memcached 1.6.18 takes more words, of which nothing comes here. */
export type Watched =
  | 'fetchers'
  | 'mutations'
  | 'evictions'
  | 'connevents'
  | 'sysevents'
  | 'proxyreqs'
  | 'proxyevents'

/** Most connections that watch. */
const MOST = 20
/** A watcher with so many bytes unread misses what comes. */
const MOST_UNREAD = 262_144

/** A connection, as far as it is watched or watches. */
interface Connection {
  readonly file: number
  readonly remote: { readonly address: string; readonly port: number } | undefined
  readonly backlog: number
  write(text: string): void
}

interface Watcher {
  readonly watched: ReadonlySet<Watched>
  /** Lines that it missed, of which it has not been told. */
  skipped: number
}

/** A key as lists and logs show it. */
export function shownKey(key: string): string {
  return key.replace(
    /[^A-Za-z0-9\-._~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
}

/** The connections that watch what the server does. */
export class Watchers implements StoreLog {
  /** The connection whose commands are run. */
  file = 0
  written = 0
  sent = 0
  skipped = 0
  readonly #store: Store
  readonly #clock: () => number
  readonly #watchers = new Map<Connection, Watcher>()
  #lines = 0

  /** @param clock - milliseconds since 1970. */
  constructor(store: Store, clock: () => number) {
    this.#store = store
    this.#clock = clock
  }

  get size(): number {
    return this.#watchers.size
  }

  /** Whether this connection watches. */
  has(connection: Connection): boolean {
    return this.#watchers.has(connection)
  }

  /** Takes in a watcher; `false` if there are too many. */
  add(connection: Connection, watched: ReadonlySet<Watched>): boolean {
    if (this.#watchers.size >= MOST) return false
    this.#watchers.set(connection, { watched, skipped: 0 })
    this.#store.log = this
    return true
  }

  /** Counts from 0 again. */
  reset(): void {
    this.written = 0
    this.sent = 0
    this.skipped = 0
  }

  came(connection: Connection): void {
    this.#say('connevents', () => `conn_new ${placeOf(connection)} cfd=${connection.file}`)
  }

  left(connection: Connection): void {
    this.#watchers.delete(connection)
    if (this.#watchers.size === 0) this.#store.log = undefined
    this.#say(
      'connevents',
      () => `conn_close ${placeOf(connection)} reason=normal cfd=${connection.file}`,
    )
  }

  looked(key: string, outcome: string, item?: Item): void {
    const id = item === undefined ? 0 : this.#classOf(item)
    this.#say(
      'fetchers',
      () =>
        `item_get key=${shownKey(key)} status=${outcome} clsid=${id} cfd=${this.file} ` +
        `size=${item?.value.length ?? 0}`,
    )
  }

  stored(item: Item, command: string, outcome: string): void {
    const ttl = item.exptime === 0 ? 0 : (item.exptime - this.#store.now) >>> 0
    this.#say(
      'mutations',
      () =>
        `item_store key=${shownKey(item.key)} status=${outcome} cmd=${command} ttl=${ttl} ` +
        `clsid=${this.#classOf(item)} cfd=${this.file} size=${item.value.length}`,
    )
  }

  refused(key: string, command: string, outcome: string): void {
    // Here memcached has the connection where else the class is.
    this.#say(
      'mutations',
      () =>
        `item_store key=${shownKey(key)} status=${outcome} cmd=${command} ttl=0 ` +
        `clsid=${this.file} cfd=0 size=0`,
    )
  }

  evicted(item: Item): void {
    const { now } = this.#store
    const ttl = item.exptime === 0 ? -1 : item.exptime - now
    this.#say(
      'evictions',
      () =>
        `eviction key=${shownKey(item.key)} fetch=${item.fetched ? 'yes' : 'no'} ttl=${ttl} ` +
        `la=${now - item.time} clsid=${this.#classOf(item)} size=${item.value.length}`,
    )
  }

  #classOf(item: Item): number {
    return this.#store.classes.classOf(item.size)
  }

  #say(kind: Watched, text: () => string): void {
    let line: string | undefined
    for (const [connection, watcher] of this.#watchers) {
      if (!watcher.watched.has(kind)) continue
      if (line === undefined) {
        this.#lines += 1
        this.written += 1
        const micros = Math.floor(this.#clock() * 1_000)
        const moment = `${Math.floor(micros / 1_000_000)}.${micros % 1_000_000}`
        line = `ts=${moment} gid=${this.#lines} type=${text()}\n`
      }
      if (connection.backlog > MOST_UNREAD) {
        watcher.skipped += 1
        this.skipped += 1
        continue
      }
      if (watcher.skipped > 0) connection.write(`[skipped: ${watcher.skipped}]\n`)
      watcher.skipped = 0
      this.sent += 1
      connection.write(line)
    }
  }
}

function placeOf({ remote }: Connection): string {
  return remote === undefined
    ? 'rip=unix rport=0 transport=local'
    : `rip=${remote.address} rport=${remote.port} transport=tcp`
}
