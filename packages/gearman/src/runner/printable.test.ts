import { expect, test } from 'vitest'
import { printable } from './printable.js'

test.each([
  ['um título ção 日本 👩‍🚀', 'um título ção 日本 👩‍🚀'],
  ['line one\r\n  line two', 'line one line two'],
  ['\u001b]0;owned\u0007', '\\u001b]0;owned\\u0007'],
  ['a\rb\tc\u007f', 'a\\u000db\\u0009c\\u007f'],
  ['\u009b2J', '\\u009b2J'],
  ['\u2028\u202egnp.exe', '\\u2028\\u202egnp.exe'],
])('%j as one line', (text, line) => {
  expect(printable(text)).toBe(line)
})

test('JSON stays what it is', () => {
  const text = 'a\u001b[2J\u009b\u007f\n\u202e\u2028'
  const line = printable(JSON.stringify({ text }))
  expect(line).toMatch(/^[\x20-\x7e]+$/)
  expect(JSON.parse(line)).toEqual({ text })
})
