import { GearmanClient, GearmanWorker } from '@glammp/gearman'
import { expect } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { Gate } from '../support/gate.js'
import { test } from '../support/gearman.js'
import { startGearmand } from '../support/gearmand.js'
import { startProxy } from '../support/proxy.js'
import { waitFor } from '../support/wait.js'

test('workOnce runs one job and takes no other', async ({ server, client }) => {
  const ran: string[] = []
  await using worker = new GearmanWorker({ servers: server.address, concurrency: 4 })
  worker.addFunction('single', (job) => {
    ran.push(job.workload())
  })
  for (const number of [1, 2, 3]) await client.doBackground('single', number)
  expect(await worker.workOnce()).toBe(true)
  expect(ran).toEqual(['1'])
  expect(await worker.workOnce()).toBe(true)
  expect(ran).toEqual(['1', '2'])
  const last = await client.doBackground('single', 4)
  expect(await client.jobStatus(last)).toMatchObject({ known: true, running: false })
  await worker.workOnce()
  await worker.workOnce()
  const waiting = worker.workOnce()
  await expect(worker.workOnce()).rejects.toMatchObject({ code: 'ERR_GEARMAN_INVALID_ARGUMENT' })
  await expect(worker.work()).rejects.toMatchObject({ code: 'ERR_GEARMAN_INVALID_ARGUMENT' })
  await worker.close()
  expect(await waiting).toBe(false)
  await expect(worker.workOnce()).rejects.toMatchObject({ code: 'ERR_GEARMAN_CLOSED' })
})

test('functions come and go while the worker works', async ({ server, client }) => {
  await using worker = new GearmanWorker({ servers: server.address, concurrency: 2 })
  worker.addFunction('a', () => 'a')
  void worker.work()
  expect(await client.do('a')).toBe('a')
  const waiting = client.do('b')
  await client.ping()
  worker.addFunction('b', () => 'b')
  expect(await waiting).toBe('b')
  worker.addFunction('b', () => 'another b')
  expect(await client.do('b')).toBe('another b')
  expect(worker.removeFunction('b')).toBe(true)
  const unserved = client.do('b', '', { timeout: 200 })
  expect(await client.do('a')).toBe('a')
  await expect(unserved).rejects.toMatchObject({ code: 'ERR_GEARMAN_TIMEOUT' })
  worker.addFunction('b', () => 'b again')
  expect(await client.do('b')).toBe('b again')
})

test('removing a function while its job runs does not run the job twice', async ({
  server,
  client,
}) => {
  const gate = new Gate()
  let runs = 0
  await using worker = new GearmanWorker({ servers: server.address, concurrency: 2 })
  worker.addFunction('removed', async () => {
    runs += 1
    await gate.passed
    return 'finished'
  })
  worker.addFunction('stays', () => 'served')
  void worker.work()
  const call = client.do('removed')
  await waitFor(() => runs === 1)
  worker.removeFunction('removed')
  await using other = new GearmanWorker(server.address)
  other.addFunction('removed', () => {
    runs += 1
    return 'by the other one'
  })
  void other.work()
  await client.ping()
  gate.open()
  expect(await call).toBe('finished')
  expect(await client.do('stays')).toBe('served')
  expect(await client.do('removed')).toBe('by the other one')
  expect(runs).toBe(2)
})

test('a job whose connection is lost is aborted, its result goes nowhere, and it runs again', async ({
  server,
  client,
}) => {
  await using proxy = await startProxy(server.address)
  const ends: boolean[] = []
  let lost = 0
  let begun = false
  await using worker = new GearmanWorker({ servers: proxy.address, concurrency: 2 })
  worker.addFunction('interrupted', async (job) => {
    if (lost > 0) return 'second run'
    begun = true
    await new Promise((resolve) => {
      job.signal.addEventListener('abort', resolve)
    })
    lost += 1
    expect(job.signal.reason).toMatchObject({ code: 'ERR_GEARMAN_CONNECTION' })
    ends.push(await job.sendComplete('first run'))
    return 'ignored'
  })
  void worker.work()
  const task = client.submit('interrupted')
  await waitFor(() => begun)
  proxy.cut()
  expect(await task).toBe('second run')
  expect(ends).toEqual([false])
})

test('a worker comes back and serves everything again after its server was restarted', async () => {
  await using own = await startGearmand()
  await using submitter = new GearmanClient(own.address)
  await using worker = new GearmanWorker({ servers: own.address, concurrency: 4 })
  worker.addFunction('first', () => '1')
  worker.addFunction('second', () => '2')
  void worker.work()
  for (const _ of [1, 2]) {
    expect(await submitter.do('first')).toBe('1')
    expect(await submitter.do('second')).toBe('2')
    await own.restart()
  }
  expect(await submitter.do('first')).toBe('1')
})

test('a worker with its server down from the start waits for it', async () => {
  const own = await startGearmand()
  await own.kill()
  await using worker = new GearmanWorker(own.address)
  worker.addFunction('late', () => 'served')
  void worker.work()
  await using submitter = new GearmanClient(own.address)
  await expect(submitter.do('late')).rejects.toMatchObject({ code: 'ERR_GEARMAN_CONNECTION' })
  await own.restart()
  expect(await submitter.do('late')).toBe('served')
  await own.stop()
})

test('garbage from a server costs its connection, not the worker', async ({ server, client }) => {
  await using fake = await startFakeServer((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n'))
  await using worker = new GearmanWorker([fake.address, server.address].join(','))
  worker.addFunction('sane', () => 'sane')
  void worker.work()
  await waitFor(() => fake.connections >= 3)
  expect(await client.do('sane')).toBe('sane')
})

test('a worker shows under its id, and counts once for each function', async ({
  server,
  client,
}) => {
  await using worker = new GearmanWorker({ servers: server.address, clientId: 'shop-7' })
  worker.addFunction('counted', () => 'x')
  void worker.work()
  worker.addFunction('counted', () => 'y')
  expect(await client.do('counted')).toBe('y')
  await using text = await startProxy(server.address)
  const { connect } = await import('node:net')
  const socket = connect(text.port, text.host)
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  socket.write('workers\r\nstatus\r\n')
  await waitFor(() => answer.split('\n.\n').length === 3)
  socket.destroy()
  expect(answer).toMatch(/ shop-7 : counted$/m)
  expect(answer).toMatch(/^counted\t0\t0\t1$/m)
})
