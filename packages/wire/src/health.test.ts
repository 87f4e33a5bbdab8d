import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Fault } from './fault.js'
import { Health } from './health.js'

test('a server that failed rests, is tried again, and its listener hears each change once', async () => {
  const news: string[] = []
  const health = new Health(
    { base: 40, cap: 40, random: () => 1 },
    { down: (reason) => news.push(`down: ${reason.message}`), up: () => news.push('up') },
  )
  health.succeeded()
  expect(health.resting).toBeUndefined()
  const refused = new Fault('connect', 'refused')
  expect(health.failed(refused)).toBe(40)
  expect(health.resting).toBe(refused)
  await sleep(60)
  expect(health.resting).toBeUndefined()
  expect(health.reason).toBe(refused)
  health.failed(refused)
  health.succeeded()
  health.succeeded()
  expect(health.reason).toBeUndefined()
  expect(news).toEqual(['down: refused', 'up'])
})
