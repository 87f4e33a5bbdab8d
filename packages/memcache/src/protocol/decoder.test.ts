import { Fault, receiveBuffer } from '@glammp/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { received } from '../../../../test/support/received.js'
import { classicProtocol } from './classic/classic.js'
import { metaProtocol } from './meta/meta.js'
import type { Protocol } from './protocol.js'
import { type Reply, ReplyKind } from './reply.js'

const NAMES = Object.entries(ReplyKind).map(([name]) => name)

/** What a decoder tells, copied as it is told. */
function decode(protocol: Protocol, chunks: Iterable<Buffer>): string[] {
  const told: string[] = []
  const decoder = protocol.decoder({
    reply(reply: Reply): void {
      const value =
        reply.kind === ReplyKind.VALUE || reply.kind === ReplyKind.ITEM
          ? ` ${reply.name.read()}${reply.stub ? '*' : ''} f${reply.flags} c${reply.cas} ${JSON.stringify(reply.content())}`
          : ''
      const text =
        reply.kind >= ReplyKind.LINE && reply.kind < ReplyKind.ITEM ? ` ${reply.text}` : ''
      told.push(`${NAMES[reply.kind]}${value}${text}${reply.final ? '' : ' ...'}`)
    },
  })
  for (const chunk of received(receiveBuffer, chunks)) decoder.push(chunk)
  return told
}

// Recorded from memcached 1.6.18.
const META = [
  'VA 5 f0\r\nhello\r\n',
  'VA 0 f3\r\n\r\n',
  'EN\r\n',
  'HD\r\n',
  'VA 12 f1 c479\r\nEND\r\nVA 1 f\n\r\n',
  'NS\r\nEX\r\nNF\r\n',
  'VA 0 t-1 c490 f0 W\r\n\r\n',
  'VALUE foo 0 5\r\nhello\r\nVALUE empty 1 0 12\r\n\r\nEND\r\nVA 5 f0\r\nhello\r\n',
  'VA 3 f4294967295 c7 t30 Z X\r\nabc\r\n',
  'HD kZm9vIGJhcg== b c479\r\n',
  'EN kmiss O9\r\n',
  'SERVER_ERROR object too large for cache\r\n',
  'CLIENT_ERROR bad data chunk\r\nERROR\r\n',
  'MN\r\nVERSION 1.6.18\r\n',
  'STAT pid 1\r\nSTAT version 1.6.18\r\nEND\r\nOK\r\nRESET\r\n',
].join('')
const META_TOLD = [
  'VALUE  f0 c "hello"',
  'VALUE  f3 c ""',
  'END',
  'DONE',
  'VALUE  f1 c479 "END\\r\\nVA 1 f\\n"',
  'NOT_STORED',
  'EXISTS',
  'NOT_FOUND',
  'VALUE * f0 c490 ""',
  'ITEM foo f0 c "hello" ...',
  'ITEM empty f1 c12 "" ...',
  'END',
  'VALUE  f0 c "hello"',
  'VALUE  f4294967295 c7 "abc"',
  'DONE',
  'END',
  'SERVER_ERROR object too large for cache',
  'CLIENT_ERROR bad data chunk',
  'UNKNOWN ',
  'LINE MN',
  'LINE VERSION 1.6.18',
  'LINE STAT pid 1 ...',
  'LINE STAT version 1.6.18 ...',
  'END',
  'DONE',
  'DONE',
]

const CLASSIC = [
  'VALUE foo 0 5\r\nhello\r\nVALUE empty 1 0 12\r\n\r\nEND\r\n',
  'END\r\n',
  'VALUE a 4294967295 14\r\nEND\r\nVALUE x\r\n\r\nEND\r\n',
  'STORED\r\nNOT_STORED\r\nEXISTS\r\nNOT_FOUND\r\nDELETED\r\nTOUCHED\r\nOK\r\n',
  '9 \r\n18446744073709551615\r\n',
  'ERROR\r\nERROR: shutdown not enabled\r\nCLIENT_ERROR line too long\r\n',
  'STAT curr_items 2\r\nEND\r\nRESET\r\nVERSION 1.4.0\r\n',
].join('')
const CLASSIC_TOLD = [
  'VALUE foo f0 c "hello" ...',
  'VALUE empty f1 c12 "" ...',
  'END',
  'END',
  'VALUE a f4294967295 c "END\\r\\nVALUE x\\r\\n" ...',
  'END',
  'DONE',
  'NOT_STORED',
  'EXISTS',
  'NOT_FOUND',
  'DONE',
  'DONE',
  'DONE',
  'VALUE   f0 c "9 "',
  'VALUE   f0 c "18446744073709551615"',
  'UNKNOWN ',
  'UNKNOWN shutdown not enabled',
  'CLIENT_ERROR line too long',
  'LINE STAT curr_items 2 ...',
  'END',
  'DONE',
  'LINE VERSION 1.4.0',
]

