import { Fault } from '@glammp/wire'
import { expect, test, vi } from 'vitest'
import type { FakeConnection } from '../../link/fake-connection.js'
import { settled } from '../../link/fake-connection.js'
import { CLOSED, gearmand, running, setUp, waits, welcomed, worker } from './fake-worker.js'

setUp()

test('a connection begins with its name, all functions, and a question: only its answer lets it grab', async () => {
  const { made, owner } = worker({ clientId: 'w1' })
  made.add('title', undefined)
  made.add('slow', 5_000)
  expect(gearmand.attempts).toBe(0)
  made.start()
  const connection = await gearmand.connection()
  expect(connection.take()).toEqual([
    'SET_CLIENT_ID w1',
    'CAN_DO title',
    'CAN_DO_TIMEOUT slow 5000',
    'ECHO_REQ ',
  ])
  made.add('late', undefined)
  expect([made.hungry, made.idle]).toEqual([false, false])
  expect(owner.take()).toEqual([])
  const { changes } = owner
  connection.receive('ECHO_RES')
  expect(owner.take()).toEqual(['up a:4730'])
  expect(owner.changes).toBeGreaterThan(changes)
  expect([made.hungry, made.idle]).toEqual([true, false])
  made.close(CLOSED)
})

test('grab, sleep, wake: each says what the owner may do next', async () => {
  const { made, owner, connection } = await welcomed()
  made.grab()
  made.grab()
  await settled()
  expect(connection.take()).toEqual(['GRAB_JOB_ALL', 'GRAB_JOB_ALL'])
  expect(made.inFlight).toBe(2)
  connection.receive('NO_JOB')
  // One grab is still out: asleep it would wake for nothing.
  expect([made.inFlight, made.hungry, made.idle]).toEqual([1, false, false])
  connection.receive('NO_JOB')
  expect([made.inFlight, made.hungry, made.idle]).toEqual([0, false, true])
  expect(owner.take()).toEqual(['returned 1', 'returned 1'])
  made.sleep()
  await settled()
  expect(connection.take()).toEqual(['PRE_SLEEP'])
  expect([made.hungry, made.idle]).toEqual([false, false])
  const { changes } = owner
  connection.receive('NOOP')
  expect([made.hungry, made.idle]).toEqual([true, false])
  expect(owner.changes).toBeGreaterThan(changes)
  made.close(CLOSED)
})

test('a job is told as gearmand assigned it, with its connection', async () => {
  const { made, owner, connection } = await welcomed()
  made.grab()
  made.grab()
  connection.receive('JOB_ASSIGN_UNIQ', 'H:1', 'title', 'u1', 'one\0two')
  connection.receive('JOB_ASSIGN_ALL', 'H:2', 'title', 'u2', 'sum', 'three')
  expect(made.inFlight).toBe(0)
  expect(owner.take()).toEqual(['assigned H:1', 'assigned H:2'])
  expect(
    owner.jobs.map(({ assignment }) => ({ ...assignment, data: `${assignment.data}` })),
  ).toEqual([
    { handle: 'H:1', wireName: 'title', unique: 'u1', reducer: undefined, data: 'one\0two' },
    { handle: 'H:2', wireName: 'title', unique: 'u2', reducer: 'sum', data: 'three' },
  ])
  expect(made.hungry).toBe(true)
  expect(owner.jobs[0]?.origin.name).toBe('a:4730')
  made.close(CLOSED)
})

test('a job behind an empty answer wakes the connection', async () => {
  const { made, connection } = await welcomed()
  made.grab()
  made.grab()
  connection.receive('NO_JOB')
  expect(made.hungry).toBe(false)
  connection.receive('JOB_ASSIGN_UNIQ', 'H:1', 'title', '', '')
  expect(made.hungry).toBe(true)
  made.close(CLOSED)
})

test('a server that had no job is asked again after a moment, if nobody lets it sleep', async () => {
  const { made, connection } = await welcomed()
  made.grab()
  connection.receive('NO_JOB')
  expect(made.hungry).toBe(false)
  await vi.waitFor(() => expect(made.hungry).toBe(true), { interval: 5 })
  made.close(CLOSED)
})

test.each<[name: string, ...packet: Parameters<FakeConnection['receive']>]>([
  ['a job that was not asked for', 'JOB_ASSIGN_UNIQ', 'H:1', 'title', '', ''],
  ['an answer to no grab', 'NO_JOB'],
  ['an error', 'ERROR', 'INVALID_COMMAND', 'what'],
  ['a packet for clients', 'JOB_CREATED', 'H:1'],
])('%s closes the connection', async (_, ...packet) => {
  const { made, owner, connection } = await welcomed()
  connection.receive(...packet)
  expect(connection.reason?.kind).toBe('garbled')
  expect(owner.take()).toEqual(['down a:4730 garbled'])
  made.close(CLOSED)
})

test('that a result came too late is no fault of the connection', async () => {
  const { made, connection } = await welcomed()
  connection.receive('ERROR', 'JOB_NOT_FOUND', 'gone')
  expect(connection.reason).toBeUndefined()
  made.close(CLOSED)
})

