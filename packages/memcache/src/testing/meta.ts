import { addDelta, type Mode, storeItem } from './changes.js'
import { hasRoom, LONGEST_KEY, LONGEST_VALUE } from './classic.js'
import { BAD_LINE, counted, decodeBase64, encodeBase64, signed32 } from './command-line.js'
import { BadFlags, type MetaFlags, MOST_WORDS, opaque, readFlags } from './meta-flags.js'
import type { Run, Session } from './session.js'
import { Item, type Store } from './store.js'

/** What is wrong with the flags of the command is its answer. */
function answersBadFlags(run: Run): Run {
  return (session, words) => {
    try {
      run(session, words)
    } catch (error) {
      if (!(error instanceof BadFlags)) throw error
      session.insist(error.message)
    }
  }
}

/** @throws BadFlags */
function checkLine(words: readonly string[], tooMany: string): void {
  if ((words[1] as string).length > LONGEST_KEY) throw new BadFlags(BAD_LINE)
  if (counted(words) > MOST_WORDS) throw new BadFlags(tooMany)
}

function shownKey(key: string, isBinary: boolean): string {
  return isBinary ? `${encodeBase64(key)} b` : key
}

/** Seconds that are left, as a number without a sign; -1 for ever. */
function timeLeft(item: Item, store: Store): number {
  return item.exptime === 0 ? -1 : (item.exptime - store.now) >>> 0
}

/** The flags that every answer of a command repeats. */
function repeated(tokens: readonly string[], flags: MetaFlags): string {
  let answer = ''
  for (const token of tokens) {
    if (token.startsWith('O')) answer += opaque(token)
    else if (token.startsWith('k')) answer += ` k${shownKey(flags.key, flags.binaryKey)}`
  }
  return answer
}

export const metaGet: Run = answersBadFlags((session, words) => {
  checkLine(words, 'CLIENT_ERROR options flags are too long')
  const { store } = session
  const tokens = words.slice(2)
  const flags = readFlags(store, words[1] as string, tokens)
  let item = store.find(flags.key)
  if (item !== undefined && !flags.later && !flags.silent) store.bump(item)
  const isNew = item === undefined && flags.vivifies
  if (isNew && store.refusal(flags.key.length, 0, 0) === undefined) {
    item = new Item(flags.key, 0, 0, '')
    store.link(item)
  }
  const touches = item !== undefined && flags.exptime !== undefined
  const { counters } = store
  if (item === undefined) {
    counters.cmd_get += 1
    counters.get_misses += 1
    const answer = repeated(tokens, flags)
    if (!flags.quiet) session.write(`EN${answer}\r\n`)
    return
  }
  const answer = foundFlags(store, item, tokens, flags, isNew)
  counters[touches ? 'cmd_touch' : 'cmd_get'] += 1
  store.count(touches ? 'touch_hits' : 'get_hits', item)
  if (flags.value) {
    session.write(`VA ${item.value.length}${answer}\r\n`)
    session.write(item.value)
    session.write('\r\n')
  } else {
    session.write(`HD${answer}\r\n`)
  }
  if (flags.later && !flags.silent) store.bump(item)
})

/** What `mg` says of an item, while it does what its flags ask for, in their order. */
function foundFlags(
  store: Store,
  item: Item,
  tokens: readonly string[],
  flags: MetaFlags,
  isNew: boolean,
): string {
  let answer = ''
  let wins = false
  for (const token of tokens) {
    switch (token.charAt(0)) {
      case 'T':
        item.exptime = flags.exptime as number
        break
      case 'N':
        if (isNew) {
          item.exptime = flags.vivifyTime
          wins = true
        }
        break
      case 'R':
        if (!item.tokenSent && !isNew && item.exptime !== 0) {
          if (item.exptime < flags.recacheTime) wins = true
        }
        break
      case 's':
        answer += ` s${item.value.length}`
        break
      case 't':
        answer += ` t${timeLeft(item, store)}`
        break
      case 'c':
        answer += ` c${item.cas}`
        break
      case 'f':
        answer += ` f${item.flags}`
        break
      case 'l':
        answer += ` l${store.now - item.time}`
        break
      case 'h':
        answer += item.fetched ? ' h1' : ' h0'
        break
      case 'O':
        answer += opaque(token)
        break
      case 'k':
        answer += ` k${shownKey(item.key, item.binaryKey)}`
        break
    }
  }
  if (item.tokenSent) answer += ' Z'
  if (item.stale) {
    answer += ' X'
    if (!item.tokenSent) wins = true
  }
  if (wins) {
    answer += ' W'
    item.tokenSent = true
  }
  return answer
}