describe.each([
  ['meta', metaProtocol, META, META_TOLD],
  ['classic', classicProtocol, CLASSIC, CLASSIC_TOLD],
] as const)('%s replies', (_name, protocol, conversation, told) => {
  const bytes = Buffer.from(conversation, 'latin1')

  test('are told one by one', () => {
    expect(decode(protocol, [bytes])).toEqual(told)
  })

  test('are the same split at every place', () => {
    for (let at = 0; at <= bytes.length; at += 1) {
      expect(decode(protocol, [bytes.subarray(0, at), bytes.subarray(at)])).toEqual(told)
    }
  })

  test('are the same byte by byte', () => {
    expect(
      decode(
        protocol,
        Array.from(bytes, (byte) => Buffer.of(byte)),
      ),
    ).toEqual(told)
  })

  test('are the same in chunks of any size', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (sizes) => {
        const chunks: Buffer[] = []
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const size = sizes[turn % sizes.length] as number
          chunks.push(bytes.subarray(at, at + size))
          at += size
        }
        expect(decode(protocol, chunks)).toEqual(told)
      }),
    )
  })

  test('a large value in many chunks is whole', () => {
    const value = Buffer.alloc(1_000_000, 'v')
    const head = protocol.name === 'meta' ? 'VA 1000000 f0\r\n' : 'VALUE k 0 1000000\r\n'
    const all = Buffer.concat([Buffer.from(head), value, Buffer.from('\r\n')])
    const chunks: Buffer[] = []
    for (let at = 0; at < all.length; at += 65_536) chunks.push(all.subarray(at, at + 65_536))
    const [reply] = decode(protocol, chunks)
    expect(reply).toContain(`"${value.toString()}"`)
  })

  test('a value that is not as long as announced is garbled', () => {
    const short = protocol.name === 'meta' ? 'VA 3 f0\r\nabcd\r\n' : 'VALUE k 0 3\r\nabcd\r\n'
    expect(() => decode(protocol, [Buffer.from(short)])).toThrow(Fault)
    expect(() =>
      decode(
        protocol,
        [...Buffer.from(short)].map((b) => Buffer.of(b)),
      ),
    ).toThrow(Fault)
  })

  test.each([
    'VA  f0\r\n',
    'VA x\r\n',
    'VA 5x f0\r\n',
    'VA 9999999999 f0\r\n',
    'VALUE k\r\n',
    'VALUE k a 1\r\n',
  ])('%j is garbled or a line of text, never a value', (line) => {
    try {
      expect(decode(protocol, [Buffer.from(line)]).join()).not.toMatch(/^VALUE/)
    } catch (error) {
      expect(error).toBeInstanceOf(Fault)
    }
  })

  test('a line without an end is garbled, not memory', () => {
    const noise = Buffer.alloc(40_000, 'x')
    expect(() => decode(protocol, [noise, noise])).toThrow(Fault)
  })

  test('any bytes in any chunks are replies or garbled', () => {
    const words = fc.constantFrom(
      'VA 3 f0',
      'VALUE a 0 3',
      '\r\n',
      'abc',
      'END',
      'HD',
      ' ',
      'ERROR',
    )
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 30 }).map((array) => Buffer.from(array)),
      words.map((word) => Buffer.from(word)),
    )
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 30 }), (chunks) => {
        try {
          decode(protocol, chunks)
        } catch (error) {
          expect(error).toBeInstanceOf(Fault)
        }
      }),
      { numRuns: 1_000 },
    )
  })
})

test('a line of text after a meta reply has none of its flags', () => {
  const flags: unknown[] = []
  const decoder = metaProtocol.decoder({
    reply: ({ metaFlags, stale, claimed, left }) =>
      flags.push([[...metaFlags.read().keys()], stale, claimed, left]),
  })
  decoder.push(Buffer.from('HD kmiss O9 X W t5\r\nEND\r\nOK\r\n'))
  const none = [[], false, false, -2]
  expect(flags).toEqual([[['k', 'O', 'X', 'W', 't'], true, true, 5], none, none])
})
