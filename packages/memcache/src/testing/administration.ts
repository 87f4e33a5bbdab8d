import { BAD_LINE, counted, signed32, unsigned32 } from './command-line.js'
import type { Run, Session } from './session.js'
import type { Item } from './store.js'
import { shownKey, type Watched } from './watchers.js'

/** Classes have numbers under this. */
const MOST_CLASSES = 64
/** Microseconds between two looks. */
const LONGEST_SLEEP = 1_000_000
const MEGABYTE = 1 << 20

/** `slabs automove` and `slabs reassign`. Nothing moves here, since no class has pages of its own. */
export const slabs: Run = (session, words) => {
  const count = counted(words)
  if (words[1] === 'reassign' && count === 4) {
    const from = signed32(words[2] as string)
    const to = signed32(words[3] as string)
    session.reply(from === undefined || to === undefined ? BAD_LINE : reassigned(from, to))
  } else if (words[1] === 'automove' && count >= 3) {
    session.noreply = words.at(-1) === 'noreply'
    const level = unsigned32(words[2] as string)
    if (level === undefined) session.reply(BAD_LINE)
    else if (level > 2) session.reply('ERROR')
    else {
      session.owner.settings.automove = level
      session.reply('OK')
    }
  } else {
    session.reply('ERROR')
  }
}

function reassigned(from: number, to: number): string {
  if (from === to) return 'SAME src and dst class are identical'
  if (from < 0 || to < 0 || from >= MOST_CLASSES || to >= MOST_CLASSES) {
    return 'BADCLASS invalid src or dst class id'
  }
  return 'NOSPARE source class has no spare pages'
}

/** `lru mode`, `lru tune` and `lru temp_ttl`. Items keep to one order of use here. */
export const lru: Run = (session, words) => {
  session.noreply = words.at(-1) === 'noreply'
  const { settings } = session.owner
  const count = counted(words)
  const [, what, ...values] = words as [string, string, ...string[]]
  if (what === 'tune' && count >= 6) {
    session.reply(tuned(session, values))
  } else if (what === 'mode' && count >= 3 && (values[0] === 'flat' || values[0] === 'segmented')) {
    settings.segmented = values[0] === 'segmented'
    session.reply('OK')
  } else if (what === 'temp_ttl' && count >= 3) {
    const seconds = signed32(values[0] as string)
    if (seconds !== undefined) settings.temporary = seconds >= 0
    if (seconds !== undefined && seconds >= 0) settings.temporaryTtl = seconds
    session.reply(seconds === undefined ? 'ERROR' : 'OK')
  } else {
    session.reply('ERROR')
  }
}

function tuned({ owner: { settings } }: Session, values: readonly string[]): string {
  const [hot, warm] = values.slice(0, 2).map(unsigned32)
  const [hotFactor, warmFactor] = values.slice(2, 4).map((text) => Number.parseFloat(text))
  if (hot === undefined || warm === undefined) return 'ERROR'
  if (hotFactor === undefined || Number.isNaN(hotFactor)) return 'ERROR'
  if (warmFactor === undefined || Number.isNaN(warmFactor)) return 'ERROR'
  if (hot + warm > 80) return 'ERROR hot and warm pcts must not exceed 80'
  if (hotFactor <= 0 || warmFactor <= 0) {
    return 'ERROR hot/warm age factors must be greater than 0'
  }
  Object.assign(settings, { hotPercent: hot, warmPercent: warm, hotFactor, warmFactor })
  return 'OK'
}

/** `cache_memlimit`: the bound on the bytes of all items, in megabytes. */
export const limitMemory: Run = (session, words) => {
  session.noreply = words.at(-1) === 'noreply'
  const megabytes = unsigned32(words[1] as string)
  if (megabytes === undefined) {
    session.reply('ERROR')
  } else if (megabytes < 8) {
    session.reply('MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m')
  } else {
    const { store } = session
    store.maxBytes = megabytes * MEGABYTE
    store.evict()
    session.reply('OK')
  }
}

export const verbosity: Run = (session, words) => {
  session.noreply = words.at(-1) === 'noreply'
  const level = unsigned32(words[1] as string)
  if (level !== undefined) session.owner.settings.verbosity = level
  session.reply(level === undefined ? BAD_LINE : 'OK')
}

export const refuseShutdown: Run = (session) => session.reply('ERROR: shutdown not enabled')

/** `refresh_certs`: they are given once, and there is nothing to read again. */
export const refreshCertificates: Run = (session) => {
  session.reply(session.owner.settings.start.hasTls ? 'OK' : 'Error TLS not enabled')
}

/** The settings of `extstore` that are one number. */
const EXTERNAL = new Set(
  'item_size item_age low_ttl recache_rate compact_under drop_under max_sleep drop_unread'.split(
    ' ',
  ),
)

