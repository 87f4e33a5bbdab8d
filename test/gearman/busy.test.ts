import { GearmanAdmin, GearmanClient, GearmanWorker } from '@glammp/gearman'
import { expect } from 'vitest'
import { test } from '../support/gearman.js'
import { startGearmand } from '../support/gearmand.js'

/** What an application does while it starts: nothing is sent and nothing read meanwhile. */
function compute(milliseconds: number): void {
  const until = performance.now() + milliseconds
  while (performance.now() < until);
}

test('a process that computes for longer than its times does not take its server for down', async () => {
  await using server = await startGearmand()
  const times = { servers: server.address, connectTimeout: 500, timeout: 800 }
  await using client = new GearmanClient(times)
  await using admin = new GearmanAdmin(times)
  await using worker = new GearmanWorker({ ...times, heartbeat: 500 })
  const down: string[] = []
  client.on('server:down', ({ error }) => down.push(error.message))
  worker.on('server:down', ({ error }) => down.push(error.message))
  worker.addFunction('echo', (job) => job.workload())
  void worker.work()

  // The connections are under way.
  const first = client.do('echo', 'first')
  const asked = admin.pid()
  compute(1_000)
  expect(await first).toBe('first')
  expect(await asked).toEqual({ [server.address]: expect.any(Number) })

  // They are there, and every call is made before one can leave.
  const calls = [1, 2, 3].map((number) => {
    compute(500)
    return client.doBackground('later', String(number))
  })
  const again = admin.pid()
  compute(1_000)
  expect((await Promise.all(calls)).every((handle) => handle.includes('//H:'))).toBe(true)
  expect(await again).toEqual({ [server.address]: expect.any(Number) })
  expect(await client.do('echo', 'last')).toBe('last')
  expect(down).toEqual([])
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
