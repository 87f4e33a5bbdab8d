import { Fault, latin1, Output, receiveBuffer } from '@glammp/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { received } from '../../../../../test/support/received.js'
import type { Protocol, StorageFields } from '../protocol.js'
import { type Reply, ReplyKind } from '../reply.js'
import { binaryProtocol } from './binary.js'

const NAMES = Object.keys(ReplyKind)

/** What a decoder tells, copied as it is told. */
function decode(chunks: Iterable<Buffer>): string[] {
  const told: string[] = []
  const decoder = binaryProtocol.decoder({
    reply(reply: Reply): void {
      const value =
        reply.kind === ReplyKind.VALUE
          ? ` f${reply.flags} c${reply.cas} ${JSON.stringify(reply.content())}`
          : ''
      const text = reply.kind >= ReplyKind.LINE ? ` ${reply.text}` : ''
      told.push(`${NAMES[reply.kind]}${value}${text}${reply.final ? '' : ' ...'}`)
    },
  })
  for (const chunk of received(receiveBuffer, chunks)) decoder.push(chunk)
  return told
}

// Recorded from memcached 1.6.18, which was asked by this package's encoder.
const RECORDED: readonly (readonly [bytes: string, ...told: string[]])[] = [
  ['8101000000000000000000000a0000000000000000000001', 'DONE'],
  ['8100000004000000000000090a00000100000000000000010000000768656c6c6f', 'VALUE f7 c1 "hello"'],
  ['8100000000000001000000090a00000200000000000000004e6f7420666f756e64', 'END'],
  ['8101000000000000000000000a0000030000000000000002', 'DONE'],
  ['8100000004000000000000040a0000040000000000000002ffffffff', 'VALUE f4294967295 c2 ""'],
  [
    '8102000000000002000000140a0000050000000000000000446174612065786973747320666f72206b65792e',
    'NOT_STORED',
  ],
  ['8103000000000001000000090a00000600000000000000004e6f7420666f756e64', 'NOT_STORED'],
  ['810e0000000000050000000b0a00000700000000000000004e6f742073746f7265642e', 'NOT_STORED'],
  [
    '8101000000000002000000140a0000080000000000000000446174612065786973747320666f72206b65792e',
    'EXISTS',
  ],
  ['8101000000000001000000090a00000900000000000000004e6f7420666f756e64', 'NOT_FOUND'],
  ['8104000000000000000000000a00000a0000000000000000', 'DONE'],
  ['8104000000000001000000090a00000b00000000000000004e6f7420666f756e64', 'NOT_FOUND'],
  ['811c000004000000000000040a00000c000000000000000100000007', 'DONE'],
  ['811c000000000001000000090a00000d00000000000000004e6f7420666f756e64', 'NOT_FOUND'],
  ['811d000004000000000000090a00000e00000000000000010000000768656c6c6f', 'VALUE f7 c1 "hello"'],
  ['811d000000000001000000090a00000f00000000000000004e6f7420666f756e64', 'END'],
  ['8101000000000000000000000a0000100000000000000003', 'DONE'],
  [
    '8105000000000000000000080a0000110000000000000004ffffffffffffffff',
    'VALUE f0 c "18446744073709551615"',
  ],
  ['8105000000000000000000080a00001200000000000000050000000000000000', 'VALUE f0 c "0"'],
  ['8106000000000001000000090a00001300000000000000004e6f7420666f756e64', 'NOT_FOUND'],
  [
    '81060000000000060000002e0a00001400000000000000004e6f6e2d6e756d657269632073657276' +
      '65722d736964652076616c756520666f7220696e6372206f722064656372',
    'CLIENT_ERROR Non-numeric server-side value for incr or decr',
  ],
  [
    '81010000000000030000000a0a0000150000000000000000546f6f206c617267652e',
    'SERVER_ERROR Too large.',
  ],
  ['810a000000000000000000000a0000160000000000000000', 'LINE MN'],
  ['810b000000000000000000060a0000170000000000000000312e362e3138', 'LINE VERSION 1.6.18'],
  [
    '811b0000000000810000000f0a0000180000000000000000556e6b6e6f776e20636f6d6d616e64',
    'UNKNOWN Unknown command',
  ],
  ['8108000000000000000000000a0000190000000000000000', 'DONE'],
  ['8108000000000000000000000a00001a0000000000000000', 'DONE'],
  [
    '8110000c00000000000000140a00001b000000000000000073697a65735f73746174757364697361626c6564',
    'LINE STAT sizes_status disabled ...',
  ],
  ['8110000000000000000000000a00001b0000000000000000', 'END'],
  ['8110000000000000000000000a00001c0000000000000000', 'END'],
  ['8110000000000001000000090a00001d00000000000000004e6f7420666f756e64', 'UNKNOWN Not found'],
  [
    '81210000000000200000000d0a00001e000000000000000041757468206661696c7572652e',
    'CLIENT_ERROR Auth failure.',
  ],
  ['8101000000000082000000000a00001f0000000000000000', 'SERVER_ERROR status 0x82'],
  ['8100000004000000000000050a0000200000000500000001000000036f', 'VALUE f3 c21474836481 "o"'],
]
const BYTES = Buffer.from(RECORDED.map(([hex]) => hex).join(''), 'hex')
const TOLD = RECORDED.flatMap(([, ...told]) => told)

