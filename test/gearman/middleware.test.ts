import { GearmanWorker, JobFailure } from '@glammp/gearman'
import { expect } from 'vitest'
import { test } from '../support/gearman.js'

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