const MODES: Readonly<Record<string, Mode>> = {
  '': 'set',
  ...{ S: 'set', E: 'add', A: 'append', P: 'prepend', R: 'replace' },
}

const CODES = { STORED: 'HD', NOT_STORED: 'NS', EXISTS: 'EX', NOT_FOUND: 'NF' } as const

export const metaSet: Run = answersBadFlags((session, words) => {
  if (words.length === 2) throw new BadFlags(BAD_LINE)
  checkLine(words, 'CLIENT_ERROR options flags too long')
  const length = signed32(words[2] as string)
  // The value will be taken for commands.
  if (length === undefined || length < 0 || length > LONGEST_VALUE) throw new BadFlags(BAD_LINE)
  const tokens = words.slice(3)
  let plan: { readonly flags: MetaFlags; readonly mode: Mode }
  try {
    plan = planSet(session.store, words[1] as string, tokens)
  } catch (error) {
    session.swallow(length)
    throw error
  }
  const { flags, mode } = plan
  const item = new Item(flags.key, flags.clientFlags, flags.exptime ?? 0, '')
  if (!hasRoom(session, item, length, mode, true)) return
  item.binaryKey = flags.binaryKey
  session.expect(length, (value, isWhole) => {
    item.value = value
    session.store.count('cmd_set', item)
    if (!isWhole) {
      session.insist('CLIENT_ERROR bad data chunk')
      return
    }
    const takesStale = flags.stale && mode === 'cas'
    const stored = storeItem(session.store, item, mode, flags.cas ?? 0n, takesStale)
    if (stored === 'STORED' && flags.quiet) return
    let answer: string = CODES[stored]
    for (const token of tokens) {
      if (token.startsWith('O')) answer += ` ${token}`
      else if (token.startsWith('k')) answer += ` k${shownKey(item.key, item.binaryKey)}`
      else if (token.startsWith('c')) answer += ` c${item.cas}`
    }
    session.write(`${answer}\r\n`)
  })
})

/** @throws BadFlags */
function planSet(store: Store, key: string, tokens: readonly string[]) {
  const flags = readFlags(store, key, tokens)
  const mode = MODES[flags.mode]
  if (mode === undefined) throw new BadFlags('CLIENT_ERROR invalid mode for ms M token')
  for (const token of tokens) if (token.startsWith('O')) opaque(token)
  const compares = flags.cas !== undefined && (mode === 'set' || mode === 'replace')
  return { flags, mode: compares ? ('cas' as const) : mode }
}

/** The flags of `md` and `ma`, which say less of what is wrong. */
function readFewFlags(store: Store, words: readonly string[]): MetaFlags {
  checkLine(words, 'CLIENT_ERROR options flags too long')
  try {
    return readFlags(store, words[1] as string, words.slice(2))
  } catch (error) {
    throw error instanceof BadFlags ? new BadFlags('CLIENT_ERROR invalid or duplicate flag') : error
  }
}

export const metaDelete: Run = answersBadFlags((session, words) => {
  const { store } = session
  const flags = readFewFlags(store, words)
  const answer = repeated(words.slice(2), flags)
  const item = store.find(flags.key)
  if (item === undefined || (flags.cas !== undefined && flags.cas !== BigInt(item.cas))) {
    store.counters.delete_misses += 1
    session.write(`${item === undefined ? 'NF' : 'EX'}${answer}\r\n`)
    return
  }
  if (flags.stale) {
    if (flags.exptime !== undefined) item.exptime = flags.exptime
    item.stale = true
    item.tokenSent = false
    item.cas = store.takeCas()
  } else {
    store.count('delete_hits', item)
    store.unlink(item)
  }
  if (!flags.quiet) session.write(`HD${answer}\r\n`)
})

