import { expect, test } from 'vitest'
import { Backoff, backOff } from './backoff.js'

test('waits grow to the cap and begin anew after a success', () => {
  const backoff = new Backoff({ base: 50, cap: 1_000, random: () => 1 })
  const waits = Array.from({ length: 7 }, () => backoff.next())
  expect(waits).toEqual([50, 100, 200, 400, 800, 1_000, 1_000])
  backoff.reset()
  expect(backoff.next()).toBe(50)
})

test('waits are spread over the whole range', () => {
  const backoff = new Backoff({ base: 100, cap: 100, random: () => 0.25 })
  expect(backoff.next()).toBe(25)
})

test('a thousand failures do not overflow', () => {
  const backoff = new Backoff({ base: 50, cap: 1_000, random: () => 1 })
  for (let failure = 0; failure < 1_000; failure += 1) backoff.next()
  expect(backoff.next()).toBe(1_000)
})

test('of a wait only a share may be random', () => {
  const options = { base: 100, cap: 1_000, jitter: 0.4 }
  expect(backOff(1, { ...options, random: () => 0 })).toBe(120)
  expect(backOff(1, { ...options, random: () => 1 })).toBe(200)
})
