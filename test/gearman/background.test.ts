import { GearmanWorker } from '@glammp/gearman'
import { expect } from 'vitest'
import { test } from '../support/gearman.js'
import { waitFor } from '../support/wait.js'

test('a background job is acknowledged without a worker, and runs when one comes', async ({
  server,
  client,
}) => {
  const handles = await Promise.all(
    Array.from({ length: 10 }, (_, index) => client.doBackground('log_queue', `record ${index}`)),
  )
  expect(new Set(handles).size).toBe(10)
  for (const handle of handles) expect(handle).toMatch(new RegExp(`^${server.address}//H:.+:\\d+$`))

  const seen = new Map<string, string>()
  await using worker = new GearmanWorker({ servers: server.address, concurrency: 3 })
  worker.addFunction('log_queue', (job) => {
    seen.set(job.workload(), job.unique)
  })
  void worker.work()
  await waitFor(() => seen.size === 10)
  // An empty unique would have a database queue overwrite the one row of the other.
  const uniques = [...seen.values()]
  expect(new Set(uniques).size).toBe(10)
  for (const unique of uniques) expect(unique).toMatch(/^[0-9a-f-]{36}$/)
})

test('jobStatus follows a job from the queue over 0/2, 1/2, 2/2 to its end', async ({
  server,
  client,
}) => {
  const handle = await client.doBackground('steps', 'o PHp')
  const bare = handle.slice(handle.indexOf('//') + 2)
  const waiting = { known: true, running: false, numerator: 0, denominator: 0 }
  expect(await client.jobStatus(handle)).toEqual(waiting)
  expect(await client.jobStatus(bare)).toEqual(waiting)

  const next: (() => void)[] = []
  const asked = (): Promise<void> =>
    new Promise((resolve) => {
      next.push(resolve)
    })
  await using worker = new GearmanWorker(server.address)
  worker.addFunction('steps', async (job) => {
    for (let step = 0; step <= 2; step += 1) {
      await job.sendStatus(step, 2)
      await asked()
    }
  })
  void worker.work()
  for (let step = 0; step <= 2; step += 1) {
    await waitFor(() => next.length === step + 1)
    await waitFor(async () => {
      const status = await client.jobStatus(handle)
      return status.running && status.numerator === step && status.denominator === 2
    })
    next[step]?.()
  }
  await waitFor(async () => !(await client.jobStatus(handle)).known)
})

test('a job that nobody knows is unknown, not an error', async ({ client }) => {
  const unknown = { known: false, running: false, numerator: 0, denominator: 0 }
  expect(await client.jobStatus('H:nowhere:1')).toEqual(unknown)
  expect(await client.jobStatusByUnique('never seen')).toEqual({ ...unknown, waiting: 0 })
})

test('a job is found by its unique', async ({ client }) => {
  await client.doBackground('by_unique', 'x', { unique: 'order 17' })
  expect(await client.jobStatusByUnique('order 17')).toEqual({
    known: true,
    running: false,
    numerator: 0,
    denominator: 0,
    waiting: 0,
  })
})

test('a background job of one unique is queued once', async ({ client }) => {
  const [first, second] = await Promise.all([
    client.doBackground('once', 'a', { unique: 'same' }),
    client.doBackground('once', 'b', { unique: 'same' }),
  ])
  expect(second).toBe(first)
})

test('500 background jobs that are alike are 500 jobs', async ({ server, client }) => {
  const handles = await Promise.all(
    Array.from({ length: 500 }, () => client.doBackground('alike', 'the same')),
  )
  expect(new Set(handles).size).toBe(500)
  const ran = new Set<string>()
  await using worker = new GearmanWorker({ servers: server.address, concurrency: 8 })
  worker.addFunction('alike', (job) => {
    ran.add(job.handle)
  })
  void worker.work()
  await waitFor(() => ran.size === 500)
})

test('a scheduled job is acknowledged and does not run before its time', async ({
  server,
  client,
}) => {
  const due = Date.now() + 1_500
  const handle = await client.schedule('later', 'x', { at: new Date(due) })
  expect(await client.jobStatus(handle)).toMatchObject({ known: true, running: false })
  let ranAt = 0
  await using worker = new GearmanWorker(server.address)
  worker.addFunction('later', () => {
    ranAt = Date.now()
  })
  void worker.work()
  // gearmand 1.1 wakes nobody when the time has come, other jobs of the function do.
  await waitFor(
    async () => {
      await client.doBackground('nobody', '')
      if (Date.now() > due + 1_000) await client.schedule('later', 'y', { delay: 0 })
      return ranAt > 0
    },
    { interval: 100 },
  )
  expect(ranAt).toBeGreaterThanOrEqual(due)
})

test('a scheduled job starts on time for a worker that polls', async ({ server, client }) => {
  await using worker = new GearmanWorker({ servers: server.address, pollInterval: 100 })
  let started = 0
  worker.addFunction('due', () => {
    started = Date.now()
  })
  void worker.work()
  // It sleeps by then.
  await client.do('due')
  started = 0
  const at = Math.ceil(Date.now() / 1_000) * 1_000 + 1_000
  await client.schedule('due', '', { at })
  await waitFor(() => started > 0)
  expect(started).toBeGreaterThanOrEqual(at)
  // Without a poll it would sleep on until the end of the test.
  expect(started - at).toBeLessThan(5_000)
})
