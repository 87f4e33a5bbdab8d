import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AnnouncedBytes } from './announced-bytes.js'

test('are what came, in whatever chunks, and take nothing of what follows', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 900_000 }), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(fc.nat(4_000_000), sizes, (length, chunkSizes) => {
      const all = Buffer.allocUnsafe(length + 10)
      for (let at = 0; at + 4 <= all.length; at += 4) all.writeUInt32LE(at, at)
      const announced = new AnnouncedBytes(length)
      let at = 0
      for (let turn = 0; announced.whole === undefined; turn += 1) {
        const size = chunkSizes[turn % chunkSizes.length] as number
        at += announced.take(all.subarray(at, at + size), 0)
      }
      expect(at).toBe(length)
      expect(announced.whole?.equals(all.subarray(0, length))).toBe(true)
      // Nothing else is kept alive with them.
      expect(announced.whole?.buffer.byteLength).toBe(length)
    }),
    { numRuns: 50 },
  )
})

test('cost memory as they come, not as they are announced', () => {
  const before = process.memoryUsage().arrayBuffers
  const many = Array.from({ length: 8 }, () => new AnnouncedBytes(2 ** 31))
  const chunk = Buffer.alloc(3_000_000)
  for (const each of many) each.take(chunk, 0)
  const grown = process.memoryUsage().arrayBuffers - before
  expect(grown).toBeLessThan(8 * 2 * 3_000_000 + 20_000_000)
  expect(many.map(({ whole }) => whole)).toEqual(new Array(8).fill(undefined))
})
