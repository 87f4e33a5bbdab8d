import { expect, it } from 'vitest'
import { TransientSet } from './transient-set.js'

it('holds what has come and not gone, while thousands do', () => {
  const set = new TransientSet<number>()
  for (let item = 0; item < 300; item += 1) set.add(item)
  for (let item = 1_000; item < 5_000; item += 1) {
    set.add(item)
    expect(set.delete(item)).toBe(true)
    expect(set.delete(item)).toBe(false)
  }
  expect(set.size).toBe(300)
  expect([...set]).toEqual(Array.from({ length: 300 }, (_, item) => item))
  expect(set.drain()).toHaveLength(300)
  expect(set.size).toBe(0)
})
