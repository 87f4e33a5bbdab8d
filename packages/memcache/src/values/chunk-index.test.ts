import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DecodeError } from '../errors.js'
import { ChunkIndex } from './chunk-index.js'

const LARGEST = 1_000

const fields = fc.record({
  id: fc.stringMatching(/^[\w-]{16}$/),
  count: fc.integer({ min: 1, max: 10 }),
  length: fc.integer({ min: 10, max: LARGEST }),
  flags: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  checksum: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
})

test('an index reads back as it was written', () => {
  fc.assert(
    fc.property(fields, (written) => {
      const index = new ChunkIndex(written)
      expect(ChunkIndex.read(index.toString(), LARGEST)).toEqual(index)
    }),
  )
})

test('any text is an index within the bounds, or a DecodeError', () => {
  const id = 'A'.repeat(16)
  for (const text of [
    '',
    'x',
    `glammp2 ${id} 1 10 0 00000000`,
    `glammp1 ${id} 1 ${LARGEST + 1} 0 00000000`,
    `glammp1 ${id} 0 10 0 00000000`,
    `glammp1 ${id} 11 10 0 00000000`,
    `glammp1 ${id} 70000 80000 0 00000000`,
    `glammp1 ${id} 1 10 4294967296 00000000`,
    `glammp1 ${id} 1 10 0 0000000`,
    `glammp1 ${id} -1 10 0 00000000`,
    `glammp1 ${id.slice(1)}: 1 10 0 00000000`,
    `glammp1 ${id} 1 10 0 00000000\n`,
  ]) {
    expect(() => ChunkIndex.read(text, LARGEST)).toThrow(DecodeError)
  }
})
