import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Ttl, toExptime } from './ttl.js'

const NOW = 1_800_000_000
const DAY = 86_400

beforeEach(() => {
  vi.useFakeTimers({ now: NOW * 1_000 })
})
afterEach(() => {
  vi.useRealTimers()
})

test('0 is for ever', () => {
  expect(toExptime(0)).toBe(0)
})

test('30 days are seconds, anything over is a date', () => {
  expect(toExptime(1)).toBe(1)
  expect(toExptime(30 * DAY)).toBe(2_592_000)
  expect(toExptime(30 * DAY + 1)).toBe(NOW + 2_592_001)
  expect(toExptime(60 * DAY)).toBe(NOW + 60 * DAY)
})

test('a near Date is sent as seconds from now; one that has passed is gone at once', () => {
  expect(toExptime(new Date((NOW + 60) * 1_000))).toBe(60)
  expect(toExptime(new Date((NOW + 60) * 1_000 - 1))).toBe(60)
  expect(toExptime(new Date(NOW * 1_000))).toBe(2_592_001)
  expect(toExptime(new Date(0))).toBe(2_592_001)
})

test('a far Date is rounded as asked, a near one is not', () => {
  const end = new Date((NOW + 40 * DAY) * 1_000 + 1)
  expect(toExptime(end)).toBe(NOW + 40 * DAY + 1)
  expect(toExptime(end, 'ttl', Math.floor)).toBe(NOW + 40 * DAY)
  expect(toExptime(new Date(NOW * 1_000 + 1), 'ttl', Math.floor)).toBe(1)
})

test.each([
  -1,
  0.5,
  Number.NaN,
  Infinity,
  20 * 365 * DAY,
  new Date(Number.NaN),
  new Date('2040-01-01'),
])('%s is a RangeError', (ttl) => {
  expect(() => toExptime(ttl)).toThrow(RangeError)
})

test.each([undefined, '60', null, {}, 60n])('%s is a TypeError', (ttl) => {
  expect(() => toExptime(ttl as unknown as Ttl)).toThrow(TypeError)
})
