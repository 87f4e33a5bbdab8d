import { ConnectionError, ServerError, TimeoutError } from '@glammp/memcache'
import { describe, expect, it } from 'vitest'
import { judge } from './judge.js'
import type { Fault, Program } from './program.js'
import type { Call, Load } from './record.js'
import type { Kill } from './stage.js'

const PROGRAM: Program = {
  servers: 1,
  gutter: 0,
  path: 'direct',
  clients: [
    { options: { timeout: 100, protocol: 'meta' }, callers: [], closed: 0 },
    { options: { timeout: 100, protocol: 'meta' }, callers: [], closed: 0 },
    { options: { timeout: 100, protocol: 'classic' }, callers: [], closed: 0 },
  ],
  faults: [],
  closesInFaults: false,
}

const A = 'text:a=1.0.1;'
const B = 'text:a=1.0.2;'
const C = 'text:a=2.0.1;'

type Made = Partial<Call> & Pick<Call, 'op' | 'start' | 'end'>

/** A call of client 0 on `text:a`, which returned the value. */
const call = (made: Made, value: unknown): Call => ({
  order: 0,
  client: 0,
  caller: 0,
  keys: ['text:a'],
  names: [],
  amount: 0,
  expected: undefined,
  expectedSince: 0,
  loads: [],
  outcome: { kind: 'returned', value },
  ...made,
})

const stored = (name: string, start: number, end: number, more: Partial<Call> = {}): Call =>
  call({ op: 'set', names: [name], start, end, ...more }, true)

const read = (value: unknown, start: number, end: number, more: Partial<Call> = {}): Call =>
  call({ op: 'get', start, end, ...more }, value)

const failed = (made: Made, error: unknown): Call =>
  call({ ...made, outcome: { kind: 'failed', error } }, undefined)

const late = (): TimeoutError => new TimeoutError('silence', { server: 'a:1', key: 'text:a' })

const loaded = (key: string, name: string, start: number, end: number): Load => {
  return { key, name, start, end }
}

const judged = (calls: readonly Call[], kills: readonly Kill[] = [], program = PROGRAM) =>
  judge({
    program,
    calls: calls.map((each, order) => ({ ...each, order })),
    kills,
    slow: [],
    closed: [Infinity, Infinity, Infinity],
    homeOf: () => 0,
    busy: () => 0,
  }).violations

const other = { client: 1 }

