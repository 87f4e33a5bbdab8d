import { GearmanAdmin, GearmanClient, GearmanWorker } from '@glammp/gearman'
import { expect } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { test } from '../support/gearman.js'
import { waitFor } from '../support/wait.js'

const MIB = 1024 * 1024

/** A packet from a server: its type, and the bytes of its body. */
function packet(type: number, body: string, length = body.length): Buffer {
  const header = Buffer.from('\0RES\0\0\0\0\0\0\0\0', 'latin1')
  header.writeUInt32BE(type, 4)
  header.writeUInt32BE(length, 8)
  return Buffer.concat([header, Buffer.from(body, 'latin1')])
}

test('a workload of 100 MiB goes there and back, in the foreground and from a stream', {
  timeout: 120_000,
}, async ({ server }) => {
  await using client = new GearmanClient({ servers: server.address, codec: 'buffer' })
  await using worker = new GearmanWorker({ servers: server.address, codec: 'buffer' })
  worker.addFunction('echo', (job) => job.workloadBuffer)
  void worker.work()
  const large = Buffer.alloc(100 * MIB, 'patins\0')
  const back = await client.do<Buffer>('echo', large)
  expect(back.equals(large)).toBe(true)
  async function* pieces(): AsyncIterable<Buffer> {
    for (let at = 0; at < large.length; at += MIB) yield large.subarray(at, at + MIB)
  }
  const again = await client.do<Buffer>('echo', pieces(), { length: large.length })
  expect(again.equals(large)).toBe(true)
})

test('NULs in workload, data, warning, exception and result stay where they are', async ({
  server,
}) => {
  await using client = new GearmanClient(server.address)
  await using worker = new GearmanWorker(server.address)
  const text = '\0a\0\0b\0'
  worker.addFunction('nuls', async (job) => {
    await job.sendData(job.workload())
    await job.sendWarning(text)
    return job.workload()
  })
  worker.addFunction('throws', () => {
    throw new Error(text)
  })
  void worker.work()
  const said: unknown[] = []
  const result = await client.do('nuls', text, {
    onData: (chunk) => said.push(chunk),
    onWarning: (warning) => said.push(warning),
  })
  expect([...said, result]).toEqual([text, text, text])
  await expect(client.do('throws')).rejects.toMatchObject({ remoteMessage: text })
})

test('a job that is cancelled while it runs fails once, and its late result changes nothing', async ({
  server,
}) => {
  await using client = new GearmanClient(server.address)
  await using admin = new GearmanAdmin(server.address)
  await using worker = new GearmanWorker({ servers: server.address, concurrency: 2 })
  let release = (): void => {}
  let sent: boolean | undefined
  worker.addFunction('held', async (job) => {
    await new Promise<void>((resolve) => {
      release = resolve
    })
    sent = await job.sendComplete('too late')
  })
  worker.addFunction('echo', (job) => job.workload())
  void worker.work()
  const task = client.submit('held')
  const ends: string[] = []
  for (const name of ['complete', 'fail', 'exception'] as const) {
    task.on(name, () => ends.push(name))
  }
  await waitFor(() => worker.running === 1)
  expect(await admin.cancelJob(task.handle ?? '')).toBe(true)
  await expect(task).rejects.toMatchObject({ code: 'ERR_GEARMAN_JOB_FAILED' })
  release()
  await waitFor(() => sent !== undefined)
  // gearmand sends it on to the same client, which has forgotten the job.
  for (let turn = 0; turn < 3; turn += 1) expect(await client.do('echo', 'x')).toBe('x')
  expect(ends).toEqual(['fail'])
})

test('waiters of one unique each hear everything once, whoever came when', async ({ server }) => {
  await using client = new GearmanClient(server.address)
  await using other = new GearmanClient(server.address)
  await using worker = new GearmanWorker({ servers: server.address, concurrency: 2 })
  let go = (): void => {}
  const wait = new Promise<void>((resolve) => {
    go = resolve
  })
  worker.addFunction('joined', async (job) => {
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
    return from.do('joined', 'x', {
      unique: 'one',
      onData: (chunk) => heard[index]?.push(chunk),
      onStatus: (numerator) => heard[index]?.push(numerator),
    })
  })
  // One that gives up in between takes nothing from the others, and gives them nothing of its own.
  const left = client.do('joined', 'x', { unique: 'one', timeout: 50 })
  await expect(left).rejects.toMatchObject({ code: 'ERR_GEARMAN_TIMEOUT' })
  go()
  expect(await Promise.all(calls)).toEqual(['done', 'done', 'done', 'done'])
  const all = Array.from({ length: 20 }, (_, index) => [String(index + 1), index + 1]).flat()
  expect(heard).toEqual([all, all, all, all])
})

test.each([
  ['an announced length of 4 GiB', packet(6, '', 0xffff_ffff)],
  ['an unknown type', packet(43, 'x')],
  ['type 0', packet(0, '')],
  ['a job without its arguments', packet(31, 'H:x:1')],
  ['a job of a function that was never registered', packet(31, 'H:x:1\0other\0\0')],
  ['a packet for clients', packet(8, 'H:x:1')],
  ['text', Buffer.from('ERR something\r\n')],
])('%s costs a worker its connection, and it connects again', async (_, bytes) => {
  await using fake = await startFakeServer((socket) => {
    socket.once('data', () => socket.write(fake.connections === 1 ? bytes : packet(10, '')))
  })
  await using worker = new GearmanWorker(fake.address)
  worker.addFunction('f', () => '')
  const downs: string[] = []
  worker.on('server:down', ({ error }) => downs.push(error.code))
  void worker.work()
  await waitFor(() => fake.connections === 2)
  expect(downs).toEqual(['ERR_GEARMAN_PROTOCOL'])
})

test('a stray JOB_NOT_FOUND and handles with NULs are no garbage to a worker', async () => {
  await using fake = await startFakeServer((socket) => {
    socket.once('data', () => {
      const text = 'JOB_NOT_FOUND\0Job given in work result not found'
      socket.write(Buffer.concat([packet(19, text), packet(31, 'H:x:1\0f\0u\0w')]))
    })
  })
  await using worker = new GearmanWorker(fake.address)
  const handles: string[] = []
  worker.addFunction('f', (job) => {
    handles.push(job.handle)
    return 'done'
  })
  void worker.work()
  await waitFor(() => fake.received().includes('H:x:1\0done'))
  expect(handles).toEqual([`${fake.address}//H:x:1`])
  expect(fake.connections).toBe(1)
  await worker.close({ timeout: 100 })
})
