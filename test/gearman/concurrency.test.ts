import { GearmanWorker } from '@glammp/gearman'
import { expect } from 'vitest'
import { Gate } from '../support/gate.js'
import { test } from '../support/gearman.js'
import { waitFor } from '../support/wait.js'

test('as many jobs run at once as concurrency says, and no more are held', async ({
  server,
  client,
}) => {
  const gate = new Gate()
  let running = 0
  let most = 0
  await using worker = new GearmanWorker({ servers: server.address, concurrency: 3 })
  worker.addFunction('parallel', async () => {
    running += 1
    most = Math.max(most, running)
    await gate.passed
    running -= 1
  })
  void worker.work()
  const calls = Array.from({ length: 7 }, () => client.do('parallel'))
  await waitFor(() => running === 3)
  // The four others are left to other workers.
  await using other = new GearmanWorker({ servers: server.address, concurrency: 10 })
  let others = 0
  other.addFunction('parallel', () => {
    others += 1
  })
  void other.work()
  await waitFor(() => others === 4)
  gate.open()
  await Promise.all(calls)
  expect(most).toBe(3)
})

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
