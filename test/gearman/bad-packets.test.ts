import type { Socket } from 'node:net'
import { GearmanWorker } from '@glammp/gearman'
import { expect, test } from 'vitest'
import { type FakeServer, startFakeServer } from '../support/fake-server.js'
import { waitFor } from '../support/wait.js'

const CANT_DO = 2
const NOOP = 6
const NO_JOB = 10
const JOB_ASSIGN = 11
const WORK_COMPLETE = 13
const ECHO_REQ = 16
const ECHO_RES = 17
const ERROR = 19
const GRAB_JOB_ALL = 39
const JOB_ASSIGN_UNIQ = 31

function packet(type: number, ...args: string[]): Buffer {
  const body = Buffer.from(args.join('\0'))
  const header = Buffer.from('\0RES\0\0\0\0\0\0\0\0', 'latin1')
  header.writeUInt32BE(type, 4)
  header.writeUInt32BE(body.length, 8)
  return Buffer.concat([header, body])
}

const job = (number: number, fn: string): Buffer =>
  packet(JOB_ASSIGN_UNIQ, `H:x:${number}`, fn, 'id', 'data')

/** The header of a request, as a fake server receives it. */
const request = (type: number): string => `\0REQ\0\0\0${String.fromCharCode(type)}`

const heard = (server: FakeServer, text: string): boolean =>
  server.received().toString('latin1').includes(text)

/** A worker asks for jobs once its greeting is answered. */
function greet(socket: Socket): void {
  socket.on('data', (chunk) => {
    if (chunk.includes(request(ECHO_REQ), 0, 'latin1')) socket.write(packet(ECHO_RES, ''))
  })
}

/** Says the bytes on its first connection, and gives a job on the second. */
const startLiar = async (bytes: string | Buffer): Promise<FakeServer> => {
  let first = true
  return await startFakeServer((socket: Socket) => {
    const answer = first ? bytes : job(7, 'sane')
    first = false
    greet(socket)
    socket.on('data', (chunk) => {
      if (chunk.includes(request(GRAB_JOB_ALL), 0, 'latin1'))
        socket.write(answer as string, 'latin1')
    })
  })
}

test.each([
  ['text', 'ERR\r\n'],
  ['a garbled header', '\0REX\0\0\0\x0a\0\0\0\0'],
  ['an announced length of 4 GiB', '\0RES\0\0\0\x1f\xff\xff\xff\xff'],
  ['an unknown packet', packet(99, 'x')],
  ['a packet of the other side', packet(GRAB_JOB_ALL)],
  ['an answer for clients', packet(8, 'H:x:1')],
  ['an assignment without its arguments', packet(JOB_ASSIGN_UNIQ, 'H:x:1')],
  ['an assignment of another kind', packet(JOB_ASSIGN, 'H:x:1', 'sane', 'data')],
  ['a job of a function that was never registered', job(1, 'strange')],
  ['more jobs than were asked for', Buffer.concat([1, 2, 3].map((each) => job(each, 'sane')))],
  ['more refusals than grabs', Buffer.concat([packet(NO_JOB), packet(NO_JOB)])],
  ['a refusal of gearmand', packet(ERROR, 'INVALID_COMMAND', 'Command+not+expected')],
])('%s to a worker costs its connection, and the next one is clean', async (_, bytes) => {
  await using server = await startLiar(bytes)
  await using worker = new GearmanWorker(server.address)
  let most = 0
  worker.addFunction('sane', async () => {
    most = Math.max(most, worker.running)
    await new Promise(setImmediate)
    return 'served'
  })
  void worker.work()
  await waitFor(() => heard(server, `H:x:7\0served`))
  expect(server.connections).toBe(2)
  expect(most).toBe(1)
  await worker.close({ timeout: 100 })
})

test('wake-ups in the middle of anything change nothing', async () => {
  await using server = await startLiar(
    Buffer.concat([packet(NOOP), packet(NOOP), job(7, 'sane'), packet(NOOP)]),
  )
  await using worker = new GearmanWorker(server.address)
  worker.addFunction('sane', () => 'served')
  void worker.work()
  await waitFor(() => heard(server, `H:x:7\0served`))
  expect(server.connections).toBe(1)
  await worker.close({ timeout: 100 })
})

test('a job of a function that was just removed is run, and the function given up after it', async () => {
  let socket: Socket | undefined
  await using server = await startFakeServer((accepted) => {
    socket = accepted
    greet(socket)
  })
  await using worker = new GearmanWorker(server.address)
  worker.addFunction('removed', () => 'still served')
  worker.addFunction('kept', () => 'kept')
  void worker.work()
  await waitFor(() => heard(server, request(GRAB_JOB_ALL)))
  // The grab is on its way: gearmand may answer it with a job of any function that it knew.
  worker.removeFunction('removed')
  socket?.write(job(1, 'removed'))
  await waitFor(() => heard(server, `${request(CANT_DO)}\0\0\0\x07removed`))
  const said = server.received().toString('latin1')
  expect(said).toContain('H:x:1\0still served')
  expect(said.indexOf(request(WORK_COMPLETE))).toBeLessThan(said.indexOf(request(CANT_DO)))
  await worker.close({ timeout: 100 })
})

test.each([
  ['an announced length of 4 GiB', Buffer.from('\0RES\0\0\0\x06\xff\xff\xff\xff', 'latin1')],
  ['an unknown type', packet(43, 'x')],
  ['type 0', packet(0, '')],
  ['a job without its arguments', packet(JOB_ASSIGN_UNIQ, 'H:x:1')],
  [
    'a job of a function that was never registered',
    packet(JOB_ASSIGN_UNIQ, 'H:x:1', 'other', '', ''),
  ],
  ['a packet for clients', packet(8, 'H:x:1')],
  ['text', Buffer.from('ERR something\r\n')],
])('%s costs a worker its connection, and it connects again', async (_, bytes) => {
  await using fake = await startFakeServer((socket) => {
    socket.once('data', () => socket.write(fake.connections === 1 ? bytes : packet(NO_JOB)))
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
      const stray = packet(ERROR, 'JOB_NOT_FOUND', 'Job given in work result not found')
      socket.write(Buffer.concat([stray, packet(JOB_ASSIGN_UNIQ, 'H:x:1', 'f', 'u', 'w')]))
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
