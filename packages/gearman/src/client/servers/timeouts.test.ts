import { expect, test, vi } from 'vitest'
import { settled } from '../../link/fake-connection.js'
import {
  acknowledged,
  CONNECT_TIMEOUT,
  client,
  deadlines,
  gearmand,
  greeted,
  Job,
  send,
  setUp,
  TIMEOUT,
  told,
} from './fake-client.js'

setUp()

test('a server that takes connections and does not answer is down, sooner where there are others', async () => {
  for (const [alone, time] of [
    [false, CONNECT_TIMEOUT],
    [true, TIMEOUT],
  ] as const) {
    const made = client({ alone: () => alone })
    const job = new Job('one')
    made.send(job)
    const connection = await gearmand.latest()
    deadlines.pass(time - 1)
    expect(connection.reason).toBeUndefined()
    deadlines.pass(1)
    expect(connection.reason?.kind).toBe('timeout')
    expect(job.events).toEqual(['undelivered timeout'])
    expect(told.splice(0)).toEqual(['down a:4730 timeout'])
  }
})

test('where nothing comes within the time the connection is given up, and all that waits with it', async () => {
  const made = client()
  const connection = await greeted(made)
  const [acked] = await acknowledged(made, connection, 'zero')
  const [late] = send(made, 'one')
  deadlines.pass(100)
  const [other] = send(made, 'two')
  deadlines.pass(TIMEOUT - 101)
  expect(late?.events).toEqual([])
  deadlines.pass(1)
  expect(late?.events).toEqual(['failed TimeoutError'])
  expect(connection.reason?.kind).toBe('timeout')
  expect(other?.events).toEqual(['undelivered timeout sent'])
  expect(acked.events).toEqual(['undelivered timeout sent'])
  expect(told).toEqual(['down a:4730 timeout'])
})

test('where others are answered meanwhile only the late request ends, and its answer goes to nobody', async () => {
  const made = client()
  const connection = await greeted(made)
  const [done] = await acknowledged(made, connection, 'zero')
  const [late] = send(made, 'one')
  deadlines.pass(TIMEOUT - 1)
  connection.receive('WORK_COMPLETE', 'H:1', 'ZERO')
  expect(done.events).toEqual(['complete ZERO'])
  deadlines.pass(1)
  expect(late?.events).toEqual(['failed TimeoutError'])
  expect(connection.reason).toBeUndefined()
  const [next] = send(made, 'two')
  await settled()
  connection.receive('JOB_CREATED', 'H:2')
  connection.receive('JOB_CREATED', 'H:3')
  expect(late?.events).toHaveLength(1)
  expect(next?.events).toEqual(['created a:4730//H:3'])
  expect(deadlines.size).toBe(0)
})

test('a request that has no connection within its time was not sent, and ends', async () => {
  const made = client()
  const [job] = send(made, 'one')
  deadlines.pass(TIMEOUT)
  expect(job?.events).toEqual(['failed TimeoutError'])
  expect(made.pending).toBe(1)
  await greeted(made)
  expect(made.pending).toBe(0)
})

test('an answer that stands behind a large packet on its way is waited for', async () => {
  const made = client()
  const connection = await greeted(made)
  await acknowledged(made, connection, 'zero')
  const [job] = send(made, 'one')
  deadlines.pass(TIMEOUT - 1)
  // The beginning of a WORK_COMPLETE of a megabyte.
  connection.receiveBytes(Buffer.from('\0RES\0\0\0\x0d\0\x10\0\0H:1\0xxx', 'latin1'))
  deadlines.pass(TIMEOUT)
  expect(job?.events).toEqual([])
  deadlines.pass(TIMEOUT)
  expect(job?.events).toEqual(['failed TimeoutError'])
  expect(connection.reason?.kind).toBe('timeout')
})

