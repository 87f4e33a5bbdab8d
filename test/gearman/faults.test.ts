import { once } from 'node:events'
import { ConnectionError, GearmanClient, GearmanWorker, TimeoutError } from '@glammp/gearman'
import { afterEach, expect, test } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { startGearmand } from '../support/gearmand.js'
import { startProxy } from '../support/proxy.js'
import { waitFor } from '../support/wait.js'

const unhandled: unknown[] = []
const note = (reason: unknown): void => {
  unhandled.push(reason)
}
process.on('unhandledRejection', note)
afterEach(() => {
  expect(unhandled).toEqual([])
})

function packet(type: number, ...parts: (string | Buffer)[]): Buffer {
  const body = Buffer.concat(
    parts.flatMap((part, index) => [
      ...(index === 0 ? [] : [Buffer.from([0])]),
      Buffer.from(part as string),
    ]),
  )
  const header = Buffer.from('\0RES\0\0\0\0\0\0\0\0', 'latin1')
  header.writeUInt32BE(type, 4)
  header.writeUInt32BE(body.length, 8)
  return Buffer.concat([header, body])
}

const OPTION_RES = packet(27, 'exceptions')

async function failureOf(call: PromiseLike<unknown>): Promise<Error & { code: string }> {
  return call.then(
    () => expect.unreachable('it should have failed'),
    (error: Error & { code: string }) => error,
  )
}

test('a server that is down is a ConnectionError at once, and is used when it is up', async () => {
  const server = await startGearmand()
  await server.kill()
  await using client = new GearmanClient(server.address)
  await using worker = new GearmanWorker(server.address)
  worker.addFunction('echo', (job) => job.workload())
  void worker.work()
  const error = await failureOf(client.do('echo', 'x'))
  expect(error).toBeInstanceOf(ConnectionError)
  expect(error).toMatchObject({
    code: 'ERR_GEARMAN_CONNECTION',
    server: server.address,
    function: 'echo',
    cause: { code: 'ECONNREFUSED' },
  })
  await expect(client.ping()).rejects.toBeInstanceOf(ConnectionError)
  await expect(client.jobStatus('H:x:1')).rejects.toBeInstanceOf(ConnectionError)
  await server.restart()
  expect(await client.do('echo', 'back')).toBe('back')
  await server.stop()
})

test('a server that hangs ends every call within its timeout, and is used when it goes on', async () => {
  await using server = await startGearmand()
  await using client = new GearmanClient({ servers: server.address, timeout: 500 })
  await using worker = new GearmanWorker(server.address)
  worker.addFunction('echo', (job) => job.workload())
  void worker.work()
  expect(await client.do('echo', 'a')).toBe('a')
  const acknowledged = client.submit('unserved')
  await client.ping()
  await server.pause()
  const started = performance.now()
  const errors = await Promise.all(
    [
      client.do('echo', 'b'),
      client.doBackground('echo', 'c'),
      client.jobStatus('H:x:1'),
      client.ping(),
      acknowledged,
    ].map(failureOf),
  )
  const took = performance.now() - started
  for (const error of errors) expect(error).toBeInstanceOf(TimeoutError)
  expect(took).toBeGreaterThanOrEqual(499)
  expect(took).toBeLessThan(5_000)
  // The kernel still accepts connections for it.
  expect(await failureOf(client.do('echo', 'd'))).toBeInstanceOf(TimeoutError)
  await server.resume()
  expect(await client.do('echo', 'e')).toBe('e')
})

test('an address where nothing answers ends with the time for connecting', async () => {
  await using server = await startGearmand()
  await using proxy = await startProxy(server.address)
  proxy.stall()
  await using client = new GearmanClient({
    servers: `gearmans://${proxy.address}`,
    connectTimeout: 150,
  })
  const error = await failureOf(client.do('echo', 'x'))
  expect(error).toMatchObject({ code: 'ERR_GEARMAN_TIMEOUT', message: /150 ms/ })
})

test('a lost connection rejects what waited on it, and the next call has a new one', async () => {
  await using server = await startGearmand()
  await using proxy = await startProxy(server.address)
  await using client = new GearmanClient(proxy.address)
  const waiting = [1, 2, 3].map((number) => client.do('unserved', number))
  await client.ping()
  proxy.cut()
  for (const error of await Promise.all(waiting.map(failureOf))) {
    expect(error).toBeInstanceOf(ConnectionError)
    expect(error).toMatchObject({ handle: expect.stringContaining('//H:') })
  }
  await client.ping()
  expect(proxy.connections).toBe(2)
})

test('a job that is sent again has no handle before the next server has acknowledged it', async () => {
  await using server = await startGearmand()
  await using proxy = await startProxy(server.address)
  await using silent = await startFakeServer(() => undefined)
  await using client = new GearmanClient({ servers: [proxy.address, silent.address] })
  const options = { retries: 1, timeout: 900 }
  const task = client.submit('unserved', 'x', options)
  await once(task, 'created')
  proxy.cut()
  const error = await failureOf(task)
  expect(error).toBeInstanceOf(TimeoutError)
  expect(error).toMatchObject({ server: silent.address })
  expect(error).not.toHaveProperty('handle')
})

