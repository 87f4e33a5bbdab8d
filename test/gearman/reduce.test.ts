import { GearmanClient, GearmanWorker } from '@glammp/gearman'
import { expect, test } from 'vitest'
import { startGearmand } from '../support/gearmand.js'

test('a reduce job tells its handler where the parts of its result go', async () => {
  await using server = await startGearmand()
  const namespace = 'é:'
  await using client = new GearmanClient({ servers: server.address, namespace })
  await using worker = new GearmanWorker({ servers: server.address, namespace, concurrency: 4 })
  const reducers: unknown[] = []
  worker.addFunction('lengths', async (job) => {
    reducers.push(job.reducer)
    const parts = job.workload().split(' ')
    if (job.reducer === undefined) return parts.length
    const ends = await client.doMany(job.reducer, parts)
    return ends.reduce((sum, end) => sum + (end.status === 'fulfilled' ? Number(end.value) : 0), 0)
  })
  worker.addFunction('length', (job) => job.workload().length)
  void worker.work()
  expect(await client.do('lengths', 'o Ivo andava', { reducer: 'length' })).toBe('10')
  expect(await client.do('lengths', 'o Ivo andava')).toBe('3')
  const handle = await client.doBackground('lengths', 'a', { reducer: 'length', unique: 'u' })
  expect(handle).toMatch(/\/\/H:/)
  while ((await client.jobStatus(handle)).known) await client.ping()
  expect(reducers).toEqual(['length', undefined, 'length'])
})

test('what gearmand has no packet for is refused', async () => {
  await using client = new GearmanClient('localhost:1')
  const code = 'ERR_GEARMAN_INVALID_ARGUMENT'
  const reducer = 'length'
  await expect(client.doHigh('f', 'x', { reducer })).rejects.toMatchObject({ code })
  await expect(client.doLowBackground('f', 'x', { reducer })).rejects.toMatchObject({ code })
  await expect(client.do('f', 'x', { reducer: 'two words' })).rejects.toMatchObject({ code })
  await expect(
    client.schedule('f', 'x', { delay: 1_000, reducer } as { delay: number }),
  ).rejects.toMatchObject({ code })
  // SUBMIT_JOB_SCHED stands in the protocol, and gearmand answers it with INVALID_COMMAND.
  await expect(
    client.schedule('f', 'x', { minute: 5, hour: 3 } as unknown as { delay: number }),
  ).rejects.toMatchObject({ code, message: /SUBMIT_JOB_SCHED/ })
})
