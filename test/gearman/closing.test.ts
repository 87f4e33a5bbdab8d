import { GearmanAdmin, GearmanClient, GearmanWorker } from '@glammp/gearman'
import { expect, test } from 'vitest'
import { startGearmand } from '../support/gearmand.js'
import { startProxy } from '../support/proxy.js'
import { waitFor } from '../support/wait.js'

const ways: [string, () => object][] = [
  ['a timeout', () => ({ timeout: 50 })],
  ['a signal', () => ({ signal: AbortSignal.timeout(50) })],
  ['a signal that has aborted', () => ({ signal: AbortSignal.abort() })],
]
const CLOSED = { code: 'ERR_GEARMAN_CLOSED' }

test.each(ways)(
  'close of a client and an admin waits no longer than %s says',
  async (_, options) => {
    await using server = await startGearmand()
    await using proxy = await startProxy(server.address)
    const client = new GearmanClient({ servers: proxy.address, timeout: 60_000 })
    const admin = new GearmanAdmin({ servers: proxy.address, timeout: 60_000 })
    await Promise.all([client.ping(), admin.version()])
    proxy.stall('toClient')
    const jobs = Promise.allSettled([client.doBackground('f', 'x'), client.ping()])
    const answer = admin.version()
    const started = performance.now()
    await Promise.all([client.close(), client.close(options()), admin.close(options())])
    expect(performance.now() - started).toBeLessThan(30_000)
    for (const end of await jobs) expect(end).toMatchObject({ reason: CLOSED })
    expect((await answer)[proxy.address]).toMatchObject(CLOSED)
  },
)

test.each(ways)('close of a worker waits no longer than %s says', async (_, options) => {
  await using server = await startGearmand()
  await using client = new GearmanClient(server.address)
  const worker = new GearmanWorker(server.address)
  let signal: AbortSignal | undefined
  worker.addFunction('never', (job) => {
    signal = job.signal
    return new Promise(() => {})
  })
  const work = worker.work()
  await client.doBackground('never', 'x')
  await waitFor(() => signal !== undefined)
  await worker.close(options())
  await work
  expect(signal?.reason).toMatchObject(CLOSED)
})