describe('right histories', () => {
  it.for<[string, Call[], Kill[]?]>([
    ['nothing at all', []],
    [
      'a read that overlaps a write sees either',
      [stored(A, 0, 1), stored(B, 2, 9, other), read(A, 3, 4), read(B, 5, 6)],
    ],
    [
      'two writes at once, in either order',
      [stored(A, 0, 5), stored(B, 0, 5, other), read(A, 6, 7)],
    ],
    [
      'a write of which nothing is known happens late',
      [
        stored(A, 0, 1),
        failed({ op: 'set', names: [B], start: 2, end: 102 }, late()),
        read(A, 110, 111, other),
        read(B, 120, 121, other),
      ],
    ],
    [
      'or never',
      [stored(A, 0, 1), failed({ op: 'delete', start: 2, end: 102 }, late()), read(A, 110, 111)],
    ],
    [
      'of two cas at once one wins',
      [
        stored(A, 0, 1),
        call({ op: 'cas', names: [B], expected: A, start: 2, end: 5 }, 'stored'),
        call({ op: 'cas', names: [C], expected: A, start: 2, end: 5, client: 1 }, 'exists'),
      ],
    ],
    [
      'a kill loses what there was',
      [stored(A, 0, 1), read(undefined, 9, 10)],
      [{ server: 0, start: 3, end: 5 }],
    ],
    [
      'appended text',
      [
        stored(A, 0, 1),
        call({ op: 'append', names: [B], start: 2, end: 3 }, true),
        call({ op: 'prepend', names: [C], start: 4, end: 5 }, true),
        read(C + A + B, 6, 7),
      ],
    ],
    [
      'a list of which some were deleted, that waited for a write of another client',
      [
        call({ op: 'deleteMany', keys: ['text:a', 'text:b', 'text:c'], start: 0, end: 9 }, 2),
        stored(A, 1, 8, other),
        read(undefined, 10, 11),
      ],
    ],
    [
      'a deletion that waited for a write of another client, and failed for other keys',
      [
        failed(
          { op: 'deleteMany', keys: ['text:a', 'text:b'], start: 0, end: 9 },
          new ConnectionError('lost', { server: 'a:1', keys: ['text:b'] }),
        ),
        stored(A, 1, 8, other),
        read(undefined, 10, 11),
      ],
    ],
    [
      'a kill that came after a write which began after it',
      [stored(A, 1, 8), read(undefined, 10, 11)],
      [{ server: 0, start: 0, end: 9 }],
    ],
    [
      'a list that failed for other keys',
      [
        failed(
          {
            op: 'setMany',
            keys: ['text:a', 'text:b'],
            names: [A, 'text:b=1;'],
            start: 0,
            end: 100,
          },
          new ConnectionError('lost', { server: 'a:1', keys: ['text:b'] }),
        ),
        read(A, 101, 102),
      ],
    ],
  ])('%s', ([, calls, kills]) => {
    expect(judged(calls, kills)).toEqual([])
  })

  it('a number that is stored again when it is still the same, or when it was counted', () => {
    const keys = ['number:a']
    const calls = [
      stored('9', 0, 1, { keys }),
      stored('9', 2, 9, { keys }),
      call({ op: 'increment', keys, amount: 15, start: 2, end: 8, client: 1 }, 24),
      call({ op: 'get', keys, start: 10, end: 11 }, 9),
    ]
    expect(judged(calls)).toEqual([])
  })

  it('a value that wrap loaded, gave to two callers and stored', () => {
    const keys = ['wrapped:a']
    const name = 'wrapped:a=1;'
    const calls = [
      call({ op: 'wrap', keys, start: 0, end: 9, loads: [loaded('wrapped:a', name, 1, 5)] }, name),
      call({ op: 'wrap', keys, start: 2, end: 9 }, name),
      call({ op: 'wrap', keys, start: 10, end: 11, client: 1 }, name),
    ]
    expect(judged(calls)).toEqual([])
  })
})