test('a drip of bytes of a packet is silence', async () => {
  const made = client()
  const connection = await greeted(made)
  await acknowledged(made, connection, 'zero')
  const [job] = send(made, 'one')
  connection.receiveBytes(Buffer.from('\0RES\0\0\0\x0d\0\x10\0\0H:1\0xxx', 'latin1'))
  for (let turn = 0; turn < 30 && job?.events.length === 0; turn += 1) {
    deadlines.pass(TIMEOUT / 10)
    connection.receiveBytes(Buffer.from('x'))
  }
  expect(job?.events).toEqual(['failed TimeoutError'])
})

test('a large workload is not late while its bytes leave', async () => {
  const made = client()
  const connection = await greeted(made)
  connection.takes = false
  let left = connection.left
  vi.spyOn(connection, 'left', 'get').mockImplementation(() => left)
  const [job] = send(made, new Job(Buffer.alloc(100_000)))
  // What the kernels may hold of it has half a second more.
  const patience = TIMEOUT + 500
  for (let step = 0; step < 20; step += 1) {
    deadlines.pass(patience - 100)
    left += 5_000
  }
  expect(job?.events).toEqual([])
  // Who is slow for so long may be as slow with what lies on the way.
  deadlines.pass(25 * patience)
  expect(job?.events).toEqual(['failed TimeoutError'])
  expect(connection.reason?.kind).toBe('timeout')
})

test('what the server has answered is no longer on its way; a new connection has brought nothing', async () => {
  const made = client()
  const connection = await greeted(made)
  await acknowledged(made, connection, new Job(Buffer.alloc(100_000)))
  const [small] = send(made, 'x')
  deadlines.pass(TIMEOUT)
  expect(small?.events).toEqual(['failed TimeoutError'])
  expect(connection.reason?.kind).toBe('timeout')
  const [large] = send(made, new Job(Buffer.alloc(100_000)))
  const next = await gearmand.connection(1)
  next.receive('OPTION_RES', 'exceptions')
  await settled()
  deadlines.pass(TIMEOUT + 100)
  expect(large?.events).toEqual([])
})

test('after a silence what has come is read before more is sent: the end of the connection, too', async () => {
  const made = client()
  const first = await greeted(made)
  await acknowledged(made, first, 'zero')
  deadlines.pass(1_001)
  const [job] = send(made, 'one')
  first.lose()
  const second = await gearmand.connection(1)
  second.receive('OPTION_RES', 'exceptions')
  await settled()
  expect(first.packets).toEqual([])
  expect(second.packets).toEqual(['OPTION_REQ exceptions', 'SUBMIT_JOB title  one'])
  expect(job?.events).toEqual([])
})

test('after a silence without an end the request goes out as ever', async () => {
  const made = client()
  const connection = await greeted(made)
  deadlines.pass(1_001)
  send(made, 'one', 'two')
  expect(connection.output.empty).toBe(true)
  await settled()
  expect(connection.packets).toEqual(['SUBMIT_JOB title  one', 'SUBMIT_JOB title  two'])
})

test('a server that says nothing where an answer is due counts as down', async () => {
  const made = client()
  const connection = await greeted(made)
  send(made, 'one')
  await settled()
  deadlines.pass(CONNECT_TIMEOUT)
  expect(made.down).toBe(false)
  deadlines.pass(1)
  expect(made.down).toBe(true)
  connection.receive('JOB_CREATED', 'H:1')
  expect(made.down).toBe(false)
})

test('a connection without a word is asked, and given up where it does not answer', async () => {
  const made = client({ heartbeat: 2, timeout: 5 })
  const connection = await greeted(made)
  const [job] = send(made, 'one')
  await settled()
  connection.receive('JOB_CREATED', 'H:1')
  await vi.waitFor(() => expect(connection.packets).toContain('ECHO_REQ ping'))
  await vi.waitFor(() => expect(connection.reason?.kind).toBe('timeout'))
  expect(job?.events).toEqual(['created a:4730//H:1', 'undelivered timeout sent'])
})
