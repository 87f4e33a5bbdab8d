import { getEventListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { GearmanClient, GearmanWorker } from '@glammp/gearman'
import { expect } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { test } from '../support/gearman.js'
import { startGearmand } from '../support/gearmand.js'
import { startProxy } from '../support/proxy.js'
import { serversAreEmbedded } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes in use, those of Buffers too, after a collection. */
function used(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

test('no listener stays on a signal, however its calls ended', async ({ server, client }) => {
  await using worker = new GearmanWorker({ servers: server.address, concurrency: 4 })
  worker.addFunction('fine', (job) => job.workload())
  worker.addFunction('boom', () => {
    throw new Error('boom')
  })
  void worker.work()
  const { signal } = new AbortController()
  await Promise.allSettled([
    client.do('fine', 'x', { signal }),
    client.do('boom', 'x', { signal }),
    client.doBackground('fine', 'x', { signal }),
    client.do('unserved', 'x', { signal, timeout: 50 }),
    client.submit('fine', 'x', { signal }),
  ])
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('a worker takes its signal listeners with it', async ({ server }) => {
  const before = [process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')]
  const worker = new GearmanWorker({ servers: server.address, handleSignals: true })
  expect(process.listenerCount('SIGTERM')).toBe((before[0] ?? 0) + 1)
  await worker.close()
  expect([process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')]).toEqual(before)
})

test('an idle worker is silent, also while a job is queued that is not due yet', async ({
  server,
  client,
}) => {
  await using proxy = await startProxy(server.address)
  await using worker = new GearmanWorker({ servers: proxy.address, concurrency: 4 })
  worker.addFunction('due_later', (job) => job.workload())
  void worker.work()
  await client.do('due_later', 'x')
  await client.schedule('due_later', 'x', { delay: 60_000 })
  // gearmand 1.1.20 wakes a worker for this one over and over, and has no job when asked.
  await client.submit('due_later', 'x', { background: true, priority: 'low' })
  const traffic = (): number => proxy.bytes('toServer') + proxy.bytes('toClient')
  let before = 0
  await waitFor(async () => {
    before = traffic()
    await sleep(500)
    return traffic() - before < 3_000
  })
  expect(await client.doHigh('due_later', 'goes on')).toBe('goes on')
})

test('sendData waits where the network takes no more', async ({ server, client }) => {
  await using proxy = await startProxy(server.address)
  await using worker = new GearmanWorker(proxy.address)
  let sent = 0
  let stalled = false
  worker.addFunction('flood', async (job) => {
    proxy.stall('toServer')
    stalled = true
    const chunk = Buffer.alloc(1024 * 1024)
    for (sent = 0; sent < 64; sent += 1) expect(await job.sendData(chunk)).toBe(true)
    return 'all sent'
  })
  void worker.work()
  let received = 0
  const call = client.do('flood', '', { onData: () => received++, codec: 'string' })
  await waitFor(() => stalled)
  await sleep(200)
  expect(sent).toBeLessThan(64)
  proxy.heal()
  expect(await call).toBe('all sent')
  expect(received).toBe(64)
})

test.skipIf(serversAreEmbedded)(
  'jobs that are over leave nothing behind, in a client or a worker',
  async ({ server }) => {
    await using client = new GearmanClient(server.address)
    await using worker = new GearmanWorker({ servers: server.address, concurrency: 8 })
    let begun = 0
    worker.addFunction('over', (job) => {
      begun += 1
      if (job.workload().startsWith('9')) throw new Error('an end like any other')
      return job.workload()
    })
    void worker.work()
    const payload = 'x'.repeat(2_000)
    const run = async (jobs: number): Promise<void> => {
      for (let done = 0; done < jobs; done += 100) {
        await Promise.allSettled(
          Array.from({ length: 100 }, (_, job) =>
            job % 2 === 0
              ? client.do('over', `${job}${payload}`)
              : client.doBackground('over', `${job}${payload}`),
          ),
        )
      }
    }
    await run(2_000)
    const before = used()
    // Kept, their workloads alone would be 20 MB.
    await run(10_000)
    await waitFor(() => begun === 12_000 && worker.running === 0)
    // Buffers go a while after what held them.
    await waitFor(() => used() - before < 5 * 2 ** 20, { timeout: 10_000 })
  },
)

test('100,000 calls on a server that hangs are bounded, and all come back', async () => {
  const count = 100_000
  await using silent = await startFakeServer((socket) => socket.pause())
  await using many = new GearmanClient({ servers: silent.address, timeout: 1_500 })
  const before = process.memoryUsage().rss
  const calls = Array.from({ length: count }, () => many.do('f', 'x'.repeat(64)).catch(codeOf))
  expect(await many.do('f', 'one too many').catch(codeOf)).toBe('ERR_GEARMAN_QUEUE_FULL')
  await sleep(500)
  expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(200)
  expect(new Set(await Promise.all(calls))).toEqual(new Set(['ERR_GEARMAN_TIMEOUT']))
  await using again = await startGearmand()
  many.addServers(again.address)
  // The one that hangs has not answered since, and gets no job while there is another.
  for (let job = 0; job < 5; job += 1) {
    expect(await many.doBackground('f', 'x')).toContain(again.address)
    await sleep(100)
  }
})

function codeOf(error: unknown): string {
  return (error as { code: string }).code
}
