import { expect, test } from 'vitest'
import { kept, receiveBuffer } from './receive-buffer.js'

test('what is kept of the receive buffer stays as it was when more is read', () => {
  receiveBuffer.write('first')
  const first = kept(receiveBuffer.subarray(0, 5))
  const part = kept(receiveBuffer, 1, 3)
  const whole = kept(receiveBuffer)
  receiveBuffer.fill(0)
  expect(first.toString()).toBe('first')
  expect(part.toString()).toBe('ir')
  expect(whole.toString('latin1', 0, 5)).toBe('first')
})

test('bytes that stand alone are kept without a copy, a few of many are not', () => {
  const block = Buffer.allocUnsafeSlow(1_000)
  expect(kept(block, 0, 998).buffer).toBe(block.buffer)
  expect(kept(block, 0, 499).buffer).not.toBe(block.buffer)
})
