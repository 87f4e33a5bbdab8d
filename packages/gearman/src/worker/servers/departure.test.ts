import { expect, test } from 'vitest'
import { settled } from '../../link/fake-connection.js'
import { CLOSED, gearmand, running, setUp, waits, welcomed, worker } from './fake-worker.js'

setUp()

test('a connection without results to confirm leaves at once, and does not come back', async () => {
  const { made, connection } = await welcomed()
  await made.leave(CLOSED)
  expect(connection.reason).toBe(CLOSED)
  await settled()
  expect(gearmand.attempts).toBe(1)
  expect(waits).toEqual([])
})

test('a connection leaves once gearmand has its results', async () => {
  const { made, owner, connection } = await welcomed()
  const { end } = await running(made, owner, connection)
  end()
  let left = false
  const leaving = made.leave(CLOSED).then(() => {
    left = true
  })
  await settled()
  expect(connection.take()).toEqual(['WORK_COMPLETE H:1 done', 'ECHO_REQ '])
  expect([left, connection.reason]).toEqual([false, undefined])
  connection.receive('ECHO_RES')
  await leaving
  expect(connection.reason).toBe(CLOSED)
})

test('an answer to what was asked before the result proves nothing of it', async () => {
  const { made, owner, connection } = await welcomed()
  const { end } = await running(made, owner, connection)
  made.grab()
  end()
  const leaving = made.leave(CLOSED)
  await settled()
  connection.receive('NO_JOB')
  expect(connection.reason).toBeUndefined()
  connection.receive('ECHO_RES')
  expect(connection.reason).toBe(CLOSED)
  await leaving
})

test('leaving ends with a connection that is lost, or where no answer comes', async () => {
  for (const lose of [true, false]) {
    const { made, owner } = worker({ timeout: 5 })
    made.add('title', undefined)
    made.start()
    const connection = await gearmand.latest()
    connection.receive('ECHO_RES')
    const { end } = await running(made, owner, connection)
    end()
    const leaving = made.leave(CLOSED)
    await settled()
    if (lose) connection.lose()
    await leaving
    expect(connection.reason?.kind).toBe(lose ? 'lost' : 'timeout')
  }
  await settled()
  expect(waits).toEqual([])
})

test('closed, it drops its jobs and does not come back', async () => {
  const { made, owner, connection } = await welcomed()
  const { lost } = await running(made, owner, connection)
  made.close(CLOSED)
  expect(connection.reason).toBe(CLOSED)
  expect(lost).toEqual(['ClosedError'])
  await settled()
  expect(gearmand.attempts).toBe(1)
  // Nobody is to hear of a server that is down.
  expect(owner.take()).toEqual([])
})

test('closed between two connections, or while it connects, none follows', async () => {
  const { made, connection } = await welcomed()
  connection.lose()
  expect(waits).toHaveLength(1)
  made.close(CLOSED)
  await new Promise((resolve) => setTimeout(resolve, 2))
  await settled()
  expect(gearmand.attempts).toBe(1)
  const other = worker().made
  other.start()
  other.close(CLOSED)
  await settled()
  expect(gearmand.connections[1]?.reason).toBe(CLOSED)
  expect(gearmand.attempts).toBe(2)
})
