import { readFileSync } from 'node:fs'
import { GearmanAdmin, GearmanClient, GearmanWorker } from '@glammp/gearman'
import { GearmanServer, type GearmanServerOptions } from '@glammp/gearman/testing'
import { expect, test } from 'vitest'
import { makeCertificates } from '../support/certificates.js'
import { waitFor } from '../support/wait.js'

/** A server, a client and a worker, which works once it has a function. */
const start = async (options: GearmanServerOptions = {}) => {
  const server = await GearmanServer.start(options)
  const client = new GearmanClient({ servers: server.address, timeout: 2_000 })
  const worker = new GearmanWorker(server.address)
  return {
    server,
    client,
    worker,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([client.close(), worker.close({ timeout: 1_000 })])
      await server.close()
    },
  }
}

test('jobs with results, progress and exceptions', async () => {
  await using all = await start()
  const { server, client, worker } = all
  worker.addFunction('reverse', async (job) => {
    await job.sendStatus(1, 2)
    await job.sendData('part')
    return job.workload().split('').reverse().join('')
  })
  worker.addFunction('fail', () => {
    throw new Error('broken')
  })
  void worker.work()
  const seen: unknown[] = []
  const result = client.do('reverse', 'Ivo', {
    onStatus: (numerator, denominator) => seen.push([numerator, denominator]),
    onData: (data) => seen.push(data),
  })
  expect(await result).toBe('ovI')
  expect(seen).toEqual([[1, 2], 'part'])
  await expect(client.do('fail')).rejects.toMatchObject({ code: 'ERR_GEARMAN_JOB_EXCEPTION' })
  expect(server.requests).toContainEqual(
    expect.objectContaining({ packet: 'SUBMIT_JOB', fn: 'reverse', workload: Buffer.from('Ivo') }),
  )
})

test('background jobs in their order, one for a unique id, and reduce', async () => {
  await using all = await start()
  const { server, client, worker } = all
  await client.doLowBackground('note', 'low')
  await client.doBackground('note', 'normal', { unique: 'u' })
  await client.doBackground('note', 'again', { unique: 'u' })
  await client.doHighBackground('note', 'high')
  await client.doBackground('note', 'parts', { reducer: 'join' })
  expect(server.jobs.map(({ priority, workload }) => `${priority} ${workload}`)).toEqual([
    ...['low low', 'normal normal', 'high high', 'normal parts'],
  ])
  const noted: unknown[] = []
  worker.addFunction('note', (job) => void noted.push(job.workload(), job.reducer))
  void worker.work()
  await server.idle({ timeout: 10_000 })
  expect(noted).toEqual([
    ...['high', undefined, 'normal', undefined],
    ...['parts', 'join', 'low', undefined],
  ])
})

test('a scheduled job runs when the clock is moved', async () => {
  await using all = await start()
  const { server, client } = all
  await using worker = new GearmanWorker({ servers: server.address, pollInterval: 20 })
  const ran: string[] = []
  worker.addFunction('later', (job) => void ran.push(job.workload()))
  void worker.work()
  await client.schedule('later', 'x', { delay: 3_600_000 })
  await waitFor(() => server.requests.filter(({ packet }) => packet === 'PRE_SLEEP').length > 3)
  expect(ran).toEqual([])
  server.clock.advance(3_601)
  await server.idle({ timeout: 10_000 })
  expect(ran).toEqual(['x'])
})

test('admin commands', async () => {
  await using all = await start()
  const { server, client } = all
  await client.doBackground('note', 'x')
  await using admin = new GearmanAdmin(server.address)
  expect(await admin.status()).toEqual({
    [server.address]: [{ function: 'note', total: 1, running: 0, workers: 0 }],
  })
  expect(await admin.version()).toEqual({ [server.address]: '1.1.20' })
})

test('over TLS', async () => {
  await using certificates = await makeCertificates()
  const pem = (path: string): Buffer => readFileSync(path)
  const { key, cert } = certificates.server
  await using server = await GearmanServer.start({ tls: { key: pem(key), cert: pem(cert) } })
  const tls = { ca: pem(certificates.ca) }
  await using worker = new GearmanWorker({ servers: server.address, tls })
  worker.addFunction('secret', (job) => job.workload())
  void worker.work()
  await using client = new GearmanClient({ servers: server.address, tls })
  const large = 'x'.repeat(300_000)
  expect(await client.do('secret', large)).toBe(large)
})

test('a frozen server is a TimeoutError, one that refuses a ConnectionError', async () => {
  await using all = await start()
  const { server, client } = all
  await client.ping()
  server.freeze()
  await expect(client.doBackground('note', 'x', { timeout: 50 })).rejects.toMatchObject({
    code: 'ERR_GEARMAN_TIMEOUT',
  })
  server.thaw()
  await waitFor(() => server.jobs.length === 1)
  server.refuse()
  server.dropConnections()
  await using late = new GearmanClient(server.address)
  await expect(late.doBackground('note', 'y')).rejects.toMatchObject({
    code: 'ERR_GEARMAN_CONNECTION',
  })
  await server.accept()
  expect(await late.doBackground('note', 'y')).toContain('H:')
})

test('a job whose connection is dropped runs again', async () => {
  await using all = await start()
  const { server, client, worker } = all
  let runs = 0
  worker.addFunction('twice', async (job) => {
    runs += 1
    if (runs > 1) return
    server.dropConnections()
    await new Promise((resolve) => job.signal.addEventListener('abort', resolve))
  })
  void worker.work()
  await client.doBackground('twice', 'x')
  await server.idle({ timeout: 20_000 })
  expect(runs).toBe(2)
})

test('a delayed answer comes late', async () => {
  await using all = await start()
  const { server, client } = all
  await client.ping()
  server.delay(60)
  const begin = performance.now()
  await client.doBackground('note', 'x')
  expect(performance.now() - begin).toBeGreaterThan(55)
})
