import { expect, test } from 'vitest'
import { readEvent } from './watch-log.js'

test('a line of a log is its fields', () => {
  expect(readEvent('ts=1.5 gid=1 type=item_get key=a%20b status=found=')).toEqual({
    ts: '1.5',
    gid: '1',
    type: 'item_get',
    key: 'a%20b',
    status: 'found=',
  })
  expect(readEvent('  a=  =b c __proto__=x ')).toEqual(
    Object.fromEntries([
      ['a', ''],
      ['__proto__', 'x'],
    ]),
  )
})

test('a line of one long word is read at once', () => {
  const begin = performance.now()
  for (let turn = 0; turn < 10; turn += 1) expect(readEvent('x'.repeat(65_536))).toEqual({})
  // It was searched for an end from each of its characters: 18 s each.
  expect(performance.now() - begin).toBeLessThan(1_000)
})
