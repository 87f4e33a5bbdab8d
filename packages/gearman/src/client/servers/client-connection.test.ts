import { Fault } from '@glammp/wire'
import { expect, test } from 'vitest'
import { settled } from '../../link/fake-connection.js'
import { PacketType } from '../../protocol/packet.js'
import {
  acknowledged,
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
import { EchoQuery, HeartbeatQuery, StatusQuery } from './query.js'

setUp()

test('requests go out in their order, once the greeting of the connection was answered', async () => {
  const made = client()
  send(made, 'one', 'two')
  expect(made.pending).toBe(2)
  const connection = await gearmand.connection()
  send(made, 'three')
  await settled()
  expect(connection.take()).toEqual(['OPTION_REQ exceptions'])
  connection.receive('OPTION_RES', 'exceptions')
  send(made, 'four')
  await settled()
  expect(connection.take()).toEqual([
    'SUBMIT_JOB title  one',
    'SUBMIT_JOB title  two',
    'SUBMIT_JOB title  three',
    'SUBMIT_JOB title  four',
  ])
  expect(made.pending).toBe(4)
  expect(gearmand.attempts).toBe(1)
})

test('a server that refuses the greeting is as good', async () => {
  const made = client()
  send(made, 'one')
  const connection = await gearmand.connection()
  connection.receive('ERROR', 'UNKNOWN_OPTION', 'what is that')
  await settled()
  expect(connection.packets.at(-1)).toBe('SUBMIT_JOB title  one')
  expect(connection.reason).toBeUndefined()
})

test('acknowledgements are for the submits in their order, results for the job of their handle', async () => {
  const made = client()
  const connection = await greeted(made)
  const [one, two, three] = send(made, 'one', 'two', 'three')
  await settled()
  connection.receive('JOB_CREATED', 'H:1')
  connection.receive('JOB_CREATED', 'H:2')
  connection.receive('WORK_COMPLETE', 'H:2', 'TWO')
  connection.receive('JOB_CREATED', 'H:3')
  connection.receive('WORK_COMPLETE', 'H:3', 'THREE')
  connection.receive('WORK_COMPLETE', 'H:1', 'ONE')
  expect(one?.events).toEqual(['created a:4730//H:1', 'complete ONE'])
  expect(two?.events).toEqual(['created a:4730//H:2', 'complete TWO'])
  expect(three?.events).toEqual(['created a:4730//H:3', 'complete THREE'])
  expect(made.pending).toBe(0)
})

test('every packet about a job reaches it, and none after the final one', async () => {
  const made = client()
  const connection = await greeted(made)
  const [job, failing, throwing] = await acknowledged(made, connection, 'one', 'two', 'three')
  connection.receive('WORK_DATA', 'H:1', 'part')
  connection.receive('WORK_STATUS', 'H:1', '1', '2')
  connection.receive('WORK_WARNING', 'H:1', 'careful')
  connection.receive('WORK_COMPLETE', 'H:1', 'all')
  connection.receive('WORK_DATA', 'H:1', 'more')
  connection.receive('WORK_FAIL', 'H:1')
  expect(job.events).toEqual(['data part', 'status 1/2', 'warning careful', 'complete all'])
  // gearmand ends the handle of some with a NUL.
  connection.receive('WORK_FAIL', 'H:2\0')
  expect(failing?.events).toEqual(['failed JobFailedError'])
  connection.receive('WORK_EXCEPTION', 'H:3', 'oh')
  expect(throwing?.error).toMatchObject({
    name: 'JobExceptionError',
    remoteMessage: 'oh',
    handle: 'a:4730//H:3',
    server: 'a:4730',
    function: 'title',
  })
  expect(connection.reason).toBeUndefined()
})

test('a background job is over with its acknowledgement', async () => {
  const made = client()
  const connection = await greeted(made)
  const order = { background: true, type: PacketType.SUBMIT_JOB_BG }
  const [job] = send(made, new Job('one', order))
  await settled()
  expect(connection.take()).toEqual(['SUBMIT_JOB_BG title  one'])
  connection.receive('JOB_CREATED', 'H:1')
  expect(job?.events).toEqual(['created a:4730//H:1', 'complete '])
  expect(made.pending).toBe(0)
})

test('a job that was given up before it was acknowledged keeps its place', async () => {
  const made = client()
  const connection = await greeted(made)
  const [gone, next] = send(made, 'one', 'two')
  await settled()
  gone?.abandon(new Fault('timeout', 'no time'))
  connection.receive('JOB_CREATED', 'H:1')
  connection.receive('JOB_CREATED', 'H:2')
  expect(made.pending).toBe(1)
  connection.receive('WORK_COMPLETE', 'H:1', 'ONE')
  connection.receive('WORK_COMPLETE', 'H:2', 'TWO')
  expect(gone?.events).toEqual(['failed TimeoutError'])
  expect(next?.events).toEqual(['created a:4730//H:2', 'complete TWO'])
  expect(made.pending).toBe(0)
})

test('a job that was given up before it was written is not sent', async () => {
  const made = client()
  const [gone] = send(made, 'one', 'two')
  gone?.abandon(new Fault('timeout', 'no time'))
  const connection = await greeted(made)
  await settled()
  expect(connection.packets).toEqual(['SUBMIT_JOB title  two'])
})

test('packets for nobody change nothing', async () => {
  const made = client()
  const connection = await greeted(made)
  const [job] = send(made, 'one')
  await settled()
  connection.receive('NOOP')
  connection.receive('WORK_COMPLETE', 'H:elsewhere', 'x')
  connection.receive('ERROR', 'JOB_NOT_FOUND', 'a late result')
  expect(job?.events).toEqual([])
  connection.receive('JOB_CREATED', 'H:1')
  expect(job?.events).toEqual(['created a:4730//H:1'])
  expect(connection.reason).toBeUndefined()
})

test('an answer to what was not asked closes the connection', async () => {
  const made = client()
  const first = await greeted(made)
  first.receive('JOB_CREATED', 'H:1')
  expect(first.reason?.kind).toBe('garbled')
  // It failed before it answered anything: it is not looked at before a rest, but asked by a request.
  const [job] = send(made, 'one')
  const second = await gearmand.connection(1)
  second.receive('OPTION_RES', 'exceptions')
  await settled()
  second.receive('STATUS_RES', 'H:1', '1', '1', '1', '2')
  expect(second.reason?.kind).toBe('garbled')
  expect(job?.events).toEqual(['undelivered garbled sent'])
})

test('ERROR is for the oldest request that waits, and for no other', async () => {
  const made = client()
  const connection = await greeted(made)
  const [refused, next] = send(made, 'one', 'two')
  await settled()
  connection.receive('ERROR', 'QUEUE_ERROR', 'full')
  connection.receive('JOB_CREATED', 'H:2')
  expect(refused?.events).toEqual(['failed ServerError'])
  expect(refused?.error).toMatchObject({ serverCode: 'QUEUE_ERROR', server: 'a:4730' })
  expect(refused?.error?.message).toContain('full')
  expect(next?.events).toEqual(['created a:4730//H:2'])
})

test('queries and jobs are answered in one order', async () => {
  const made = client()
  const connection = await greeted(made)
  const [job] = send(made, 'one')
  const status = new Promise((resolve, reject) => {
    made.send(new StatusQuery('H:9', resolve, reject))
  })
  await settled()
  expect(connection.take()).toEqual(['SUBMIT_JOB title  one', 'GET_STATUS H:9'])
  connection.receive('JOB_CREATED', 'H:1')
  connection.receive('STATUS_RES', 'H:9', '1', '0', '3', '4')
  expect(await status).toEqual({ known: true, running: false, numerator: 3, denominator: 4 })
  expect(job?.events).toEqual(['created a:4730//H:1'])
})

test('what was written or acknowledged was sent; a lost connection says so', async () => {
  const made = client()
  const connection = await greeted(made)
  const [acked, written] = send(made, 'one', 'two')
  await settled()
  connection.receive('JOB_CREATED', 'H:1')
  connection.lose()
  expect(acked?.events).toEqual(['created a:4730//H:1', 'undelivered lost sent'])
  expect(written?.events).toEqual(['undelivered lost sent'])
  expect(deadlines.size).toBe(0)
  expect(made.pending).toBe(0)
  // It had answered: one lost connection does not make the server one that is down.
  expect(told).toEqual([])
})

test('what waits for the greeting was not sent', async () => {
  const made = client()
  const [waiting] = send(made, 'one')
  const connection = await gearmand.connection()
  connection.lose()
  expect(waiting?.events).toEqual(['undelivered lost'])
  expect(told).toEqual(['down a:4730 lost'])
})

test('a server that cannot be reached is down once, and up with the first answer', async () => {
  const made = client()
  gearmand.refuses = new Fault('connect', 'no connection: refused')
  const [one] = send(made, 'one')
  await settled()
  const [two] = send(made, 'two')
  await settled()
  expect(one?.events).toEqual(['undelivered connect'])
  expect(two?.events).toEqual(['undelivered connect'])
  expect(told).toEqual(['down a:4730 connect'])
  expect(made.down).toBe(true)
  gearmand.refuses = undefined
  const [three] = send(made, 'three')
  const connection = await gearmand.connection()
  connection.receive('OPTION_RES', 'exceptions')
  expect(told).toHaveLength(1)
  await settled()
  connection.receive('JOB_CREATED', 'H:3')
  expect(told).toEqual(['down a:4730 connect', 'up a:4730'])
  expect(made.down).toBe(false)
  expect(three?.events).toEqual(['created a:4730//H:3'])
})

test('drained: every request has its answer or its error', async () => {
  const made = client()
  const connection = await greeted(made)
  const [, gone] = send(made, 'one', 'two')
  let drained = false
  const waiting = made.drained().then(() => {
    drained = true
  })
  await settled()
  expect(drained).toBe(false)
  connection.receive('JOB_CREATED', 'H:1')
  await settled()
  expect(drained).toBe(false)
  deadlines.pass(TIMEOUT)
  expect(gone?.events).toEqual(['failed TimeoutError'])
  await waiting
})

test('closed, the jobs that are waited for end, and the server is not down', async () => {
  const made = client()
  const connection = await greeted(made)
  const [job] = await acknowledged(made, connection, 'one')
  made.close(new Fault('closed', 'the client was closed'))
  expect(job.events).toEqual(['undelivered closed sent'])
  const fresh = client()
  const unused = await greeted(fresh, 1)
  fresh.close(new Fault('closed', 'the client was closed'))
  expect(unused.reason?.kind).toBe('closed')
  expect(told).toEqual([])
})

test('closed while it looks what has arrived, it does not connect again for a heartbeat', async () => {
  const made = client({ heartbeat: 2 })
  const connection = await greeted(made)
  deadlines.pass(1_001)
  const beat = new HeartbeatQuery()
  deadlines.add(beat, TIMEOUT)
  made.send(beat)
  made.close(new Fault('closed', 'the client was closed'))
  expect(connection.reason?.kind).toBe('closed')
  await settled()
  expect(gearmand.attempts).toBe(1)
  expect(made.pending).toBe(0)
  expect(deadlines.size).toBe(0)
})

test('what failed without a connection leaves no timer behind', async () => {
  const made = client()
  gearmand.refuses = new Fault('connect', 'no connection: refused')
  const query = new EchoQuery(
    () => {},
    () => {},
  )
  deadlines.add(query, TIMEOUT)
  made.send(query)
  await settled()
  expect(query.settled).toBe(true)
  expect(deadlines.size).toBe(0)
})