test('a retry that the caller allowed is made where the answer was lost', async () => {
  await using server = await startGearmand()
  await using proxy = await startProxy(server.address)
  await using client = new GearmanClient(proxy.address)
  await client.ping()
  proxy.stall('toClient')
  const allowed = client.doBackground('f', 'x', { retries: 2 })
  const forbidden = failureOf(client.doBackground('f', 'y'))
  await waitFor(() => proxy.bytes('toServer') > 100)
  proxy.cut()
  proxy.heal()
  expect(await allowed).toMatch(/\/\/H:/)
  expect(await forbidden).toBeInstanceOf(ConnectionError)
})

test.each([
  ['text', 'ERROR\r\n'],
  ['a garbled header', '\0RXS\0\0\0\x08\0\0\0\0'],
  ['an unknown packet', packet(99, 'x')],
  ['an announced length of 4 GiB', '\0RES\0\0\0\x08\xff\xff\xff\xff'],
  ['an answer to nothing', packet(8, 'H:x:1')],
  ['a packet for servers', packet(7, 'f', 'u', 'x')],
  ['the wrong answer', Buffer.concat([OPTION_RES, packet(17, 'ping')])],
])('%s from a server is a ProtocolError, and the next connection is clean', async (_, bytes) => {
  let garbage = true
  await using server = await startFakeServer((socket) => {
    socket.once('data', () => {
      if (garbage) socket.write(bytes as string, 'latin1')
      else socket.write(Buffer.concat([OPTION_RES, packet(8, 'H:x:7')]))
    })
    // What is asked behind a job: `close` waits for the answer.
    socket.on('data', (chunk) => {
      if (!garbage && chunk.includes('ping')) socket.write(packet(17, 'ping'))
    })
  })
  await using client = new GearmanClient(server.address)
  const error = await failureOf(client.doBackground('f', 'x'))
  expect(error).toMatchObject({ name: 'ProtocolError', code: 'ERR_GEARMAN_PROTOCOL' })
  garbage = false
  expect(await client.doBackground('f', 'x')).toBe(`${server.address}//H:x:7`)
})

test('a second final packet, an unknown handle and a stray JOB_NOT_FOUND change nothing', async () => {
  await using server = await startFakeServer((socket) => {
    socket.once('data', () => {
      const answers = [
        OPTION_RES,
        packet(8, 'H:x:1'),
        packet(14, 'H:x:1\0'),
        packet(13, 'H:x:1', 'too late'),
        packet(13, 'H:x:9', 'nobody asked'),
        packet(19, 'JOB_NOT_FOUND', 'Job given in work result not found'),
        packet(8, 'H:x:2'),
        packet(13, 'H:x:2', Buffer.from('a\0b')),
      ]
      socket.write(Buffer.concat(answers))
    })
  })
  await using client = new GearmanClient(server.address)
  const [first, second] = await Promise.allSettled([client.do('f', '1'), client.do('f', '2')])
  expect(first).toMatchObject({ reason: { code: 'ERR_GEARMAN_JOB_FAILED' } })
  expect(second).toEqual({ status: 'fulfilled', value: 'a\0b' })
})

test('an ERROR belongs to the oldest call without an answer', async () => {
  await using server = await startFakeServer((socket) => {
    socket.once('data', () => {
      socket.write(
        Buffer.concat([
          packet(19, 'UNKNOWN_OPTION', 'no such option'),
          packet(8, 'H:x:1'),
          packet(19, 'QUEUE_ERROR', 'Job queue is full'),
          packet(8, 'H:x:3'),
        ]),
      )
    })
  })
  await using client = new GearmanClient(server.address)
  const [first, second, third] = await Promise.allSettled([
    client.doBackground('f', '1'),
    client.doBackground('f', '2'),
    client.doBackground('f', '3'),
  ])
  expect(first).toMatchObject({ value: `${server.address}//H:x:1` })
  expect(second).toMatchObject({ reason: { serverCode: 'QUEUE_ERROR' } })
  expect(third).toMatchObject({ value: `${server.address}//H:x:3` })
})

test('an answer after its timeout does not reach the next call', async () => {
  await using server = await startFakeServer((socket) => {
    let packets = 0
    socket.on('data', () => {
      packets += 1
      if (packets === 1) socket.write(OPTION_RES)
      // Some sign of life, so that the connection is kept.
      if (packets === 2) setTimeout(() => socket.write(packet(12, 'H:other:1', '1', '2')), 150)
      if (packets === 3) socket.write(Buffer.concat([packet(8, 'H:x:1'), packet(8, 'H:x:2')]))
    })
  })
  await using client = new GearmanClient({ servers: server.address, timeout: 300 })
  expect(await failureOf(client.doBackground('slow', '1'))).toBeInstanceOf(TimeoutError)
  expect(await client.doBackground('slow', '2')).toBe(`${server.address}//H:x:2`)
  expect(server.connections).toBe(1)
})

test('more than maxPending calls at once are refused, the others go on', async () => {
  await using server = await startGearmand()
  await using client = new GearmanClient({ servers: server.address, maxPending: 100 })
  const calls = Array.from({ length: 120 }, () => client.doBackground('f', 'x'))
  const ends = await Promise.allSettled(calls)
  expect(ends.filter((end) => end.status === 'fulfilled')).toHaveLength(100)
  expect(ends[119]).toMatchObject({ reason: { code: 'ERR_GEARMAN_QUEUE_FULL' } })
  expect(await client.doBackground('f', 'x')).toMatch(/\/\/H:/)
})
