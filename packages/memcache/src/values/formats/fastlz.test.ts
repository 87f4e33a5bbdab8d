import fc from 'fast-check'
import { expect, test } from 'vitest'
import { expandFastlz } from './fastlz.js'

// Blocks of level 1 by hand; that PHP's own are read is shown in test/memcache/compat-php.test.ts.
test.each([
  ['a literal run', [2, 97, 98, 99], 'abc'],
  ['a match that reaches into itself', [0, 97, 0xe0, 3, 0], 'a'.repeat(13)],
  ['a short match', [2, 97, 98, 99, 0x20, 2], 'abcabc'],
  ['level 2 with a long match', [0x20, 97, 0xe0, 255, 1, 0], 'a'.repeat(1 + 6 + 255 + 1 + 3)],
])('%s is expanded', (_name, bytes, text) => {
  expect(expandFastlz(Buffer.from(bytes), text.length).toString()).toBe(text)
})

test('bytes that are not a block, or of another length, are a RangeError', () => {
  const block = Buffer.from([2, 97, 98, 99, 0x20, 2])
  for (const length of [0, 5, 7]) expect(() => expandFastlz(block, length)).toThrow(RangeError)
  for (let end = 0; end < block.length; end += 1) {
    expect(() => expandFastlz(block.subarray(0, end), 6)).toThrow(RangeError)
  }
  fc.assert(
    fc.property(fc.uint8Array(), fc.nat(1_000), (bytes, length) => {
      try {
        expect(expandFastlz(bytes, length).length).toBe(length)
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a length that no such block can have costs no memory', () => {
  const before = process.memoryUsage().arrayBuffers
  expect(() => expandFastlz(Buffer.of(0x02, 1, 2, 3), 2 ** 30)).toThrow(RangeError)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20)
})
