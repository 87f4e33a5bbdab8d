import { expect, test } from 'vitest'
import { RateLimit } from './rate-limit.js'

function limit(jobs: number, per: number): { readonly limit: RateLimit; opened(): Promise<void> } {
  let tell = (): void => {}
  return {
    limit: new RateLimit({ jobs, per }, () => tell()),
    opened: () => new Promise((resolve) => (tell = resolve)),
  }
}

test('it is open for as many jobs as may begin, and opens when the first of them is past', async () => {
  const { limit: made, opened } = limit(2, 30)
  made.reserve()
  expect(made.open).toBe(true)
  made.reserve()
  expect(made.open).toBe(false)
  const started = performance.now()
  made.began()
  made.began()
  expect(made.open).toBe(false)
  const open = opened()
  await open
  expect(performance.now() - started).toBeGreaterThanOrEqual(30)
  expect(made.open).toBe(true)
})

test('a place that was reserved for a job that did not come is free at once', () => {
  const { limit: made } = limit(1, 60_000)
  made.reserve()
  expect(made.open).toBe(false)
  made.returned(1)
  expect(made.open).toBe(true)
  made.close()
})

test('another limit holds from then on', async () => {
  const { limit: made, opened } = limit(1, 60_000)
  made.reserve()
  made.began()
  expect(made.open).toBe(false)
  made.change({ jobs: 2, per: 60_000 })
  expect(made.open).toBe(true)
  made.change({ jobs: 1, per: 20 })
  expect(made.open).toBe(false)
  await opened()
  expect(made.open).toBe(true)
  made.close()
  expect(made.open).toBe(false)
})