test('where nothing comes the slots of grabs are returned, and a job that comes late says so', async () => {
  const { made, owner, connection } = await welcomed({ timeout: 5 })
  made.grab()
  made.grab()
  await vi.waitFor(() => expect(owner.events).toEqual(['returned 2']), { interval: 5 })
  expect([made.hungry, made.inFlight]).toEqual([false, 2])
  owner.take()
  connection.receive('JOB_ASSIGN_UNIQ', 'H:1', 'title', '', '')
  expect(owner.take()).toEqual(['promised', 'assigned H:1 late'])
  expect(made.hungry).toBe(true)
  connection.receive('NO_JOB')
  // It was returned already.
  expect(owner.take()).toEqual([])
  expect(made.inFlight).toBe(0)
  made.grab()
  await vi.waitFor(() => expect(owner.events).toEqual(['returned 1']), { interval: 5 })
  owner.take()
  connection.lose()
  expect(owner.take()).toEqual(['down a:4730 lost'])
  made.close(CLOSED)
})

test('a lost connection returns its grabs and loses its jobs, and the next registers all anew', async () => {
  const { made, owner, connection } = await welcomed({ clientId: 'w1' })
  const { lost, end, origin } = await running(made, owner, connection)
  made.add('slow', 2_000)
  made.add('gone', undefined)
  made.grab()
  made.remove('gone')
  expect(made.serves('gone')).toBe(true)
  connection.lose()
  expect(owner.take()).toEqual(['returned 1', 'down a:4730 lost'])
  expect(lost).toEqual(['ConnectionError'])
  expect([made.hungry, made.idle, made.inFlight, made.running]).toEqual([false, false, 0, 0])
  expect(made.serves('gone')).toBe(false)
  const next = await gearmand.connection(1)
  expect(next.take()).toEqual([
    'SET_CLIENT_ID w1',
    'CAN_DO title',
    'CAN_DO_TIMEOUT slow 2000',
    'ECHO_REQ ',
  ])
  // Results of the old connection count nowhere.
  end()
  expect(origin.size).toBe(0)
  await settled()
  expect(next.packets).toEqual([])
  next.receive('ECHO_RES')
  expect(owner.take()).toEqual(['up a:4730'])
  expect(made.hungry).toBe(true)
  made.close(CLOSED)
})

test('functions that change while there is no connection are registered with the next', async () => {
  const { made, connection } = await welcomed()
  connection.lose()
  made.remove('title')
  made.add('other', 3_000)
  expect(made.serves('title')).toBe(false)
  const next = await gearmand.connection(1)
  expect(next.packets).toEqual(['CAN_DO_TIMEOUT other 3000', 'ECHO_REQ '])
  made.close(CLOSED)
})

test('the waits between connections grow, until one has answered a grab', async () => {
  const { made, owner } = worker()
  made.add('title', undefined)
  gearmand.refuses = new Fault('connect', 'no connection: refused')
  made.start()
  await vi.waitFor(() => expect(waits.length).toBeGreaterThanOrEqual(3), { interval: 2 })
  expect(waits.slice(0, 3)).toEqual([100, 200, 400])
  // Told once, however often it fails.
  expect(owner.take()).toEqual(['down a:4730 connect'])
  gearmand.refuses = undefined
  const first = await gearmand.connection()
  const failures = waits.length
  // A word is not enough: what accepts connections and drops them would be called without a pause.
  first.receive('ECHO_RES')
  first.lose()
  expect(waits.length).toBe(failures + 1)
  expect(waits.at(-1)).toBe(Math.min(100 * 2 ** failures, 3_000))
  const second = await gearmand.connection(1)
  second.receive('ECHO_RES')
  made.grab()
  second.receive('NO_JOB')
  second.lose()
  expect(waits.at(-1)).toBe(100)
  expect(owner.take()).toEqual([
    'up a:4730',
    'down a:4730 lost',
    'up a:4730',
    'returned 1',
    'down a:4730 lost',
  ])
  made.close(CLOSED)
})

test('one that takes connections and does not answer gets no grab, and is given up', async () => {
  const { made, owner } = worker({ timeout: 5 })
  made.start()
  const connection = await gearmand.connection()
  await vi.waitFor(() => expect(connection.reason?.kind).toBe('timeout'), { interval: 5 })
  expect(owner.events[0]).toBe('down a:4730 timeout')
  expect(made.hungry).toBe(false)
  made.close(CLOSED)
})

test('without a wake-up it asks again where that is wanted', async () => {
  const { made, connection } = await welcomed({ pollInterval: 1 })
  made.grab()
  connection.receive('NO_JOB')
  made.sleep()
  expect(made.hungry).toBe(false)
  await vi.waitFor(() => expect(made.hungry).toBe(true), { interval: 2 })
  made.close(CLOSED)
})

test('woken for nothing again and again, it pauses; a job ends that', async () => {
  const { made, connection } = await welcomed()
  const cycle = (answer: 'nothing' | 'job'): boolean => {
    made.grab()
    if (answer === 'job') connection.receive('JOB_ASSIGN_UNIQ', 'H:1', 'title', '', '')
    else connection.receive('NO_JOB')
    made.sleep()
    connection.receive('NOOP')
    return made.hungry
  }
  let cycles = 0
  // A process that is held up between sleep and wake-up begins to count anew.
  while (cycle('nothing')) {
    cycles += 1
    expect(cycles).toBeLessThan(1_000)
  }
  expect(cycles).toBeGreaterThanOrEqual(8)
  await vi.waitFor(() => expect(made.hungry).toBe(true), { interval: 2 })
  expect(cycle('job')).toBe(true)
  expect(cycle('nothing')).toBe(true)
  made.close(CLOSED)
})