describe('binary replies', () => {
  test('are told one by one, in the words of every protocol', () => {
    expect(decode([BYTES])).toEqual(TOLD)
  })

  test('are the same split at every place', () => {
    for (let at = 0; at <= BYTES.length; at += 1) {
      expect(decode([BYTES.subarray(0, at), BYTES.subarray(at)])).toEqual(TOLD)
    }
  })

  test('are the same byte by byte', () => {
    expect(decode(Array.from(BYTES, (byte) => Buffer.of(byte)))).toEqual(TOLD)
  })

  test('are the same in chunks of any size', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (sizes) => {
        const chunks: Buffer[] = []
        for (let at = 0, turn = 0; at < BYTES.length; turn += 1) {
          const size = sizes[turn % sizes.length] as number
          chunks.push(BYTES.subarray(at, at + size))
          at += size
        }
        expect(decode(chunks)).toEqual(TOLD)
      }),
    )
  })

  test('a large value in many chunks is whole', () => {
    const value = Buffer.alloc(1_000_000, 'v')
    const header = Buffer.from('8100000004000000000f42440a0000000000000000000001', 'hex')
    const all = Buffer.concat([header, Buffer.alloc(4), value])
    const chunks: Buffer[] = []
    for (let at = 0; at < all.length; at += 65_536) chunks.push(all.subarray(at, at + 65_536))
    expect(decode(chunks)).toEqual([`VALUE f0 c1 "${value.toString()}"`])
  })

  test.each([
    ['of text', Buffer.from('ERROR\r\n')],
    ['with the magic of a request', Buffer.from(`80${'00'.repeat(23)}`, 'hex')],
    ['to a later request', Buffer.from('8101000000000000000000000a0000010000000000000001', 'hex')],
    ['without our mark', Buffer.from('810100000000000000000000000000000000000000000001', 'hex')],
    ['beyond memory', Buffer.from('8101000000000000ffffffff0a0000000000000000000001', 'hex')],
    [
      'shorter than its key',
      Buffer.from('8101000500000000000000040a0000000000000000000001', 'hex'),
    ],
    [
      'with half a number',
      Buffer.from('8105000000000000000000010a000000000000000000000100', 'hex'),
    ],
  ])('one %s is garbled, whole and byte by byte', (_name, bytes) => {
    expect(() => decode([bytes])).toThrow(Fault)
    expect(() => decode(Array.from(bytes, (byte) => Buffer.of(byte)))).toThrow(Fault)
  })

  test('any bytes in any chunks are replies or garbled', () => {
    const parts = fc.constantFrom(...RECORDED.map(([hex]) => Buffer.from(hex, 'hex')))
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 30 }).map((array) => Buffer.from(array)),
      parts,
      fc.tuple(parts, fc.nat(30)).map(([part, length]) => part.subarray(0, length)),
    )
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 30 }), (chunks) => {
        try {
          decode(chunks)
        } catch (error) {
          expect(error).toBeInstanceOf(Fault)
        }
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('binary requests', () => {
  const encoded = (encode: (protocol: Protocol, out: Output) => unknown): string => {
    const out = new Output()
    encode(binaryProtocol.forConnection?.() ?? binaryProtocol, out)
    const parts = out.take().map((part) => (typeof part === 'string' ? part : latin1(part)))
    return Buffer.from(parts.join(''), 'latin1').toString('hex')
  }
  const item: StorageFields = {
    mode: 'set',
    key: 'k',
    data: 'v',
    flags: 4_294_967_295,
    exptime: 60,
    cas: '',
  }

  test('carry flags and expiry where items are stored, the cas token where one is compared', () => {
    expect(encoded((protocol, out) => protocol.store(item, out))).toBe(
      '80010001080000000000000a0a0000000000000000000000ffffffff0000003c6b76',
    )
    const cas = { ...item, cas: '18446744073709551615' }
    expect(encoded((protocol, out) => protocol.store(cas, out))).toBe(
      '80010001080000000000000a0a000000ffffffffffffffffffffffff0000003c6b76',
    )
    const append: StorageFields = { ...item, mode: 'append' }
    expect(encoded((protocol, out) => protocol.store(append, out))).toBe(
      '800e000100000000000000020a00000000000000000000006b76',
    )
  })

  test('of one connection are numbered', () => {
    const three = encoded((protocol, out) => {
      expect(protocol.get(['a', 'b'], false, out)).toBe(2)
      protocol.delete('a', out)
    })
    expect(three).toBe(
      '800000010000000000000001' +
        '0a000000' +
        '000000000000000061' +
        '800000010000000000000001' +
        '0a000001' +
        '000000000000000062' +
        '800400010000000000000001' +
        '0a000002' +
        '000000000000000061',
    )
  })

  test('that count forbid the server to make a counter', () => {
    expect(encoded((protocol, out) => protocol.arithmetic('n', '2', true, out))).toBe(
      '8006000114000000000000150a0000000000000000000000' +
        '00000000000000020000000000000000ffffffff6e',
    )
  })

  test('that show who we are carry name and password as UTF-8', () => {
    const credentials = { username: 'é', password: 'p' }
    expect(encoded((protocol, out) => protocol.authenticate(credentials, out))).toBe(
      '80210005000000000000000a0a0000000000000000000000504c41494e00c3a90070',
    )
  })

  test('that the protocol has no word for have no body, which servers would not skip', () => {
    for (const line of ['verbosity 1', 'lru_crawler metadump all', 'config get cluster']) {
      expect(encoded((protocol, out) => protocol.line(line, out))).toMatch(/^801b0{20}/)
    }
  })
})
