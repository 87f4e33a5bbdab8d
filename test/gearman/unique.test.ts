import { GearmanClient, GearmanWorker } from '@glammp/gearman'
import { expect } from 'vitest'
import { test } from '../support/gearman.js'
import { startGearmand } from '../support/gearmand.js'
import { RawPeer, request } from '../support/raw-gearman.js'
import { serversAreReal } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'

const CAN_DO = 1
const SUBMIT_JOB = 7
const GRAB_JOB = 9
const NO_JOB = 10

test('equal uniques are one job with several waiters, on one connection and on two', async ({
  server,
  client,
  worker,
}) => {
  let runs = 0
  let release = (): void => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  worker.addFunction('joined', async (job) => {
    runs += 1
    await released
    await job.sendData('part')
    return `run ${runs} of ${job.unique}`
  })
  await using other = new GearmanClient(server.address)
  const chunks: unknown[][] = [[], [], []]
  const calls = [client, client, other].map((from, index) =>
    from.do('joined', 'x', { unique: 'u1', onData: (chunk) => chunks[index]?.push(chunk) }),
  )
  await other.ping()
  await client.ping()
  release()
  expect(await Promise.all(calls)).toEqual(Array(3).fill('run 1 of u1'))
  expect(chunks).toEqual([['part'], ['part'], ['part']])
  expect(await client.do('joined', 'x', { unique: 'u1' })).toBe('run 2 of u1')
})

test('waiters of one unique each hear everything once, whoever came when', async ({ server }) => {
  await using client = new GearmanClient(server.address)
  await using other = new GearmanClient(server.address)
  await using worker = new GearmanWorker({ servers: server.address, concurrency: 2 })
  let go = (): void => {}
  const wait = new Promise<void>((resolve) => {
    go = resolve
  })
  worker.addFunction('heard', async (job) => {
    await wait
    for (let number = 1; number <= 20; number += 1) {
      await job.sendData(number)
      await job.sendStatus(number, 20)
    }
    return 'done'
  })
  void worker.work()
  const heard: unknown[][] = []
  const calls = [client, client, client, other].map((from, index) => {
    heard[index] = []
    return from.do('heard', 'x', {
      unique: 'one',
      onData: (chunk) => heard[index]?.push(chunk),
      onStatus: (numerator) => heard[index]?.push(numerator),
    })
  })
  // One that gives up in between takes nothing from the others, and gives them nothing of its own.
  const left = client.do('heard', 'x', { unique: 'one', timeout: 50 })
  await expect(left).rejects.toMatchObject({ code: 'ERR_GEARMAN_TIMEOUT' })
  go()
  expect(await Promise.all(calls)).toEqual(['done', 'done', 'done', 'done'])
  const all = Array.from({ length: 20 }, (_, index) => [String(index + 1), index + 1]).flat()
  expect(heard).toEqual([all, all, all, all])
})

test('who joins a job whose first waiter has given up hears everything once', async ({
  server,
}) => {
  await using client = new GearmanClient(server.address)
  await using worker = new GearmanWorker(server.address)
  let go = (): void => {}
  const wait = new Promise<void>((resolve) => {
    go = resolve
  })
  worker.addFunction('left', async (job) => {
    await wait
    for (const number of [1, 2, 3]) await job.sendData(number)
    return 'done'
  })
  void worker.work()
  const left = client.do('left', 'x', { unique: 'one', timeout: 50 })
  await expect(left).rejects.toMatchObject({ code: 'ERR_GEARMAN_TIMEOUT' })
  const heard: unknown[] = []
  const onData = (chunk: unknown): unknown => heard.push(chunk)
  const joined = client.submit('left', 'x', { unique: 'one', onData })
  joined.once('created', go)
  expect(await joined).toBe('done')
  expect(heard).toEqual(['1', '2', '3'])
})

test.skipIf(!serversAreReal)(
  'gearmand drops a queued job when its only waiter leaves, for one who joins it as well',
  async () => {
    await using server = await startGearmand()
    const first = await RawPeer.connect(server.port)
    const [handle = ''] = await first.ask(SUBMIT_JOB, 'dropped', 'one', 'x')
    first.end()
    const second = await RawPeer.connect(server.port)
    await waitFor(async () => (await second.say('show jobs\r\n')).includes('\t0\t1\t'))
    // It is acknowledged, with the handle of the job that gearmand will not run.
    expect(await second.ask(SUBMIT_JOB, 'dropped', 'one', 'y')).toEqual([handle])
    const worker = await RawPeer.connect(server.port)
    worker.write(request(CAN_DO, 'dropped'))
    expect(await worker.ask(GRAB_JOB)).toEqual([`${NO_JOB}`])
    expect(await second.heard()).toEqual([])
    expect(await second.say('show jobs\r\n')).toBe('.\n')
    for (const peer of [second, worker]) peer.end()
  },
)