/** The modes of `ma`: whether it adds. */
const DIRECTIONS: Readonly<Record<string, boolean>> = {
  '': true,
  ...{ I: true, '+': true, D: false, '-': false },
}

export const metaArithmetic: Run = answersBadFlags((session, words) => {
  const { store } = session
  const flags = readFewFlags(store, words)
  const tokens = words.slice(2)
  const up = DIRECTIONS[flags.mode]
  if (up === undefined) throw new BadFlags('CLIENT_ERROR invalid mode for ma M token')
  let added = addDelta(store, flags.key, up, flags.delta, flags.cas ?? 0n)
  const isNew = added === 'missing' && flags.vivifies
  if (isNew) {
    const text = flags.initial.toString()
    if (store.refusal(flags.key.length, 0, text.length) !== undefined) {
      throw new BadFlags('SERVER_ERROR Out of memory allocating new item')
    }
    const item = new Item(flags.key, 0, 0, text)
    storeItem(store, item, 'add')
    added = { text, item }
  }
  if (added === 'not a number') {
    throw new BadFlags('CLIENT_ERROR cannot increment or decrement non-numeric value')
  }
  if (added === 'no memory') throw new BadFlags('SERVER_ERROR out of memory')
  if (typeof added === 'string') {
    if (added === 'missing') store.counters[up ? 'incr_misses' : 'decr_misses'] += 1
    session.write(`${added === 'missing' ? 'NF' : 'EX'}${repeated(tokens, flags)}\r\n`)
    return
  }
  const { text, item } = added
  const answer = addedFlags(store, item, tokens, flags, isNew)
  // A number that was not there is told even to who is quiet.
  if (flags.quiet && !isNew) return
  session.write(flags.value ? `VA ${text.length}${answer}\r\n${text}\r\n` : `HD${answer}\r\n`)
})

/** What `ma` says of an item, while it does what its flags ask for, in their order. */
function addedFlags(
  store: Store,
  item: Item,
  tokens: readonly string[],
  flags: MetaFlags,
  isNew: boolean,
): string {
  let answer = ''
  for (const token of tokens) {
    switch (token.charAt(0)) {
      case 'c':
        answer += ` c${item.cas}`
        break
      case 't':
        answer += ` t${timeLeft(item, store)}`
        break
      case 'T':
        item.exptime = flags.exptime as number
        break
      case 'N':
        if (isNew) item.exptime = flags.vivifyTime
        break
      case 'O':
        answer += opaque(token)
        break
      case 'k':
        answer += ` k${shownKey(flags.key, flags.binaryKey)}`
        break
    }
  }
  return answer
}

/** `me`: what the server knows of an item. */
export function inspect(session: Session, words: readonly string[]): void {
  const given = words[1]
  if (given === undefined || given.length > LONGEST_KEY) {
    session.reply(BAD_LINE)
    return
  }
  const key = words[2] === 'b' ? decodeBase64(given) : given
  if (key === '') {
    session.reply(BAD_LINE)
    return
  }
  const { store } = session
  store.counters.cmd_meta += 1
  const item = store.find(key)
  if (item === undefined) {
    session.reply('EN')
    return
  }
  const shown = item.binaryKey ? encodeBase64(item.key) : item.key
  const exp = item.exptime === 0 ? -1 : store.now - item.exptime
  const fetched = item.fetched ? 'yes' : 'no'
  session.reply(
    `ME ${shown} exp=${exp} la=${store.now - item.time} cas=${item.cas} fetch=${fetched} ` +
      `cls=${store.classes.classOf(item.size)} size=${item.size}`,
  )
}
