import { ConnectionError, GearmanClient, GearmanWorker } from '@glammp/gearman'
import { expect, test } from 'vitest'
import { startGearmand } from '../support/gearmand.js'
import { waitFor } from '../support/wait.js'

const JOBS = 10_000
const CALLERS = 64

test('10,000 jobs of 64 callers over a restart: each has its result or a ConnectionError', async () => {
  await using server = await startGearmand()
  await using client = new GearmanClient(server.address)
  await using worker = new GearmanWorker({ servers: server.address, concurrency: 8 })
  worker.addFunction('double', async (job) => {
    const number = Number(job.workload())
    if (number % 3 === 0) await new Promise(setImmediate)
    return number * 2
  })
  void worker.work()

  const results: (string | Error)[] = []
  let next = 0
  const caller = async (): Promise<void> => {
    for (let number = next++; number < JOBS; number = next++) {
      try {
        results[number] = await client.do('double', number)
      } catch (error) {
        results[number] = error as Error
        // As a program does that means to try again: not while the server is away.
        await waitFor(() => client.ping().then(() => true))
      }
    }
  }
  const callers = Promise.all(Array.from({ length: CALLERS }, caller))
  await waitFor(() => results.length > JOBS / 4)
  await server.kill()
  await server.restart()
  await callers

  const errors = results.filter((result) => result instanceof Error)
  for (const error of errors) expect(error).toBeInstanceOf(ConnectionError)
  for (const [number, result] of results.entries()) {
    if (!(result instanceof Error)) expect(result).toBe(String(number * 2))
  }
  expect(results).toHaveLength(JOBS)
  expect(Object.keys(results)).toHaveLength(JOBS)
  // Only those under way at the restart, and a caller's next one, may have failed.
  expect(errors.length).toBeGreaterThan(0)
  expect(errors.length).toBeLessThanOrEqual(CALLERS * 3)
})
