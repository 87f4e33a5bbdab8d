import { GearmanClient, GearmanWorker, NoServerError } from '@glammp/gearman'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type GearmandServer, startGearmand } from '../support/gearmand.js'
import { waitFor } from '../support/wait.js'

let servers: GearmandServer[] = []
let addresses: string[] = []

beforeEach(async () => {
  servers = await Promise.all([startGearmand(), startGearmand(), startGearmand()])
  addresses = servers.map((server) => server.address)
})

afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()))
})

const serverOf = (handle: string): string => handle.slice(0, handle.indexOf('//'))

test('jobs are spread evenly, and a worker serves all servers at once', async () => {
  await using client = new GearmanClient({ servers: addresses })
  const ran: string[] = []
  await using worker = new GearmanWorker({ servers: addresses.join(' '), concurrency: 2 })
  worker.addFunction('spread', (job) => {
    ran.push(serverOf(job.handle))
    return job.workload()
  })
  void worker.work()
  const results = await Promise.all(
    Array.from({ length: 30 }, (_, index) => client.do('spread', index)),
  )
  expect(results).toEqual(Array.from({ length: 30 }, (_, index) => String(index)))
  for (const address of addresses) {
    expect(ran.filter((server) => server === address)).toHaveLength(10)
  }
})

test('weights change the shares', async () => {
  const [first = '', second = ''] = addresses
  await using client = new GearmanClient({ servers: `${first}:3,${second}` })
  const handles = await Promise.all(
    Array.from({ length: 20 }, () => client.doBackground('weighed', 'x')),
  )
  expect(handles.filter((handle) => serverOf(handle) === first)).toHaveLength(15)
})

test('equal uniques meet on one server, whatever the order of the list', async () => {
  await using one = new GearmanClient({ servers: addresses })
  await using two = new GearmanClient({ servers: [...addresses].reverse() })
  const used = new Set<string>()
  for (let number = 0; number < 20; number += 1) {
    const unique = `order ${number}`
    const first = await one.doBackground('meet', 'x', { unique })
    expect(await two.doBackground('meet', 'x', { unique })).toBe(first)
    expect(await two.jobStatusByUnique(unique)).toMatchObject({ known: true })
    used.add(serverOf(first))
  }
  expect(used.size).toBe(3)
})

test('equal workloads under the id - meet on one server, as text or bytes, whatever their size', async () => {
  await using one = new GearmanClient({ servers: addresses })
  await using two = new GearmanClient({ servers: [...addresses].reverse() })
  for (const workload of ['small', 'é'.repeat(1_000), 'x'.repeat(2_000_000)]) {
    const first = await one.doBackground('meet', workload, { unique: '-' })
    expect(await two.doBackground('meet', Buffer.from(workload), { unique: '-' })).toBe(first)
  }
  const large = Buffer.alloc(40_000_000, 'x')
  const before = process.cpuUsage()
  const call = one.doBackground('meet', large, { unique: '-' })
  const { user, system } = process.cpuUsage(before)
  // What it takes without a turn of the event loop, in microseconds.
  expect(user + system).toBeLessThan(500_000)
  await call
})

test('a job goes to another server where one is down, and comes back when it is up', async () => {
  await using client = new GearmanClient({ servers: addresses })
  await servers[0]?.kill()
  const handles = await Promise.all(
    Array.from({ length: 12 }, () => client.doBackground('failover', 'x')),
  )
  expect(handles.map(serverOf)).not.toContain(addresses[0])
  await servers[0]?.restart()
  await waitFor(async () => serverOf(await client.doBackground('failover', 'x')) === addresses[0])
})

test('a status is asked of the server in the handle, and "unknown" only said if all are sure', async () => {
  await using client = new GearmanClient({ servers: addresses })
  const handle = await client.doBackground('asked', 'x')
  const other = servers.find((server) => server.address !== serverOf(handle))
  await other?.kill()
  expect(await client.jobStatus(handle)).toMatchObject({ known: true })
  expect(await client.jobStatus(handle.slice(handle.indexOf('//') + 2))).toMatchObject({
    known: true,
  })
  await expect(client.jobStatus('H:unknown:1')).rejects.toMatchObject({
    code: 'ERR_GEARMAN_CONNECTION',
    server: other?.address,
  })
  await expect(client.ping()).rejects.toMatchObject({ server: other?.address })
})

test('all servers down is a NoServerError that names them', async () => {
  await using client = new GearmanClient({ servers: addresses })
  await Promise.all(servers.map((server) => server.kill()))
  const error = await client.do('nobody', 'x').catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(NoServerError)
  expect(error).toMatchObject({
    code: 'ERR_GEARMAN_NO_SERVER',
    function: 'nobody',
    cause: { code: 'ERR_GEARMAN_CONNECTION' },
  })
  for (const address of addresses) expect((error as Error).message).toContain(address)
})

test('a worker goes on with the servers that are left', async () => {
  await using client = new GearmanClient({ servers: addresses })
  await using worker = new GearmanWorker({ servers: addresses, concurrency: 3 })
  worker.addFunction('left', (job) => serverOf(job.handle))
  void worker.work()
  await Promise.all(Array.from({ length: 9 }, () => client.do('left')))
  await servers[1]?.kill()
  const served = await Promise.all(Array.from({ length: 10 }, () => client.do('left')))
  expect(new Set(served)).toEqual(new Set([addresses[0], addresses[2]]))
  await servers[1]?.restart()
  await waitFor(async () => (await client.do('left')) === addresses[1])
})

test('a worker begins with the servers that are up, and takes the others when they come', async () => {
  const [late, here = ''] = addresses
  await servers[0]?.kill()
  await using worker = new GearmanWorker({ servers: [late ?? '', here] })
  worker.addFunction('begun', (job) => serverOf(job.handle))
  void worker.work()
  await using client = new GearmanClient(here)
  expect(await client.do('begun')).toBe(here)
  await servers[0]?.restart()
  await using other = new GearmanClient(late ?? '')
  expect(await other.do('begun')).toBe(late)
  expect(await client.do('begun')).toBe(here)
})

test('a server that always has jobs keeps a worker from no other', async () => {
  await using busy = await startGearmand()
  await using quiet = await startGearmand()
  await using worker = new GearmanWorker({ servers: [busy.address, quiet.address], concurrency: 3 })
  let done = 0
  worker.addFunction('much', async () => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    done += 1
  })
  worker.addFunction('little', () => 'served')
  await using feeder = new GearmanClient(busy.address)
  await feeder.doMany('much', Array(3_000).fill(''), { background: true })
  void worker.work()
  await using client = new GearmanClient(quiet.address)
  // All slots are always in use: the quiet one could never put the worker to sleep, and wake it.
  for (let job = 0; job < 10; job += 1) expect(await client.do('little')).toBe('served')
  expect(done).toBeLessThan(2_000)
  await worker.close({ timeout: 1_000 })
})

test('servers can be added, and none is added twice', async () => {
  const [first = '', second = ''] = addresses
  await using client = new GearmanClient(first)
  client.addServer('127.0.0.1', Number(second.split(':')[1]))
  const handles = await Promise.all([1, 2].map((number) => client.doBackground('added', number)))
  expect(new Set(handles.map(serverOf))).toEqual(new Set([first, second]))
  expect(() => client.addServers(first)).toThrow(/listed twice/)
})
