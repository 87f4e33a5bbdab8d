import { Output } from '@glammp/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { binaryWireKey, bytesOf, isBinary, KeyFault } from '../key.js'
import { binaryProtocol } from './binary/binary.js'
import { classicProtocol } from './classic/classic.js'
import { storeHead } from './meta/lines.js'
import { metaProtocol } from './meta/meta.js'
import type { Protocol } from './protocol.js'

const bytes = fc
  .uint8Array({ minLength: 1, maxLength: 186 })
  .map((key) => Buffer.from(key).toString('latin1'))

/** Every command of one key, each as the protocol writes it. */
const commands = (protocol: Protocol, key: string): (() => string)[] => {
  const fields = { mode: 'set', key, data: 'v', flags: 1, exptime: 2, cas: '3' } as const
  const writes: ((out: Output) => unknown)[] = [
    (out) => protocol.get([key], true, out),
    (out) => protocol.getAndTouch(key, 1, out),
    (out) => protocol.store(fields, out),
    (out) => protocol.delete(key, out),
    (out) => protocol.touch(key, 1, out),
    (out) => protocol.arithmetic(key, '1', false, out),
  ]
  return writes.map((write) => () => {
    const out = new Output()
    write(out)
    return out.take().join('')
  })
}

test('holds the bytes that it was made of', () => {
  fc.assert(
    fc.property(bytes, (key) => {
      const wireKey = binaryWireKey(key)
      expect(isBinary(wireKey)).toBe(true)
      expect(bytesOf(wireKey)).toBe(key)
    }),
  )
  expect(bytesOf('text')).toBe('text')
  expect(isBinary('b')).toBe(false)
  expect(storeHead('text', 5)).toBe('ms text 5')
  expect(storeHead('YSBi b', 5)).toBe('ms YSBi 5 b')
})

describe('a key of any bytes', () => {
  test('is one word of one meta command', () => {
    fc.assert(
      fc.property(bytes, (key) => {
        const base64 = Buffer.from(key, 'latin1').toString('base64')
        for (const command of commands(metaProtocol, binaryWireKey(key))) {
          const [line = '', ...rest] = command().split('\r\n')
          const [word, name, ...flags] = line.split(' ')
          expect(word).toMatch(/^m[gsda]$/)
          expect(name).toBe(base64)
          expect(flags).toContain('b')
          expect(rest).toEqual(word === 'ms' ? ['v', ''] : [''])
        }
      }),
    )
  })

  test('is the key of one binary packet', () => {
    fc.assert(
      fc.property(bytes, (key) => {
        for (const command of commands(binaryProtocol, binaryWireKey(key))) {
          const packet = Buffer.from(command(), 'latin1')
          expect(packet.length).toBe(24 + packet.readUInt32BE(8))
          const start = 24 + packet.readUInt8(4)
          expect(packet.toString('latin1', start, start + packet.readUInt16BE(2))).toBe(key)
        }
      }),
    )
  })

  test('is no part of a classic command: nothing is written', () => {
    const wireKey = binaryWireKey('a\r\nb')
    for (const command of commands(classicProtocol, wireKey)) expect(command).toThrow(KeyFault)
    const out = new Output()
    const many = Array.from({ length: 300 }, (_, index) => `k${index}`)
    expect(() => classicProtocol.get([...many, wireKey], false, out)).toThrow(KeyFault)
    expect(out.empty).toBe(true)
  })
})
