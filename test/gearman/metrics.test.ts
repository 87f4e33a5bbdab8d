import { GearmanClient, GearmanWorker, JobFailure } from '@glammp/gearman'
import { expect, test } from 'vitest'
import { startGearmand } from '../support/gearmand.js'
import { waitFor } from '../support/wait.js'

test('client and worker count what became of the jobs, and the traffic', async () => {
  await using server = await startGearmand()
  await using client = new GearmanClient(server.address)
  await using worker = new GearmanWorker({ servers: server.address, concurrency: 4 })
  worker.addFunction('slow', async (job) => {
    await new Promise((resolve) => setTimeout(resolve, 30))
    return job.workload()
  })
  worker.addFunction('throws', () => {
    throw new Error('no')
  })
  worker.addFunction('fails', () => {
    throw new JobFailure()
  })
  void worker.work()
  await client.doMany('slow', ['a', 'b', 'c'])
  await client.do('throws').catch(() => {})
  await client.do('fails').catch(() => {})
  await client.doBackground('left', 'x')
  await client.do('unserved', '', { timeout: 30 }).catch(() => {})

  const seen = client.metrics()
  expect(seen.functions).toMatchObject({
    slow: { jobs: 3, outcomes: { complete: 3 } },
    throws: { jobs: 1, outcomes: { ERR_GEARMAN_JOB_EXCEPTION: 1 } },
    fails: { jobs: 1, outcomes: { ERR_GEARMAN_JOB_FAILED: 1 } },
    left: { jobs: 1, outcomes: { queued: 1 } },
    unserved: { jobs: 1, outcomes: { ERR_GEARMAN_TIMEOUT: 1 } },
  })
  expect(seen.functions['slow']?.latency.p50).toBeGreaterThanOrEqual(29)
  expect(seen.latency.count).toBe(7)
  expect(seen.connections).toEqual({ open: 1, opened: 1, closed: 0 })
  expect(seen.bytesOut).toBeGreaterThan(100)
  expect(seen.pending).toBe(0)
  expect(Object.keys(seen.servers)).toEqual([server.address])

  const done = worker.metrics()
  expect(done.functions).toMatchObject({
    slow: { jobs: 3, outcomes: { complete: 3 } },
    throws: { outcomes: { exception: 1 } },
    fails: { outcomes: { fail: 1 } },
  })
  expect(done.functions['slow']?.latency.max).toBeGreaterThanOrEqual(29)
  expect(done.servers[server.address]).toMatchObject({ pending: 0, connections: { open: 1 } })

  const running = client.do('slow', 'd')
  await waitFor(() => worker.metrics().pending === 1)
  expect(client.metrics().servers[server.address]?.pending).toBe(1)
  await running
})

test('names without end do not fill the memory', async () => {
  await using client = new GearmanClient('localhost:1')
  await Promise.allSettled(
    Array.from({ length: 1_500 }, (_, index) => client.doBackground(`f${index}`, 'x')),
  )
  const { functions, latency } = client.metrics()
  expect(Object.keys(functions)).toHaveLength(1_000)
  expect(latency.count).toBe(1_500)
})

test('a function may have the name of what every object has', async () => {
  await using server = await startGearmand()
  await using client = new GearmanClient(server.address)
  for (const name of ['__proto__', 'constructor', 'toString']) await client.doBackground(name, 'x')
  const { functions } = client.metrics()
  expect(Object.keys(functions).sort()).toEqual(['__proto__', 'constructor', 'toString'])
  for (const { outcomes } of Object.values(functions)) expect(outcomes).toEqual({ queued: 1 })
})
