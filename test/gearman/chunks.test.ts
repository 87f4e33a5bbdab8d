import { setTimeout as sleep } from 'node:timers/promises'
import { GearmanClient, GearmanWorker, SlowReaderError } from '@glammp/gearman'
import { expect } from 'vitest'
import { test } from '../support/gearman.js'
import { type GearmandServer, startGearmand } from '../support/gearmand.js'
import { startProxy } from '../support/proxy.js'
import { waitFor } from '../support/wait.js'

const KIB = 1024
const MIB = 1024 * KIB

test.beforeAll(({ worker }) => {
  // As many chunks of 32 KiB as the workload says; each begins with its number.
  worker.addFunction('flood', async (job) => {
    const count = Number(job.workload())
    for (let number = 0; number < count; number += 1) {
      const chunk = Buffer.alloc(32 * KIB)
      chunk.writeUInt32BE(number)
      await job.sendData(chunk)
    }
    return Buffer.from('sent')
  })
  worker.addFunction('echo', (job) => job.workload())
})

const ask = (server: GearmandServer): GearmanClient =>
  new GearmanClient({ servers: server.address, codec: 'buffer' })

test('a loop that pauses has the rest wait outside, and loses nothing', async ({ server }) => {
  await using client = ask(server)
  const count = 1_024
  const task = client.submit<Buffer>('flood', count)
  let received = 0
  task.on('data', () => {
    received += 1
  })
  let expected = 0
  for await (const chunk of task) {
    expect((chunk as Buffer).readUInt32BE()).toBe(expected)
    expected += 1
    if (expected !== 1 && expected !== 500) continue
    // 1 MiB unread, and what one read of the socket brought on top of it.
    await waitFor(() => received - expected >= 32)
    // For longer than the connection may be held for others: there are none.
    await sleep(1_500)
    expect((received - expected) * 32 * KIB).toBeLessThan(2 * MIB)
  }
  expect(expected).toBe(count)
  expect((await task).toString()).toBe('sent')
})

test('a loop that is slow shares its connection, and the other calls go on', async ({ server }) => {
  await using client = ask(server)
  let others = 0
  let over = false
  const beside = (async () => {
    while (!over) {
      await client.do('echo', 'x')
      others += 1
    }
  })()
  let expected = 0
  for await (const chunk of client.submit('flood', 256)) {
    expect((chunk as Buffer).readUInt32BE()).toBe(expected)
    expected += 1
    if (expected % 8 === 0) await sleep(20)
  }
  over = true
  await beside
  expect(expected).toBe(256)
  expect(others).toBeGreaterThan(2)
})

test('a loop that stands still holds up others for a moment, then fails; its job does not', async ({
  server,
}) => {
  await using client = ask(server)
  const task = client.submit<Buffer>('flood', 512)
  const chunks = task[Symbol.asyncIterator]()
  let received = 0
  task.on('data', () => {
    received += 1
  })
  await waitFor(() => received >= 32)
  const started = performance.now()
  expect(await client.do('echo', 'beside')).toEqual(Buffer.from('beside'))
  expect(performance.now() - started).toBeLessThan(15_000)
  expect((await task).toString()).toBe('sent')
  expect(received).toBe(512)

  let read = 0
  const failure = await (async () => {
    for (;;) {
      const { done } = await chunks.next()
      if (done) return
      read += 1
    }
  })().catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(SlowReaderError)
  expect(failure).toMatchObject({ code: 'ERR_GEARMAN_SLOW_READER', function: 'flood' })
  expect(read).toBeGreaterThanOrEqual(32)
  expect(read).toBeLessThan(512)
})

test('a loop that is left gives the connection free at once', async ({ server }) => {
  await using client = ask(server)
  const task = client.submit<Buffer>('flood', 512)
  for await (const _ of task) {
    await sleep(100)
    break
  }
  expect((await task).toString()).toBe('sent')
})

test('a held connection is not taken for dead', async ({ server }) => {
  await using client = new GearmanClient({
    servers: server.address,
    codec: 'buffer',
    heartbeat: 50,
    timeout: 1_000,
  })
  let expected = 0
  for await (const _ of client.submit('flood', 200)) {
    if (expected === 0) await sleep(2_500)
    expected += 1
  }
  expect(expected).toBe(200)
})

test('a connection that is lost while it is held ends the loop', async () => {
  await using own = await startGearmand()
  await using proxy = await startProxy(own.address)
  let over = false
  await using sender = new GearmanWorker(own.address)
  sender.addFunction('endless', async (job) => {
    while (!over && (await job.sendData('x'.repeat(32 * KIB)))) await sleep(1)
  })
  void sender.work()
  await using client = new GearmanClient(proxy.address)
  const task = client.submit('endless')
  let received = 0
  task.on('data', () => {
    received += 1
  })
  const chunks = task[Symbol.asyncIterator]()
  await waitFor(() => received >= 32)
  proxy.cut()
  await expect(
    (async () => {
      while (!(await chunks.next()).done);
    })(),
  ).rejects.toMatchObject({ code: 'ERR_GEARMAN_CONNECTION' })
  over = true
})
