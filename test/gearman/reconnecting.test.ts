import { GearmanClient, GearmanWorker } from '@glammp/gearman'
import { expect, test } from 'vitest'
import { startGearmand } from '../support/gearmand.js'
import { serversAreControllable } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'

test.skipIf(!serversAreControllable)(
  'server:reconnecting tells of every attempt that failed, and when the next one is',
  async () => {
    await using server = await startGearmand()
    await using client = new GearmanClient(server.address)
    await using worker = new GearmanWorker(server.address)
    const told: { client: number[]; worker: number[] } = { client: [], worker: [] }
    for (const [name, emitter] of Object.entries({ client, worker })) {
      emitter.on('server:reconnecting', ({ server: address, attempt, delay }) => {
        expect(address).toBe(server.address)
        expect(delay).toBeGreaterThanOrEqual(0)
        expect(delay).toBeLessThanOrEqual(3_000)
        told[name as 'client' | 'worker'].push(attempt)
      })
    }
    worker.addFunction('echo', (job) => job.workload())
    void worker.work()
    expect(await client.do('echo', 'a')).toBe('a')
    expect(told).toEqual({ client: [], worker: [] })
    await server.kill()
    await waitFor(async () => {
      await client.ping().catch(() => {})
      return told.client.length >= 3 && told.worker.length >= 3
    })
    expect(told.client.slice(0, 3)).toEqual([1, 2, 3])
    expect(told.worker.slice(0, 3)).toEqual([1, 2, 3])
    await server.restart()
    expect(await client.do('echo', 'b', { retries: 20 })).toBe('b')
    told.client.length = 0
    told.worker.length = 0
    await server.kill()
    await waitFor(async () => {
      await client.ping().catch(() => {})
      return told.client.length > 0 && told.worker.length > 0
    })
    expect([told.client[0], told.worker[0]]).toEqual([1, 1])
  },
)
