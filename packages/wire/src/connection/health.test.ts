import { expect, test } from 'vitest'
import { waitFor } from '../../../../test/support/wait.js'
import { Fault } from '../fault.js'
import { Health } from './health.js'

test('a server that failed rests, is tried again, and its listener hears each change once', async () => {
  const news: string[] = []
  const health = new Health(
    { base: 300, cap: 300, random: () => 1 },
    {
      down: (reason) => news.push(`down: ${reason.message}`),
      up: () => news.push('up'),
      reconnecting: (attempt, delay) => news.push(`${attempt}: ${delay}`),
    },
  )
  health.succeeded()
  expect(health.resting).toBeUndefined()
  const refused = new Fault('connect', 'refused')
  health.failed(refused)
  expect(health.resting).toBe(refused)
  await waitFor(() => health.resting === undefined)
  expect(health.reason).toBe(refused)
  health.failed(refused)
  health.succeeded()
  health.succeeded()
  expect(health.reason).toBeUndefined()
  health.failed(refused)
  const down = ['down: refused', '1: 300']
  expect(news).toEqual([...down, '2: 300', 'up', ...down])
})
