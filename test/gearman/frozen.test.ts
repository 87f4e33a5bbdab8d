import { GearmanClient, GearmanWorker } from '@glammp/gearman'
import { expect, test } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { startGearmand } from '../support/gearmand.js'
import { startProxy } from '../support/proxy.js'
import { waitFor } from '../support/wait.js'

test.each([1, 4])(
  'of %d slots a server that hangs keeps none from another one',
  async (concurrency) => {
    await using healthy = await startGearmand()
    await using hangs = await startGearmand()
    await using proxy = await startProxy(hangs.address)
    await using worker = new GearmanWorker({
      servers: [healthy.address, proxy.address],
      concurrency,
      // A connection of its own for each server.
      heartbeat: false,
    })
    let most = 0
    const serve = (): string => {
      most = Math.max(most, worker.running)
      return 'served'
    }
    worker.addFunction('f', serve)
    worker.addFunction('limited', serve, { rateLimit: { jobs: 100, per: 1_000 } })
    void worker.work()
    await using client = new GearmanClient(healthy.address)
    await using other = new GearmanClient(hangs.address)
    expect(await Promise.all([client.do('f'), other.do('f'), other.do('limited')])).toEqual(
      Array(3).fill('served'),
    )
    // It has jobs, is asked for them, and does not answer any more.
    proxy.stall('toClient')
    const left = Array.from({ length: 20 }, () => other.do('f'))
    left.push(other.do('limited'))
    for (let job = 0; job < 20; job += 1) expect(await client.do('f')).toBe('served')
    expect(await client.do('limited')).toBe('served')
    // Its jobs come late, and are run as the slots allow.
    most = 0
    proxy.heal()
    const more = Array.from({ length: 20 }, () => client.do('f'))
    expect(await Promise.all([...left, ...more])).toEqual(Array(41).fill('served'))
    expect(most).toBeLessThanOrEqual(concurrency)
  },
)

test.each([
  ['waits for a slot', false],
  ['goes back where its connection is lost before', true],
])('a job that comes late %s', async (_, lost) => {
  await using healthy = await startGearmand()
  await using hangs = await startGearmand()
  await using proxy = await startProxy(hangs.address)
  const servers = [healthy.address, proxy.address]
  await using worker = new GearmanWorker({ servers, concurrency: 1 })
  const ends: (() => void)[] = []
  const begun: string[] = []
  worker.addFunction('held', (job) => {
    begun.push(job.workload())
    return new Promise<void>((resolve) => ends.push(resolve))
  })
  void worker.work()
  await using client = new GearmanClient(healthy.address)
  await using other = new GearmanClient(hangs.address)
  const first = other.do('held', 'first')
  await waitFor(() => begun.length === 1)
  const late = other.do('held', 'late')
  await other.ping()
  proxy.stall('toClient')
  ends.shift()?.()
  await first
  // It was asked for a job, and has given one that does not arrive.
  const second = client.do('held', 'second')
  await waitFor(() => begun.includes('second'))
  proxy.heal()
  await waitFor(() => worker.metrics().servers[proxy.address]?.pending === 1)
  expect(worker.running).toBe(1)
  expect(begun).toEqual(['first', 'second'])
  if (lost) {
    proxy.cut()
    await waitFor(() => worker.metrics().servers[proxy.address]?.pending === 0)
  }
  ends.shift()?.()
  await second
  await waitFor(() => begun.length === 3)
  ends.shift()?.()
  await late
  expect(begun).toEqual(['first', 'second', 'late'])
})

test.each<[string, Parameters<typeof startFakeServer>[0]]>([
  ['accepts and closes', (socket) => socket.end()],
  ['answers as something else', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['accepts and says nothing', () => {}],
])('a worker is not kept by a server that %s', async (_, behave) => {
  await using healthy = await startGearmand()
  await using bad = await startFakeServer(behave)
  await using worker = new GearmanWorker({
    servers: [bad.address, healthy.address],
    concurrency: 1,
    timeout: 300,
  })
  const told: string[] = []
  worker.on('server:up', ({ server }) => told.push(`up ${server}`))
  worker.on('server:down', ({ server }) => told.push(`down ${server}`))
  worker.addFunction('f', () => 'served')
  void worker.work()
  await using client = new GearmanClient(healthy.address)
  for (let job = 0; job < 20; job += 1) expect(await client.do('f')).toBe('served')
  await waitFor(() => bad.connections >= 3)
  expect(told.filter((event) => event.endsWith(bad.address))).toEqual([`down ${bad.address}`])
  expect(told).toContain(`up ${healthy.address}`)
})
