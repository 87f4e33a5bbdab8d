import { GearmanClient, GearmanWorker, JobFailure } from '@glammp/gearman'
import { expect } from 'vitest'
import { test } from '../support/gearman.js'
import { startGearmand } from '../support/gearmand.js'
import { startProxy } from '../support/proxy.js'
import { waitFor } from '../support/wait.js'

test('concurrency follows its setting while the worker works', async ({ server, client }) => {
  await using worker = new GearmanWorker({ servers: server.address, concurrency: 1 })
  const waiting: (() => void)[] = []
  worker.addFunction('counted', () => new Promise<void>((resolve) => waiting.push(resolve)))
  void worker.work()
  const calls = Array.from({ length: 10 }, () => client.do('counted'))
  await waitFor(() => waiting.length === 1)
  worker.concurrency = 4
  await waitFor(() => waiting.length === 4)
  expect(worker.running).toBe(4)
  worker.concurrency = 2
  // Two of four may end before another one is taken.
  for (const end of waiting.splice(0, 2)) end()
  await waitFor(() => worker.running === 2)
  await client.ping()
  expect(waiting).toHaveLength(2)
  for (let done = 2; done < 10; done += 1) {
    await waitFor(() => waiting.length > 0)
    expect(worker.running).toBeLessThanOrEqual(2)
    waiting.shift()?.()
  }
  await Promise.all(calls)
  for (const wrong of [0, -1, 1.5, Number.NaN]) {
    expect(() => {
      worker.concurrency = wrong
    }).toThrow(expect.objectContaining({ code: 'ERR_GEARMAN_INVALID_ARGUMENT' }))
  }
})

test('middleware sees every job, what it returns and what it throws, from the outside in', async ({
  server,
  client,
}) => {
  const seen: string[] = []
  await using worker = new GearmanWorker(server.address)
  worker
    .use(async (job, next) => {
      seen.push(`before ${job.functionName}`)
      try {
        return `<${await next()}>`
      } catch (error) {
        seen.push((error as Error).message)
        throw new JobFailure()
      }
    })
    .use((job, next) => (job.workload() === 'short cut' ? 'not run' : next()))
    .use(async (job, next) => (job.workload() === 'twice' ? [await next(), await next()] : next()))
  worker.addFunction('wrapped', (job) => {
    seen.push(`handler ${job.workload()}`)
    if (job.workload() === 'bad') throw new Error('broken')
    return job.workload()
  })
  void worker.work()
  expect(await client.do('wrapped', 'a')).toBe('<a>')
  expect(await client.do('wrapped', 'short cut')).toBe('<not run>')
  await expect(client.do('wrapped', 'bad')).rejects.toMatchObject({
    code: 'ERR_GEARMAN_JOB_FAILED',
  })
  await expect(client.do('wrapped', 'twice')).rejects.toThrow()
  expect(seen).toEqual([
    ...['before wrapped', 'handler a'],
    ...['before wrapped'],
    ...['before wrapped', 'handler bad', 'broken'],
    ...['before wrapped', 'handler twice', 'middleware called next() twice'],
  ])
})

