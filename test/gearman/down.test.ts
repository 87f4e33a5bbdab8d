import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectionError, GearmanClient, GearmanWorker, TimeoutError } from '@glammp/gearman'
import { expect, test } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { startGearmand } from '../support/gearmand.js'
import { startProxy } from '../support/proxy.js'
import { waitFor } from '../support/wait.js'

const OPTION_RES = '\0RES\0\0\0\x1b\0\0\0\0'

test.each<[string, number, (socket: Socket) => void]>([
  ['accepts and closes', 0, (socket) => socket.end()],
  ['closes after the first bytes', 0, (socket) => socket.once('data', () => socket.destroy())],
  ['resets', 0, (socket) => socket.once('data', () => socket.resetAndDestroy())],
  [
    'is a web server',
    0,
    (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  ],
  [
    // What was sent may have arrived: the first job of each time is lost.
    'answers the greeting and nothing else',
    1,
    (socket) => {
      socket.once('data', () => {
        socket.write(OPTION_RES, 'latin1')
        socket.once('data', () => socket.end())
      })
    },
  ],
])('a server that %s is down: jobs go to the other one', async (_, lost, behave) => {
  await using server = await startGearmand()
  await using bad = await startFakeServer(behave)
  await using client = new GearmanClient([server.address, bad.address])
  await using alone = new GearmanClient(bad.address)
  const told: string[] = []
  client.on('server:down', ({ server: name }) => told.push(name))
  let failed = 0
  for (let job = 0; job < 60; job += 1) {
    await client.doBackground('f', String(job)).catch((error: unknown) => {
      expect(error).toBeInstanceOf(ConnectionError)
      failed += 1
    })
    await sleep(5)
  }
  expect(failed).toBe(lost)
  expect(told).toEqual([bad.address])
  // It is tried again, with pauses that grow: 60 jobs without one would be 30 connections.
  expect(bad.connections).toBeLessThan(15)
  await expect(alone.doBackground('f', 'x')).rejects.toMatchObject({ server: bad.address })
  await expect(alone.ping()).rejects.toMatchObject({ server: bad.address })
})

test('a server that hangs keeps jobs from the other one for a moment only', async () => {
  await using server = await startGearmand()
  await using other = await startGearmand()
  await using proxy = await startProxy(other.address)
  const options = { servers: [server.address, proxy.address], connectTimeout: 300, timeout: 3_000 }
  await using client = new GearmanClient(options)
  await client.ping()
  proxy.stall()
  // Sent, and never answered.
  const first = [1, 2].map((job) => client.doBackground('f', String(job)))
  const ends = Promise.allSettled(first)
  await Promise.any(first)
  // Longer than the time for connecting, also for a process that counts less of a busy turn.
  await sleep(1_000)
  const later = await Promise.all(
    Array.from({ length: 10 }, (_, job) => client.doBackground('f', String(job))),
  )
  for (const handle of later) expect(handle).toContain(server.address)
  expect((await ends).map((end) => end.status).sort()).toEqual(['fulfilled', 'rejected'])

  // A new client finds nobody behind a connection that is accepted: nothing was sent, nothing is lost.
  await using another = new GearmanClient(options)
  const all = await Promise.all(
    Array.from({ length: 10 }, (_, job) => another.doBackground('f', String(job))),
  )
  for (const handle of all) expect(handle).toContain(server.address)
})

test('a server is found among many that hang, in a time that does not grow with them', async () => {
  await using server = await startGearmand()
  const hang = await Promise.all(Array.from({ length: 20 }, () => startFakeServer(() => {})))
  await using _ = {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(hang.map((each) => each.stop()))
    },
  }
  await using client = new GearmanClient({
    servers: [...hang.map(({ address }) => address), server.address],
    connectTimeout: 500,
  })
  const started = performance.now()
  const unique = { unique: 'the same everywhere' }
  for (const options of [{}, unique, {}, {}]) {
    expect(await client.doBackground('f', '', options)).toContain(server.address)
  }
  // One after another they would take ten seconds.
  expect(performance.now() - started).toBeLessThan(4_000)
})

test('a large workload over a slow line goes on while bytes go, and so does what waits behind it', async () => {
  await using server = await startGearmand()
  await using slow = await startFakeServer((socket) => {
    const inner = connect(server.port, server.host)
    inner.on('error', () => socket.destroy())
    inner.pipe(socket)
    socket.on('close', () => inner.destroy())
    socket.on('data', (chunk) => {
      inner.write(chunk)
      socket.pause()
      // 4 MB a second.
      setTimeout(() => socket.resume(), chunk.length / 4_000)
    })
  })
  await using client = new GearmanClient({ servers: slow.address, timeout: 1_000, heartbeat: 500 })
  const down: string[] = []
  client.on('server:down', ({ error }) => down.push(error.message))
  await client.ping()
  const started = performance.now()
  const large = client.doBackground('large', Buffer.alloc(12_000_000, 'x'))
  expect(await Promise.all([large, client.ping()])).toEqual([expect.any(String), undefined])
  expect(performance.now() - started).toBeGreaterThan(1_500)
  expect(down).toEqual([])
})

test('a large workload for a server that hangs ends', async () => {
  await using server = await startGearmand()
  await using proxy = await startProxy(server.address)
  await using client = new GearmanClient({ servers: proxy.address, timeout: 300 })
  await client.ping()
  proxy.stall()
  const large = client.doBackground('large', Buffer.alloc(200_000, 'x'))
  await expect(large).rejects.toBeInstanceOf(TimeoutError)
})

test('close ends where a call has no answer although the server talks', async () => {
  await using server = await startGearmand()
  await using proxy = await startProxy(server.address)
  await using worker = new GearmanWorker(server.address)
  worker.addFunction('steps', async (job) => {
    for (let step = 0; !job.signal.aborted; step += 1) {
      await job.sendStatus(step, 0)
      await sleep(2)
    }
  })
  void worker.work()
  const client = new GearmanClient({ servers: proxy.address, timeout: 500, heartbeat: false })
  let steps = 0
  const long = client.do('steps', '', { onStatus: () => (steps += 1) })
  const ended = expect(long).rejects.toMatchObject({ code: 'ERR_GEARMAN_CLOSED' })
  await waitFor(() => steps > 10)
  // What it is asked does not arrive; what it says does.
  proxy.stall('toServer')
  await expect(client.doBackground('f', 'x')).rejects.toBeInstanceOf(TimeoutError)
  const before = steps
  await waitFor(() => steps > before)
  await client.close()
  await ended
  await worker.close({ timeout: 1 })
})

test('a connection that was lost while the process was busy costs no call', async () => {
  await using server = await startGearmand()
  await using other = await startGearmand()
  await using client = new GearmanClient([server.address, other.address])
  await client.ping()
  // Long enough that it looks before it writes.
  await sleep(1_200)
  const { pid } = server
  const killed = server.kill()
  const until = performance.now() + 500
  while (performance.now() < until || isRunning(pid));
  const handles = await Promise.all([1, 2, 3, 4].map((job) => client.doBackground('f', job)))
  for (const handle of handles) expect(handle).toContain(other.address)
  await killed
})

/** Whether the process has not ended yet; said without a turn of the event loop, in which its end would be heard. */
function isRunning(pid: number | undefined): boolean {
  if (pid === undefined) return false
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return false
  }
}
