import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RawPeer, request } from '../../../../test/support/raw-gearman.js'
import { GearmanServer } from './index.js'
import { PacketReader } from './packet-reader.js'

const SUBMIT_JOB = 7
const GRAB_JOB = 9
const WORK_STATUS = 12
const WORK_COMPLETE = 13
const ECHO_REQ = 16

/** What a reader makes of the bytes, given in these pieces. */
const read = (...pieces: readonly Buffer[]): unknown[] => {
  const read: unknown[] = []
  const reader = new PacketReader({
    packet: ({ layout, args, data }) => read.push([layout.name, ...args, data.toString()]),
    line: (line) => read.push(line),
    broken: () => read.push('broken'),
  })
  for (const piece of pieces) reader.read(piece)
  return read
}

test('packets and lines come out the same wherever they are cut', () => {
  const bytes = Buffer.concat([
    request(SUBMIT_JOB, 'fn', 'unique', 'a\0b'),
    Buffer.from('status\r\n'),
    request(GRAB_JOB),
    request(WORK_STATUS, 'H:x:1', '1', '2'),
    Buffer.from('workers\n'),
    request(WORK_COMPLETE, 'H:x:1', ''),
    request(ECHO_REQ, 'end'),
  ])
  const expected = [
    ['SUBMIT_JOB', 'fn', 'unique', 'a\0b'],
    'status\r\n',
    ['GRAB_JOB', ''],
    ['WORK_STATUS', 'H:x:1', '1', '2', ''],
    'workers\n',
    ['WORK_COMPLETE', 'H:x:1', ''],
    ['ECHO_REQ', 'end'],
  ]
  expect(read(bytes)).toEqual(expected)
  expect(read(...Array.from(bytes, (byte) => Buffer.of(byte)))).toEqual(expected)
  for (let cut = 1; cut < bytes.length; cut += 1) {
    expect(read(bytes.subarray(0, cut), bytes.subarray(cut))).toEqual(expected)
  }
})

test.each([
  ['a wrong magic', Buffer.from('\0REX\0\0\0\x09\0\0\0\0')],
  ['type 0', request(0)],
  ['an unknown type', request(43)],
  ['a line over 8 KiB', Buffer.alloc(8_193, 'x')],
  ['an argument over 8 KiB', request(SUBMIT_JOB, 'x'.repeat(8_192), '', '')],
  ['a last argument over 8 KiB', request(1, 'x'.repeat(8_193))],
  ['a missing NUL', Buffer.concat([request(WORK_COMPLETE, 'H:x:1'), request(GRAB_JOB)])],
])('%s ends the reading', (_, bytes) => {
  expect(read(bytes, request(GRAB_JOB))).toEqual(['broken'])
})

test('the largest line and the largest arguments are read', () => {
  expect(read(Buffer.from(`${'x'.repeat(8_191)}\n`))).toHaveLength(1)
  const packets = [
    request(SUBMIT_JOB, 'x'.repeat(8_191), 'y'.repeat(8_191), ''),
    request(1, 'x'.repeat(8_192)),
  ]
  expect(read(Buffer.concat(packets))).toHaveLength(2)
})

const garbage = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    fc
      .tuple(fc.nat(44), fc.array(fc.string({ maxLength: 10 }), { maxLength: 7 }))
      .map(([type, args]) => request(type, ...args)),
    fc.string({ maxLength: 30 }).map((text) => Buffer.from(`${text}\r\n`)),
  ),
)

test('whatever comes, a server goes on', async () => {
  await using server = await GearmanServer.start()
  const other = await RawPeer.connect(server.port)
  await fc.assert(
    fc.asyncProperty(garbage, async (pieces) => {
      const socket = connect(server.port, '127.0.0.1').on('error', () => undefined)
      for (const piece of pieces) socket.write(piece)
      socket.end().resume()
      await once(socket, 'close')
      expect(await other.say('version\r\n')).toBe('OK 1.1.20\n')
    }),
  )
  other.end()
})
