import {
  crawler,
  externalStore,
  limitMemory,
  lru,
  refreshCertificates,
  refuseShutdown,
  slabs,
  verbosity,
  watch,
} from './administration.js'
import { arithmetic, get, remove, store, touch } from './classic.js'
import { counted, signed32 } from './command-line.js'
import { inspect, metaArithmetic, metaDelete, metaGet, metaSet } from './meta.js'
import type { Session } from './session.js'
import { stats } from './stats.js'

/** A command of the text protocol. */
interface Command {
  /** Fewest words of its line, its name among them. */
  readonly least: number
  /** Most words. */
  readonly most: number
  readonly run: (session: Session, words: readonly string[]) => void
}

const ANY = Number.POSITIVE_INFINITY

/** The commands by their names. */
const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>(
  Object.entries({
    get: { least: 2, most: ANY, run: get({}) },
    gets: { least: 2, most: ANY, run: get({ cas: true }) },
    gat: { least: 2, most: ANY, run: get({ touches: true }) },
    gats: { least: 2, most: ANY, run: get({ touches: true, cas: true }) },
    bget: { least: 2, most: ANY, run: get({}) },
    set: { least: 5, most: 6, run: store('set') },
    add: { least: 5, most: 6, run: store('add') },
    replace: { least: 5, most: 6, run: store('replace') },
    append: { least: 5, most: 6, run: store('append') },
    prepend: { least: 5, most: 6, run: store('prepend') },
    cas: { least: 6, most: 7, run: store('cas') },
    incr: { least: 3, most: 4, run: arithmetic(true) },
    decr: { least: 3, most: 4, run: arithmetic(false) },
    touch: { least: 3, most: 4, run: touch },
    delete: { least: 2, most: 4, run: remove },
    mg: { least: 2, most: ANY, run: metaGet },
    ms: { least: 2, most: ANY, run: metaSet },
    md: { least: 2, most: ANY, run: metaDelete },
    ma: { least: 2, most: ANY, run: metaArithmetic },
    me: { least: 1, most: ANY, run: inspect },
    mn: { least: 1, most: ANY, run: (session) => session.reply('MN') },
    flush_all: { least: 1, most: 3, run: flushAll },
    verbosity: { least: 2, most: 3, run: verbosity },
    stats: { least: 1, most: ANY, run: stats },
    slabs: { least: 3, most: ANY, run: slabs },
    lru: { least: 3, most: 7, run: lru },
    lru_crawler: { least: 2, most: ANY, run: crawler },
    watch: { least: 1, most: ANY, run: watch },
    cache_memlimit: { least: 2, most: 3, run: limitMemory },
    shutdown: { least: 1, most: ANY, run: refuseShutdown },
    refresh_certs: { least: 1, most: ANY, run: refreshCertificates },
    extstore: { least: 3, most: ANY, run: externalStore },
    version: { least: 1, most: ANY, run: (session) => session.reply('VERSION 1.6.18') },
    quit: { least: 1, most: ANY, run: (session) => session.end() },
  }),
)

/** Runs the command of a line. */
export function runCommand(session: Session, words: readonly string[]): void {
  const command = COMMANDS.get(words[0] ?? '')
  const count = counted(words)
  if (command === undefined || count < command.least || count > command.most) {
    session.reply('ERROR')
  } else {
    command.run(session, words)
  }
}

function flushAll(session: Session, words: readonly string[]): void {
  session.noreply = words.at(-1) === 'noreply'
  session.store.counters.cmd_flush += 1
  const exptime = words.length === (session.noreply ? 2 : 1) ? 0 : signed32(words[1] as string)
  if (exptime === undefined) {
    session.reply('CLIENT_ERROR invalid exptime argument')
    return
  }
  session.store.flush(exptime)
  session.reply('OK')
}
