import { GearmanClient, GearmanWorker, JobFailure } from '@glammp/gearman'
import { expect } from 'vitest'
import { test } from '../support/gearman.js'
import { startGearmand } from '../support/gearmand.js'
import { waitFor } from '../support/wait.js'

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

test('a client tells of a server that goes down and comes back, once each', async () => {
  await using server = await startGearmand()
  await using client = new GearmanClient({ servers: server.address, timeout: 1_000 })
  const told: unknown[] = []
  client.on('server:down', (state) => told.push(['down', state]))
  client.on('server:up', (state) => told.push(['up', state]))
  await client.ping()
  expect(told).toEqual([])
  await server.kill()
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await client.doBackground('f', 'x').catch(() => {})
  }
  await server.restart()
  await waitFor(async () => {
    await client.ping().catch(() => {})
    return told.length > 1
  })
  expect(told).toEqual([
    [
      'down',
      {
        server: server.address,
        error: expect.objectContaining({ code: 'ERR_GEARMAN_CONNECTION', server: server.address }),
      },
    ],
    ['up', { server: server.address }],
  ])
  await server.pause()
  await client.ping().catch(() => {})
  expect(told[2]).toMatchObject([
    'down',
    { server: server.address, error: { code: 'ERR_GEARMAN_TIMEOUT' } },
  ])
  await server.resume()
})

test('a listener that throws does not break the client', async () => {
  await using server = await startGearmand()
  const uncaught: unknown[] = []
  const note = (error: unknown): void => {
    uncaught.push(error)
  }
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', note)
  await server.kill()
  await using client = new GearmanClient(server.address)
  client.on('server:down', () => {
    throw new Error('in a listener')
  })
  await expect(client.doBackground('f', 'x')).rejects.toMatchObject({
    code: 'ERR_GEARMAN_CONNECTION',
  })
  await new Promise(setImmediate)
  process.off('uncaughtException', note)
  for (const listener of listeners) process.on('uncaughtException', listener)
  expect(uncaught).toEqual([new Error('in a listener')])
  await server.restart()
  expect(await client.doBackground('f', 'x')).toMatch(/\/\/H:/)
})
