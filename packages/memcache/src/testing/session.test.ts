import type { Peer } from '@glammp/wire/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { runCommand } from './commands.js'
import { Session } from './session.js'
import { Settings } from './settings.js'
import { type Limits, Store } from './store.js'
import { Watchers } from './watchers.js'

/** A session without a socket. */
function open(limits: Partial<Limits> = {}, secret?: string) {
  let milliseconds = 1_800_000_000_000
  let text = ''
  let ended = false
  const store = new Store({ maxBytes: 64 << 20, itemSize: 1 << 20, ...limits }, () => milliseconds)
  const lines: string[] = []
  const peer = {
    remoteAddress: '127.0.0.1',
    remotePort: 1,
    write: (bytes: string | Uint8Array) => {
      text += typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1')
    },
    end: () => {
      ended = true
    },
  }
  const place = { host: '127.0.0.1', port: 2 }
  const owner = {
    store,
    secret,
    settings: new Settings({ place, path: undefined, hasTls: false, auth: false }),
    watchers: new Watchers(store, () => milliseconds),
    sessions: new Set<Session>(),
    heard: (line: string) => lines.push(line),
    run: runCommand,
  }
  const session = new Session(peer as Peer, owner)
  return {
    store,
    lines,
    advance: (seconds: number) => {
      milliseconds += seconds * 1_000
    },
    isEnded: () => ended,
    /** What is answered to these pieces. */
    ask: (...pieces: readonly string[]): string => {
      text = ''
      for (const piece of pieces) session.read(Buffer.from(piece, 'latin1'))
      return text
    },
  }
}

const CONVERSATION = [
  'set a 5 0 3\r\nabc\r\n',
  'get a none a\r\n',
  'set a 0 0 3\r\nabcd\r\n',
  'append a 0 0 2 noreply\r\n\r\n\r\n',
  'gets a\n',
  'ms Zm9v 3 b c k O1\r\nhi!\r\n',
  'mg Zm9v b v k\r\n',
  'cas a 0 0 1 9\r\nx\r\n',
  `set big 0 0 5000\r\n${'x'.repeat(5_000)}\r\n`,
  `set large 0 0 9000\r\n${'x'.repeat(9_000)}\r\n`,
  'mg big v\r\nquit\r\n',
].join('')

test('a conversation may be cut anywhere', () => {
  const limits = { itemSize: 8_192 }
  const wanted = open(limits).ask(CONVERSATION)
  expect(wanted).toContain('SERVER_ERROR object too large for cache\r\nVA 5000\r\nxx')
  for (let at = 1; at < CONVERSATION.length; at += at < 300 || at % 5_000 < 100 ? 1 : 97) {
    const { ask, isEnded } = open(limits)
    if (ask(CONVERSATION.slice(0, at), CONVERSATION.slice(at)) !== wanted) expect(at).toBe(0)
    expect(isEnded()).toBe(true)
  }
  expect(open(limits).ask(...CONVERSATION)).toBe(wanted)
})

test('nothing that is sent makes it throw', () => {
  const word = fc.constantFrom(
    ...['get', 'gat', 'set', 'cas', 'incr', 'delete', 'touch', 'mg', 'ms', 'md', 'ma', 'me', 'mn'],
    ...[
      'a',
      'b',
      'v',
      'N5',
      'T-1',
      'MA',
      'C1',
      'k',
      '0',
      '1',
      '3',
      '-1',
      'noreply',
      '\0',
      '',
      'flush_all',
    ],
    ...[
      '__proto__',
      'constructor',
      'toString',
      '\r\n',
      '\n',
      '\r\nabc\r\n',
      'verbosity',
      'O',
      'b',
      'YQ==',
    ],
  )
  const garbage = fc.oneof(
    fc.array(word, { maxLength: 60 }).map((words) => words.join(' ')),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  )
  fc.assert(
    fc.property(fc.array(garbage, { maxLength: 6 }), fc.boolean(), (pieces, guarded) => {
      open({ maxBytes: 2_000 }, guarded ? 'a b' : undefined).ask(...pieces, '\r\nmn\r\n')
    }),
    { numRuns: 500 },
  )
})

test('a line without an end closes the connection, unless it reads many keys', () => {
  const short = open()
  short.ask('m'.repeat(2_048))
  expect(short.isEnded()).toBe(false)
  short.ask('n')
  expect(short.isEnded()).toBe(true)
  const { ask, isEnded } = open()
  expect(
    ask('set k 0 0 1\r\n1\r\nget', ...Array.from({ length: 3_000 }, () => ' k'), '\r\n'),
  ).toMatch(/^STORED\r\n(VALUE k 0 1\r\n1\r\n){3000}END\r\n$/)
  ask('get ', ...Array.from({ length: 70 }, () => 'k '.repeat(1 << 15)))
  expect(isEnded()).toBe(true)
})

describe('items', () => {
  const set = (key: string, length: number, exptime = 0): string =>
    `set ${key} 0 ${exptime} ${length}\r\n${'v'.repeat(length)}\r\n`
  const isThere = (session: ReturnType<typeof open>, key: string): boolean =>
    session.ask(`mg ${key} u\r\n`) === 'HD\r\n'

  test('that were not used for the longest time make room', () => {
    const session = open({ maxBytes: 100_000 })
    for (let index = 0; index < 300; index += 1) {
      session.ask(set(`k${index}`, 900))
      session.ask('get k0\r\n')
    }
    const { size } = session.store.items
    expect(size).toBeGreaterThan(80)
    expect(session.store.bytes).toBeLessThanOrEqual(100_000)
    expect(session.store.counters.evictions).toBe(300 - size)
    const there = Array.from({ length: 300 }, (_, index) => isThere(session, `k${index}`))
    expect(there.lastIndexOf(false)).toBe(300 - size)
    expect(there.indexOf(true)).toBe(0)
  })

  test('that take more than all memory are refused, and replace nothing', () => {
    const session = open({ maxBytes: 1_000 })
    session.ask(set('a', 10))
    expect(session.ask(set('a', 2_000))).toBe('SERVER_ERROR out of memory storing object\r\n')
    expect(isThere(session, 'a')).toBe(false)
  })

  test('expire by the second', () => {
    const session = open()
    session.advance(0.9)
    session.ask(
      set('a', 1, 5),
      set('b', 1, -1),
      set('c', 1, 1_800_000_010),
      set('d', 1, 1_700_000_000),
    )
    expect(['a', 'b', 'c', 'd'].filter((key) => isThere(session, key))).toEqual(['a', 'c'])
    session.advance(4)
    expect(isThere(session, 'a')).toBe(true)
    session.advance(1)
    expect(['a', 'b', 'c', 'd'].filter((key) => isThere(session, key))).toEqual(['c'])
    session.advance(5)
    expect(isThere(session, 'c')).toBe(false)
  })

  test('are flushed in the second before the one that was asked for, for that long', () => {
    const session = open()
    session.ask(set('a', 1), 'flush_all 3\r\n')
    session.advance(1)
    expect(isThere(session, 'a')).toBe(true)
    session.advance(1)
    session.ask(set('b', 1))
    expect([isThere(session, 'a'), isThere(session, 'b')]).toEqual([false, false])
    session.advance(1)
    session.ask(set('b', 1))
    expect([isThere(session, 'a'), isThere(session, 'b')]).toEqual([false, true])
    session.ask('flush_all\r\n')
    expect(isThere(session, 'b')).toBe(false)
    session.ask(set('b', 1))
    expect(isThere(session, 'b')).toBe(true)
  })
})
