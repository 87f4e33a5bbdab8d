import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checksum, tableChecksum } from './checksum.js'

test('both ways give the CRC-32 that everybody knows', () => {
  for (const crc of [checksum, tableChecksum]) {
    expect(crc(Buffer.from('123456789'))).toBe(0xcbf43926)
    expect(crc(Buffer.alloc(0))).toBe(0)
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1_000 }), (bytes) => {
      expect(tableChecksum(bytes)).toBe(checksum(bytes))
    }),
  )
})