describe('wrong histories', () => {
  it.for<[string, Call[], Kill[]?]>([
    ['a read of what was overwritten', [stored(A, 0, 1), stored(B, 2, 3), read(A, 4, 5, other)]],
    [
      'reads that go back',
      [stored(A, 0, 1), stored(B, 2, 20, other), read(B, 3, 4), read(A, 5, 6)],
    ],
    ['a lost write', [stored(A, 0, 1), read(undefined, 2, 3)]],
    [
      'a write that came back after it was deleted',
      [stored(A, 0, 1), call({ op: 'delete', start: 2, end: 3 }, true), read(A, 4, 5)],
    ],
    ['what a kill had lost', [stored(A, 0, 1), read(A, 9, 10)], [{ server: 0, start: 3, end: 5 }]],
    [
      'two cas of one token that both won',
      [
        stored(A, 0, 1),
        call({ op: 'cas', names: [B], expected: A, start: 2, end: 5 }, 'stored'),
        call({ op: 'cas', names: [C], expected: A, start: 2, end: 5, client: 1 }, 'stored'),
      ],
    ],
    [
      'two add that both won',
      [
        call({ op: 'add', names: [A], start: 0, end: 5 }, true),
        call({ op: 'add', names: [B], start: 0, end: 5, client: 1 }, true),
      ],
    ],
    ['an add that lost to nothing', [call({ op: 'add', names: [A], start: 0, end: 5 }, false)]],
    ['a replace of nothing', [call({ op: 'replace', names: [A], start: 0, end: 5 }, true)]],
    [
      'a failed write that happened twice',
      [
        failed({ op: 'set', names: [A], start: 0, end: 100 }, late()),
        read(A, 101, 102),
        stored(B, 103, 104),
        read(A, 105, 106),
      ],
    ],
    ['a write that was seen before it began', [read(A, 0, 1, other), stored(A, 2, 3)]],
    ['calls of one client out of order', [stored(A, 0, 10), stored(B, 1, 10), read(A, 11, 12)]],
  ])('%s', ([, calls, kills]) => {
    const violations = judged(calls, kills)
    expect(violations.join()).toMatch(/no order fits|nobody wrote/)
  })

  it.for([
    [2, 2],
    [1, undefined],
  ])('a counter that gives one number twice, or loses one', ([second, third]) => {
    const keys = ['number:a']
    const calls = [
      call({ op: 'set', keys, names: ['1'], start: 0, end: 1 }, true),
      call({ op: 'increment', keys, amount: 1, start: 2, end: 5 }, 2),
      call({ op: 'increment', keys, amount: 1, start: 2, end: 5, client: 1 }, second),
      call({ op: 'get', keys, start: 6, end: 7 }, third),
    ]
    expect(judged(calls).join()).toContain('no order fits')
  })

  it.for<[string, unknown]>([
    ['of another key', 'text:b=1.0.1;'],
    ['without bytes', ''],
    ['of two writes', 'text:a=1.0.1;~30~abcdefghijklmnop'],
  ])('a value %s', ([, value]) => {
    const calls = [stored(A, 0, 1), stored('text:b=1.0.1;', 0, 1, { keys: ['text:b'] })]
    // That is promised whatever server stands in.
    const faults: Fault[] = [{ kind: 'kill', server: 0, client: 0, at: 0, lasts: 1, amount: 0 }]
    const program: Program = { ...PROGRAM, gutter: 1, faults }
    expect(judged([...calls, read(value, 2, 3)], [], program).join()).toContain('nobody wrote')
  })

  it('a loaded value that is stored after a later delete', () => {
    const keys = ['wrapped:a']
    const name = 'wrapped:a=1;'
    const calls = [
      call({ op: 'wrap', keys, start: 0, end: 9, loads: [loaded('wrapped:a', name, 1, 5)] }, name),
      call({ op: 'delete', keys, start: 6, end: 7, client: 1 }, false),
      call({ op: 'get', keys, start: 10, end: 11, client: 1 }, name),
    ]
    expect(judged(calls).join()).toContain('no order fits')
  })

  it('a value that was loaded before its tag was invalidated', () => {
    const keys = ['tagged:a']
    const name = 'tagged:a=1;'
    const calls = [
      call({ op: 'wrap', keys, start: 0, end: 9, loads: [loaded('tagged:a', name, 1, 5)] }, name),
      call({ op: 'invalidateTag', keys, start: 10, end: 11 }, undefined),
      call({ op: 'wrap', keys, start: 12, end: 13, client: 1 }, name),
    ]
    expect(judged(calls).join()).toContain('loaded at 1.0, before')
  })

  it.for<[string, Call, RegExp]>([
    ['does not end', { ...read(undefined, 0, Infinity), outcome: undefined }, /did not end/],
    ['ends late', read(undefined, 0, 500), /took 500 ms/],
    ['fails with what is not ours', failed({ op: 'get', start: 0, end: 1 }, new Error('x')), /x/],
    [
      'fails with an error that has no place here',
      failed({ op: 'get', start: 0, end: 1 }, new ServerError('full', { server: 'a:1' })),
      /ERR_MEMCACHE_SERVER/,
    ],
    [
      'fails and does not say where',
      failed({ op: 'get', start: 0, end: 1 }, new ConnectionError('lost', { key: 'text:a' })),
      /names no server/,
    ],
  ])('a call that %s', ([, wrong, message]) => {
    expect(judged([wrong]).join()).toMatch(message)
  })
})