/** `extstore`: its settings are taken, though there is none that would keep to them. */
export const externalStore: Run = (session, words) => {
  session.noreply = words.at(-1) === 'noreply'
  const [, name = '', ...values] = words
  const [first, second] = values.map(unsigned32)
  const isFine =
    name === 'free_memchunks'
      ? first !== undefined && first < MOST_CLASSES && second !== undefined
      : name === 'max_frag'
        ? !Number.isNaN(Number.parseFloat(values[0] ?? ''))
        : EXTERNAL.has(name) && first !== undefined
  session.reply(isFine ? 'OK' : 'ERROR')
}

const WATCHED: Readonly<Record<string, Watched>> = {
  ...{ fetchers: 'fetchers', mutations: 'mutations', evictions: 'evictions' },
  ...{ connevents: 'connevents', sysevents: 'sysevents' },
  ...{ proxyreqs: 'proxyreqs', proxyevents: 'proxyevents' },
}

/** `watch`: from then on the connection hears what the server does. */
export const watch: Run = (session, words) => {
  session.noreply = words.at(-1) === 'noreply'
  const wanted = words.slice(1, session.noreply ? -1 : undefined)
  const watched = new Set<Watched>(wanted.length === 0 ? ['fetchers'] : [])
  for (const word of wanted) {
    const kind = Object.hasOwn(WATCHED, word) ? WATCHED[word] : undefined
    if (kind === undefined) {
      session.reply('ERROR')
      return
    }
    watched.add(kind)
  }
  if (session.watch(watched)) session.reply('OK')
  else session.reply('WATCHER_TOO_MANY log watcher limit reached')
}

/** `lru_crawler`: its settings, and lists of all keys. */
export const crawler: Run = (session, words) => {
  const { settings } = session.owner
  const [, what, value] = words as [string, string, string | undefined]
  const count = counted(words)
  const number = value === undefined ? undefined : unsigned32(value)
  if (count === 3 && what === 'crawl') {
    session.reply(crawled(session, value as string))
  } else if (count === 3 && what === 'metadump') {
    dump(session, value as string)
  } else if (count === 3 && what === 'tocrawl') {
    if (number !== undefined) settings.crawlerTakes = number
    session.reply(number === undefined ? BAD_LINE : 'OK')
  } else if (count === 3 && what === 'sleep') {
    if (number === undefined) session.reply(BAD_LINE)
    else if (number > LONGEST_SLEEP) {
      session.reply('CLIENT_ERROR sleep must be one second or less')
    } else {
      settings.crawlerSleep = number
      session.reply('OK')
    }
  } else if (count === 2 && what === 'enable') {
    session.reply(settings.crawler ? 'ERROR failed to start lru crawler thread' : 'OK')
    settings.crawler = true
  } else if (count === 2 && what === 'disable') {
    settings.crawler = false
    session.reply('OK')
  } else {
    session.reply('ERROR')
  }
}

/** The classes that a list names; `undefined` if one is none. */
function classesOf(list: string): ReadonlySet<number> | undefined {
  const ids = new Set<number>()
  for (const text of list.split(',')) {
    if (text === '') continue
    const id = unsigned32(text)
    if (id === undefined || id < 1 || id >= MOST_CLASSES) return undefined
    ids.add(id)
  }
  return ids
}

const DISABLED = 'CLIENT_ERROR lru crawler disabled'
const BAD_CLASS = 'BADCLASS invalid class id'
const NO_CLASS = 'NOTSTARTED no items to crawl'

/** `lru_crawler crawl`: removes what is over. */
function crawled({ owner: { settings }, store }: Session, list: string): string {
  if (!settings.crawler) return DISABLED
  const ids = list === 'all' ? undefined : classesOf(list)
  if (ids === undefined && list !== 'all') return BAD_CLASS
  if (ids?.size === 0) return NO_CLASS
  for (const item of store.items.values()) {
    if (store.isDead(item) && (ids?.has(store.slabOf(item).id) ?? true)) store.unlink(item)
  }
  return 'OK'
}

/** Bytes that are written at once, about. */
const PIECE = 32_768

function dump(session: Session, list: string): void {
  const isAll = list === 'all' || list === 'hash'
  const ids = isAll ? undefined : classesOf(list)
  if (!session.owner.settings.crawler) session.reply(DISABLED)
  else if (ids === undefined && !isAll) session.reply(BAD_CLASS)
  else if (ids?.size === 0) session.reply(NO_CLASS)
  else session.writeFrom(dumpedLines(session, ids))
}

function* dumpedLines(session: Session, ids: ReadonlySet<number> | undefined): Generator<string> {
  const { store } = session
  const items: Item[] = [...store.items.values()]
  let piece = ''
  for (const item of items) {
    if (!item.linked) continue
    const { id } = store.slabOf(item)
    if (ids !== undefined && !ids.has(id)) continue
    if (store.isDead(item)) {
      store.unlink(item)
      continue
    }
    const exp = item.exptime === 0 ? -1 : item.exptime + store.epoch
    piece +=
      `key=${shownKey(item.key)} exp=${exp} la=${item.time + store.epoch} cas=${item.cas} ` +
      `fetch=${item.fetched ? 'yes' : 'no'} cls=${id} size=${item.size}\n`
    if (piece.length > PIECE) {
      yield piece
      piece = ''
    }
  }
  yield `${piece}END\r\n`
}
