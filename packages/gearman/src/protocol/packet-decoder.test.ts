import { receiveBuffer } from '@glammp/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { received } from '../../../../test/support/received.js'
import { Magic } from './packet.js'
import { MalformedPacketError, PacketDecoder } from './packet-decoder.js'

const LIMIT = 1_000_000

type Seen = [type: number, args: readonly string[], data: string]

function decode(chunks: readonly Buffer[]): Seen[] {
  const seen: [type: number, args: readonly string[], data: Buffer][] = []
  const decoder = new PacketDecoder(Magic.RESPONSE, LIMIT, (...packet) => {
    seen.push(packet)
  })
  for (const chunk of received(receiveBuffer, chunks)) decoder.push(chunk)
  // Data may be kept, so it is read when all has come.
  return seen.map(([type, args, data]) => [type, args, data.toString('latin1')])
}

function packet(type: number, body: string): string {
  const header = Buffer.alloc(8)
  header.writeUInt32BE(type, 0)
  header.writeUInt32BE(body.length, 4)
  return `\0RES${header.toString('latin1')}${body}`
}

/** What gearmand 1.1.20 said to a connection that was client and worker at once. */
const CONVERSATION: readonly [bytes: string, seen: Seen][] = [
  [packet(27, 'exceptions'), [27, ['exceptions'], '']],
  [packet(8, 'H:vm:1'), [8, ['H:vm:1'], '']],
  [packet(6, ''), [6, [], '']],
  [
    packet(31, 'H:vm:1\0title\0some id\0o PHp\0\0é'),
    [31, ['H:vm:1', 'title', 'some id'], 'o PHp\0\0é'],
  ],
  [packet(31, 'H:vm:2\0title\0\0'), [31, ['H:vm:2', 'title', ''], '']],
  [packet(10, ''), [10, [], '']],
  [packet(12, 'H:vm:1\x001\x002'), [12, ['H:vm:1', '1', '2'], '']],
  [packet(28, 'H:vm:1\0part'), [28, ['H:vm:1'], 'part']],
  [packet(13, `H:vm:1\0${'O PHp'.repeat(20)}`), [13, ['H:vm:1'], 'O PHp'.repeat(20)]],
  [packet(13, 'H:vm:2\0'), [13, ['H:vm:2'], '']],
  [packet(14, 'H:vm:3\0'), [14, ['H:vm:3\0'], '']],
  [packet(25, 'H:vm:4\0boom'), [25, ['H:vm:4'], 'boom']],
  [packet(20, 'H:vm:1\x001\x000\x000\x000'), [20, ['H:vm:1', '1', '0', '0', '0'], '']],
  [packet(42, 'id\x001\x001\x003\x004\x002'), [42, ['id', '1', '1', '3', '4', '2'], '']],
  [
    packet(19, 'JOB_NOT_FOUND\0Job given in work result not found'),
    [19, ['JOB_NOT_FOUND', 'Job given in work result not found'], ''],
  ],
  [packet(17, 'ping'), [17, [], 'ping']],
]

const BYTES = Buffer.from(CONVERSATION.map(([bytes]) => bytes).join(''), 'latin1')
const SEEN = CONVERSATION.map(([, seen]) => seen)

describe('however a conversation is cut', () => {
  test('in one piece', () => {
    expect(decode([BYTES])).toEqual(SEEN)
  })

  test('in two, at every place', () => {
    for (let at = 0; at <= BYTES.length; at += 1) {
      expect(decode([BYTES.subarray(0, at), BYTES.subarray(at)])).toEqual(SEEN)
    }
  })

  test('in pieces of every size', () => {
    for (let size = 1; size < 200; size += 1) {
      const chunks: Buffer[] = []
      for (let at = 0; at < BYTES.length; at += size) chunks.push(BYTES.subarray(at, at + size))
      expect(decode(chunks)).toEqual(SEEN)
    }
  })

  test('in any pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: BYTES.length })), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), BYTES.length]
        const chunks = places.slice(1).map((end, index) => BYTES.subarray(places[index], end))
        expect(decode(chunks)).toEqual(SEEN)
      }),
    )
  })
})

test('a large payload is put together once, and the packets after it are in step', () => {
  const large = 'x'.repeat(300_000)
  const bytes = Buffer.from(packet(13, `H:a:1\0${large}`) + packet(8, 'H:a:2'), 'latin1')
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 65_536) chunks.push(bytes.subarray(at, at + 65_536))
  expect(decode(chunks)).toEqual([
    [13, ['H:a:1'], large],
    [8, ['H:a:2'], ''],
  ])
})

test('a tail of any length under a header is kept for the next chunk', () => {
  for (let tail = 1; tail < 12; tail += 1) {
    const bytes = Buffer.from(packet(8, 'H:a:1') + packet(8, 'H:a:2'), 'latin1')
    const cut = bytes.length / 2 + tail
    expect(decode([bytes.subarray(0, cut), bytes.subarray(cut)])).toHaveLength(2)
  }
})

describe('bytes that are not the protocol', () => {
  test.each([
    ['text', 'ERROR\r\n'],
    ['one wrong byte', 'E'],
    ['a wrong magic after a good packet', `${packet(6, '')}\0REQ`],
    ['an unknown type', packet(43, '')],
    ['type 5, which is not used', packet(5, '')],
    ['too few arguments', packet(20, 'H:a:1\x001')],
    ['no NUL before the data', packet(13, 'H:a:1')],
    ['a length over the limit', '\0RES\0\0\0\x0d\xff\xff\xff\xff'],
  ])('%s', (_, bytes) => {
    const whole = Buffer.from(bytes, 'latin1')
    expect(() => decode([whole])).toThrow(MalformedPacketError)
    expect(() => decode([...whole].map((byte) => Buffer.from([byte])))).toThrow(
      MalformedPacketError,
    )
  })

  test('anything at all ends in packets or in a MalformedPacketError', () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.uint8Array({ maxLength: 60 }).map((body) => {
        const head = Buffer.from('\0RES\0\0\0\0\0\0\0\0', 'latin1')
        head[7] = (body[0] ?? 0) % 50
        head[11] = (body[1] ?? 0) % 70
        return Buffer.concat([head, body])
      }),
    )
    fc.assert(
      fc.property(fc.array(garbage, { maxLength: 5 }), (chunks) => {
        try {
          decode(chunks.map((chunk) => Buffer.from(chunk)))
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedPacketError)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
