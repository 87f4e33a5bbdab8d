import { expect, test } from 'vitest'
import { printable, shortened } from './printable.js'

test.each([
  ['um título ção 日本 👩‍🚀', 'um título ção 日本 👩‍🚀'],
  ['line one\r\n  line two', 'line one line two'],
  ['\u001b]0;owned\u0007', '\\u001b]0;owned\\u0007'],
  ['a\rb\tc\u007f', 'a\\u000db\\u0009c\\u007f'],
  ['\u009b2J', '\\u009b2J'],
  ['\u2028\u202egnp.exe', '\\u2028\\u202egnp.exe'],
  ['\u061ca\u2066', '\\u061ca\\u2066'],
  ['a  b \n\n c', 'a  b c'],
])('%j as one line', (text, line) => {
  expect(printable(text)).toBe(line)
})

test('JSON stays what it is', () => {
  const text = 'a\u001b[2J\u009b\u007f\n\u202e\u2028'
  const line = printable(JSON.stringify({ text }))
  expect(line).toMatch(/^[\x20-\x7e]+$/)
  expect(JSON.parse(line)).toEqual({ text })
})

test('half a million blanks take no time', () => {
  const started = performance.now()
  expect(printable(`a${' '.repeat(500_000)}b`)).toHaveLength(500_002)
  expect(performance.now() - started).toBeLessThan(1_000)
})

test('a long text is cut, and never within a character', () => {
  expect(shortened('short')).toBe('short')
  expect(shortened('x'.repeat(8_192))).toHaveLength(8_192)
  expect(shortened(`${'x'.repeat(8_191)}${'😀'.repeat(9)}`)).toBe(
    `${'x'.repeat(8_191)}\ufffd… (17 characters more)`,
  )
})
