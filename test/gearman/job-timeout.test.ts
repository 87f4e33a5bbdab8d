import { GearmanWorker, JobFailedError } from '@glammp/gearman'
import { expect } from 'vitest'
import { test } from '../support/gearman.js'
import { waitFor } from '../support/wait.js'

test('a job that takes too long fails, its signal says so, and its slot is free', async ({
  server,
  client,
}) => {
  const reasons: unknown[] = []
  await using worker = new GearmanWorker(server.address)
  worker.addFunction(
    'slow',
    (job) =>
      new Promise(() => {
        job.signal.addEventListener('abort', () => reasons.push(job.signal.reason))
      }),
    { timeout: 100 },
  )
  worker.addFunction('quick', () => 'quick')
  void worker.work()
  const started = performance.now()
  await expect(client.do('slow')).rejects.toBeInstanceOf(JobFailedError)
  expect(performance.now() - started).toBeGreaterThanOrEqual(99)
  expect(reasons).toMatchObject([{ code: 'ERR_GEARMAN_TIMEOUT', function: 'slow' }])
  expect(await client.do('quick')).toBe('quick')
})

test('with serverTimeout gearmand gives a hanging job to another worker', async ({
  server,
  client,
}) => {
  const reasons: unknown[] = []
  const ends: unknown[] = []
  await using hanging = new GearmanWorker(server.address)
  hanging.addFunction(
    'hangs',
    (job) =>
      new Promise(() => {
        job.signal.addEventListener('abort', () => reasons.push(job.signal.reason))
      }),
    { serverTimeout: 1_000 },
  )
  hanging.on('job:end', (end) => ends.push(end))
  void hanging.work()
  const call = client.do('hangs')
  await waitFor(() => hanging.running === 1)
  await using other = new GearmanWorker(server.address)
  other.addFunction('hangs', () => 'by the other')
  void other.work()
  expect(await call).toBe('by the other')
  await waitFor(() => reasons.length === 1)
  expect(reasons).toMatchObject([{ code: 'ERR_GEARMAN_TIMEOUT' }])
  expect(ends).toMatchObject([{ function: 'hangs', outcome: 'timeout' }])
  expect(() => hanging.addFunction('x', () => '', { serverTimeout: 999 })).toThrow(/serverTimeout/)
})
