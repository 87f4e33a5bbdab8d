import { Output } from '@glammp/wire'
import { expect, test } from 'vitest'
import { bare, byteText, encode, fromByteText, LAYOUTS, Magic, PacketType } from './packet.js'
import { PacketDecoder } from './packet-decoder.js'

function bytesOf(output: Output): Buffer {
  return Buffer.concat(
    output.take().map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)),
  )
}

function encoded(type: PacketType, args: string, data?: string | Uint8Array): Buffer {
  const output = new Output()
  encode(output, type, args, data)
  return bytesOf(output)
}

test('packets are the bytes that the protocol says', () => {
  expect(encoded(PacketType.SUBMIT_JOB, 'title\0', 'abc').toString('latin1')).toBe(
    '\0REQ\0\0\0\x07\0\0\0\x0atitle\0\0abc',
  )
  expect(encoded(PacketType.CAN_DO, 'title').toString('latin1')).toBe(
    '\0REQ\0\0\0\x01\0\0\0\x05title',
  )
  expect(bare(PacketType.GRAB_JOB_UNIQ)).toBe('\0REQ\0\0\0\x1e\0\0\0\0')
  expect(encoded(PacketType.ECHO_REQ, '', 'a\0b').toString('latin1')).toBe(
    '\0REQ\0\0\0\x10\0\0\0\x03a\0b',
  )
})

test('a result without data still has the NUL after the handle', () => {
  for (const empty of ['', Buffer.alloc(0)]) {
    expect(encoded(PacketType.WORK_COMPLETE, 'H:a:1', empty).subarray(12).toString()).toBe(
      'H:a:1\0',
    )
  }
  expect(encoded(PacketType.WORK_FAIL, 'H:a:1').subarray(12).toString()).toBe('H:a:1')
})

test('the length counts bytes, whatever the text', () => {
  for (const text of ['é', '🛼'.repeat(1_000), 'x'.repeat(5_000), '\u00ff', '\ud800']) {
    const packet = encoded(PacketType.SUBMIT_JOB, 'f\0u', text)
    expect(packet.readUInt32BE(8)).toBe(packet.length - 12)
    expect(packet.subarray(16).toString()).toBe(Buffer.from(text).toString())
  }
})

test('a large array is not copied', () => {
  const output = new Output()
  const data = Buffer.alloc(100_000)
  encode(output, PacketType.SUBMIT_JOB, 'f\0u', data)
  expect(output.take()).toContain(data)
})

test('names go out as UTF-8 and come back as text', () => {
  for (const name of ['title', 'título', '🛼']) {
    expect(byteText(name)).toBe(Buffer.from(name).toString('latin1'))
    expect(fromByteText(byteText(name))).toBe(name)
  }
})

test('every packet of the protocol is read as it was written', () => {
  const seen: number[] = []
  for (const [type, layout] of LAYOUTS.entries()) {
    if (layout === undefined) continue
    seen.push(type)
    const args = Array.from({ length: layout.args }, (_, index) => `argument ${index}`)
    for (const data of layout.data ? ['', 'data\0with\0NULs\0'] : [undefined]) {
      const packets: unknown[] = []
      const decoder = new PacketDecoder(Magic.REQUEST, 1_000, (...packet) => packets.push(packet))
      decoder.push(encoded(type as PacketType, args.join('\0'), data))
      expect(packets).toEqual([[type, args, Buffer.from(data ?? '')]])
    }
  }
  expect(seen).toEqual([1, 2, 3, 4, ...Array.from({ length: 37 }, (_, index) => index + 6)])
})
