import { BAD_LINE, decodeBase64, signed32, unsigned32, unsigned64 } from './command-line.js'
import type { Store } from './store.js'

/** Most words of a line with flags. */
export const MOST_WORDS = 19
/** Longest opaque, with its `O`. */
const LONGEST_OPAQUE = 32

/** What the flags of a meta command say. */
export interface MetaFlags {
  /** Bytes, a character each. */
  key: string
  binaryKey: boolean
  quiet: boolean
  value: boolean
  vivifies: boolean
  /** A flag is among them for which the use of the item is noted only after the answer. */
  later: boolean
  silent: boolean
  stale: boolean
  mode: string
  clientFlags: number
  /** Moments of the server's time. */
  exptime: number | undefined
  vivifyTime: number
  recacheTime: number
  cas: bigint | undefined
  delta: bigint
  initial: bigint
}

const BAD_TOKEN = 'CLIENT_ERROR bad token in command line format'

/** Thrown for flags that are not valid; the message is the answer. */
export class BadFlags extends Error {}

type ReadFlag = (flags: MetaFlags, token: string, store: Store) => string | undefined

const isFine: ReadFlag = () => undefined

function turnOn(name: 'later' | 'value' | 'silent' | 'quiet' | 'stale'): ReadFlag {
  return (flags) => {
    flags[name] = true
    return undefined
  }
}

/** A time to live, as a moment of the server's time. */
function readMoment(
  name: 'exptime' | 'vivifyTime' | 'recacheTime',
  flags: MetaFlags,
  token: string,
  store: Store,
): string | undefined {
  flags.later = true
  const seconds = signed32(token)
  if (seconds === undefined) return BAD_TOKEN
  flags[name] = store.momentOf(seconds)
  return undefined
}

/** Reads a flag, and says what is wrong with it; an empty answer leaves that of the flags before it. */
const FLAGS: Readonly<Record<string, ReadFlag>> = {
  b: (flags) => {
    flags.binaryKey = true
    flags.key = decodeBase64(flags.key)
    return flags.key === '' ? 'CLIENT_ERROR error decoding key' : undefined
  },
  N: (flags, token, store) => {
    flags.vivifies = true
    return readMoment('vivifyTime', flags, token, store)
  },
  T: (flags, token, store) => readMoment('exptime', flags, token, store),
  R: (flags, token, store) => readMoment('recacheTime', flags, token, store),
  l: turnOn('later'),
  h: turnOn('later'),
  v: turnOn('value'),
  u: turnOn('silent'),
  q: turnOn('quiet'),
  I: turnOn('stale'),
  F: (flags, token) => {
    const value = unsigned32(token)
    flags.clientFlags = value ?? 0
    return value === undefined ? '' : undefined
  },
  C: (flags, token) => {
    flags.cas = unsigned64(token)
    return flags.cas === undefined ? BAD_TOKEN : undefined
  },
  M: (flags, token) => {
    if (token.length !== 1) return 'CLIENT_ERROR incorrect length for M token'
    flags.mode = token
    return undefined
  },
  J: (flags, token) => {
    const value = unsigned64(token)
    flags.initial = value ?? 0n
    return value === undefined ? 'CLIENT_ERROR invalid numeric initial value' : undefined
  },
  D: (flags, token) => {
    const value = unsigned64(token)
    flags.delta = value ?? 1n
    return value === undefined ? 'CLIENT_ERROR invalid numeric delta value' : undefined
  },
  ...{ O: isFine, P: isFine, L: isFine, k: isFine, s: isFine, t: isFine, c: isFine, f: isFine },
}

/**
 * Reads the flags of a line.
 *
 * @param tokens - the flags, without what is before them.
 * @throws BadFlags
 */
export function readFlags(store: Store, key: string, tokens: readonly string[]): MetaFlags {
  const flags: MetaFlags = {
    key,
    binaryKey: false,
    quiet: false,
    value: false,
    vivifies: false,
    later: false,
    silent: false,
    stale: false,
    mode: '',
    clientFlags: 0,
    exptime: undefined,
    vivifyTime: 0,
    recacheTime: 0,
    cas: undefined,
    delta: 1n,
    initial: 0n,
  }
  let wrong: string | undefined
  let seen = ''
  for (const token of tokens) {
    const name = token.charAt(0)
    if (name >= '\x7f' || seen.includes(name)) throw new BadFlags('CLIENT_ERROR duplicate flag')
    seen += name
    if (!Object.hasOwn(FLAGS, name)) throw new BadFlags('CLIENT_ERROR invalid flag')
    // The last complaint counts.
    const complaint = FLAGS[name]?.(flags, token.slice(1), store)
    if (complaint !== undefined) wrong = complaint || wrong || BAD_LINE
  }
  if (wrong !== undefined) throw new BadFlags(wrong)
  return flags
}

/**
 * An opaque, as it goes back.
 *
 * @throws BadFlags for one that is too long.
 */
export function opaque(token: string): string {
  if (token.length > LONGEST_OPAQUE) throw new BadFlags('CLIENT_ERROR opaque token too long')
  return ` ${token}`
}
