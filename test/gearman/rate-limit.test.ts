import { GearmanClient, GearmanWorker } from '@glammp/gearman'
import { expect } from 'vitest'
import { test } from '../support/gearman.js'
import { startGearmand } from '../support/gearmand.js'

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
    // It counts when jobs are asked for, and a handler of a busy process begins a little later.
    expect((started[job] ?? 0) - (started[job - 3] ?? 0)).toBeGreaterThanOrEqual(200)
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
