import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Output } from './output.js'

const bytesOf = (parts: (string | Uint8Array)[]): Buffer =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)),
  )

test('everything leaves once, in the order of appending', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    fc.uint8Array({ minLength: 0, maxLength: 3_000 }),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const output = new Output()
      for (const part of pieces) {
        if (typeof part === 'string') output.text(part)
        else output.bytes(part)
      }
      expect(bytesOf(output.take())).toEqual(bytesOf(pieces))
      expect(output.empty).toBe(true)
      expect(output.take()).toEqual([])
    }),
  )
})

test('many small pieces are one part to write', () => {
  const output = new Output()
  for (let piece = 0; piece < 100; piece += 1) {
    output.text('get ')
    output.bytes(Buffer.from('key'))
  }
  expect(output.take()).toHaveLength(1)
})

test('a large array is not copied', () => {
  const output = new Output()
  const large = Buffer.alloc(100_000)
  output.text('head')
  output.bytes(large)
  output.text('tail')
  expect(output.take()[1]).toBe(large)
})
