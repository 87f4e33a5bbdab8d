import { Fault, receiveBuffer } from '@glammp/wire'
import { binaryProtocol } from '../../../packages/memcache/src/protocol/binary/binary.js'
import { classicProtocol } from '../../../packages/memcache/src/protocol/classic/classic.js'
import { metaProtocol } from '../../../packages/memcache/src/protocol/meta/meta.js'
import type { Protocol } from '../../../packages/memcache/src/protocol/protocol.js'
import { type Reply, ReplyKind } from '../../../packages/memcache/src/protocol/reply.js'
import { received } from '../../support/received.js'
import { only, sameHoweverCut, type Target } from '../engine/target.js'

const TEXT_WORDS = [
  ...[
    '\r\n',
    '\n',
    ' ',
    'END\r\n',
    'OK\r\n',
    'RESET\r\n',
    'ERROR',
    'SERVER_ERROR ',
    'CLIENT_ERROR ',
  ],
  ...[
    'STAT ',
    'VERSION ',
    'ERROR Too many open connections\r\n',
    'VALUE a 0 3\r\nabc\r\n',
    'VALUE ',
  ],
]

/** What a decoder tells, copied as it is told. */
function decode(protocol: Protocol, pieces: readonly Buffer[]): string[] {
  const told: string[] = []
  const decoder = protocol.decoder({
    reply(reply: Reply): void {
      const { kind, final, flags, cas, stub, stale, claimed, left, text } = reply
      const isItem = kind === ReplyKind.VALUE || kind === ReplyKind.ITEM
      const item = isItem
        ? [reply.name.read(), flags, cas, stub, stale, claimed, left, reply.content()]
        : []
      const hasFlags = protocol.name === 'meta' && kind <= ReplyKind.NOT_FOUND
      const metaFlags = hasFlags ? [...reply.metaFlags.read()] : []
      const words = kind >= ReplyKind.LINE && kind < ReplyKind.ITEM ? text : ''
      told.push(JSON.stringify([kind, final, item, metaFlags, words]))
    },
  })
  const isSound = only([Fault], () => {
    for (const piece of received(receiveBuffer, pieces)) decoder.push(piece)
    return true
  })
  return isSound ? told : [...told, 'garbled']
}

function target(protocol: Protocol, seeds: Target['seeds'], words: readonly string[]): Target {
  return {
    name: `memcache-${protocol.name}`,
    seeds,
    words,
    memory: (input) => (8 << 20) + 64 * input.length,
    run(input) {
      // No chunk is longer than what a socket is read into.
      const bytes = input.subarray(0, receiveBuffer.length)
      sameHoweverCut(bytes, (pieces) => decode(protocol, pieces))
    },
  }
}

function binaryReply(opcode: number, status: number, extras: string, key: string, value: string) {
  const body = Buffer.from(extras + key + value, 'latin1')
  const header = Buffer.alloc(24)
  header.writeUInt8(0x81, 0)
  header.writeUInt8(opcode, 1)
  header.writeUInt16BE(key.length, 2)
  header.writeUInt8(extras.length, 4)
  header.writeUInt16BE(status, 6)
  header.writeUInt32BE(body.length, 8)
  header.writeUInt32BE(0x0a00_0000, 12)
  header.writeUInt32BE(7, 20)
  return Buffer.concat([header, body])
}

/** The decoders of what memcached answers. */
export const memcacheReplies: readonly Target[] = [
  target(
    metaProtocol,
    [
      'VA 5 f0 c7\r\nhello\r\nEN\r\nHD\r\nNS\r\nEX\r\nNF\r\n',
      'VA 0 t-1 c490 f0 W\r\n\r\nVA 3 f4294967295 c7 t30 Z X\r\nabc\r\n',
      'VALUE foo 0 5\r\nhello\r\nVALUE empty 1 0 12\r\n\r\nEND\r\n',
      'HD kZm9vIGJhcg== b c479\r\nEN kmiss O9\r\nMN\r\nSTAT pid 1\r\nEND\r\n',
    ],
    [
      ...TEXT_WORDS,
      'VA ',
      'HD',
      'EN',
      'NF',
      'NS',
      'EX',
      ' f',
      ' c',
      ' t-1',
      ' W',
      ' X',
      ' Z',
      ' b',
      ' O',
    ],
  ),
  target(
    classicProtocol,
    [
      'VALUE foo 0 5\r\nhello\r\nVALUE empty 1 0 12\r\n\r\nEND\r\nEND\r\n',
      'STORED\r\nNOT_STORED\r\nEXISTS\r\nNOT_FOUND\r\nDELETED\r\nTOUCHED\r\nOK\r\n',
      '9 \r\n18446744073709551615\r\nERROR: shutdown not enabled\r\nSTAT curr_items 2\r\nEND\r\n',
      'CONFIG cluster 0 12\r\n1\na|b|11211 \n\r\nEND\r\n',
    ],
    [...TEXT_WORDS, 'STORED', 'NOT_STORED', 'EXISTS', 'NOT_FOUND', 'DELETED', 'TOUCHED', 'CONFIG '],
  ),
  target(
    binaryProtocol,
    [
      binaryReply(0, 0, '\0\0\0\x01', '', 'value'),
      binaryReply(5, 0, '', '', '\0\0\0\0\0\0\0\x07'),
      binaryReply(0x10, 0, '', 'pid', '1'),
      binaryReply(0, 1, '', '', 'Not found'),
      binaryReply(0x0b, 0, '', '', '1.6.18'),
      binaryReply(0x1d, 0, '\0\0\0\0', '', ''),
    ],
    ['\x81', '\x0a\0\0\0', '\x0a\0\0\x01', '\x0a\0\0\x02', '\0\0\0\0', 'ERROR Too many open'],
  ),
]