test('a rate limit holds over all servers, for its function alone, and leaves the rest to others', async ({
  server,
}) => {
  await using second = await startGearmand()
  const started: number[] = []
  await using worker = new GearmanWorker({
    servers: [server.address, second.address],
    concurrency: 10,
  })
  worker.addFunction('limited', () => void started.push(performance.now()), {
    rateLimit: { jobs: 3, per: 300 },
  })
  let free = 0
  worker.addFunction('free', () => {
    free += 1
  })
  void worker.work()
  await using both = new GearmanClient([server.address, second.address])
  const limited = Array.from({ length: 10 }, () => both.do('limited'))
  await Promise.all(Array.from({ length: 50 }, () => both.do('free')))
  expect(free).toBe(50)
  await Promise.all(limited)
  for (let job = 3; job < started.length; job += 1) {
    expect((started[job] ?? 0) - (started[job - 3] ?? 0)).toBeGreaterThanOrEqual(300)
  }
  const taken = await both.do('limited')
  expect(taken).toBe('')
  worker.addFunction('limited', () => 'never held', { rateLimit: { jobs: 1, per: 60_000 } })
  // The last three count still: whoever else serves the function gets the job.
  const waiting = both.do('limited')
  await using other = new GearmanWorker([server.address, second.address].join())
  other.addFunction('limited', () => 'by the other')
  void other.work()
  expect(await waiting).toBe('by the other')
  await other.close()
  worker.addFunction('limited', () => 'no limit')
  expect(await both.do('limited')).toBe('no limit')
  worker.addFunction('limited', () => 'again', { rateLimit: { jobs: 1, per: 50 } })
  expect(await Promise.all([1, 2, 3].map(() => both.do('limited')))).toContain('again')
  expect(worker.removeFunction('limited')).toBe(true)
  expect(() => worker.addFunction('x', () => '', { rateLimit: { jobs: 0, per: 1 } })).toThrow(
    expect.objectContaining({ code: 'ERR_GEARMAN_INVALID_ARGUMENT' }),
  )
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

test('events tell of jobs and their ends', async ({ server, client }) => {
  const events: unknown[] = []
  await using worker = new GearmanWorker({ servers: server.address, concurrency: 2 })
  worker.on('job:start', (job) => events.push(job))
  worker.on('job:end', ({ error, duration, ...end }) => {
    expect(duration).toBeGreaterThanOrEqual(0)
    events.push({ ...end, error: error instanceof Error ? error.message : error })
  })
  worker.addFunction('ends', (job) => {
    if (job.workload() === 'fail') throw new JobFailure('why')
    if (job.workload() === 'throw') throw new Error('oh')
    if (job.workload() === 'send') void job.sendException('sent')
    return 'x'
  })
  void worker.work()
  for (const end of ['complete', 'fail', 'throw', 'send']) {
    const task = client.submit('ends', end)
    await Promise.resolve(task).catch(() => {})
    const names = { function: 'ends', handle: task.handle }
    const outcome = { fail: 'fail', throw: 'exception', send: 'exception' }[end] ?? 'complete'
    const error = { fail: 'why', throw: 'oh', send: 'sent' }[end]
    await waitFor(() => events.length === 2)
    expect(events.splice(0)).toEqual([names, { ...names, outcome, error }])
  }
})

test('a server that goes and comes is told once each', async () => {
  await using own = await startGearmand()
  const told: string[] = []
  await using worker = new GearmanWorker(own.address)
  worker.addFunction('x', () => '')
  worker.on('server:up', (state) => told.push(`up ${state.server}`))
  worker.on('server:down', ({ server: name, error }) => told.push(`down ${name} ${error.code}`))
  void worker.work()
  await waitFor(() => told.length === 1)
  await own.kill()
  await waitFor(() => told.length === 2)
  await own.restart()
  await waitFor(() => told.length === 3)
  expect(told).toEqual([
    `up ${own.address}`,
    `down ${own.address} ERR_GEARMAN_CONNECTION`,
    `up ${own.address}`,
  ])
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

test('heartbeats find a frozen server: for an idle worker, and for a client that waits', async () => {
  await using own = await startGearmand()
  await using proxy = await startProxy(own.address)
  const options = { servers: proxy.address, heartbeat: 200, timeout: 1_000 }
  await using worker = new GearmanWorker(options)
  const told: string[] = []
  worker.on('server:down', ({ error }) => told.push(error.code))
  worker.addFunction('x', () => 'served')
  void worker.work()
  await using waiting = new GearmanClient(options)
  expect(await waiting.do('x')).toBe('served')
  const call = waiting.do('nobody_has_it')
  const answers = proxy.bytes('toClient')
  // The connections live on heartbeats alone.
  await waitFor(() => proxy.bytes('toClient') > answers + 60)
  expect(told).toEqual([])
  proxy.stall()
  await expect(call).rejects.toMatchObject({ code: 'ERR_GEARMAN_TIMEOUT' })
  await waitFor(() => told.length === 1)
  expect(told).toEqual(['ERR_GEARMAN_TIMEOUT'])
  proxy.heal()
  expect(await waiting.do('x', '', { retries: 5 })).toBe('served')
})

test('a process that was busy for long does not take its server for dead', async ({
  server,
  client,
}) => {
  await using worker = new GearmanWorker({ servers: server.address, heartbeat: 100, timeout: 400 })
  const told: string[] = []
  worker.on('server:down', ({ error }) => told.push(error.message))
  worker.addFunction('busy', () => {
    const end = performance.now() + 1_000
    while (performance.now() < end);
    return 'done'
  })
  void worker.work()
  expect(await client.do('busy')).toBe('done')
  expect(await client.do('busy')).toBe('done')
  expect(told).toEqual([])
})
