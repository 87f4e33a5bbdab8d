import { expect, test } from 'vitest'
import { settled } from '../../link/fake-connection.js'
import { acknowledged, client, deadlines, greeted, setUp, TIMEOUT } from './fake-client.js'
import { EchoQuery, HeartbeatQuery } from './query.js'

setUp()

const ignore = (): void => {}

/** Somebody who cannot take more, and what it was told. */
class Holder {
  overdueTimes = 0
  overdue(): void {
    this.overdueTimes += 1
  }
}

test('one holder keeps the connection from being read as long as it waits alone', async () => {
  const made = client()
  const connection = await greeted(made)
  const [job] = await acknowledged(made, connection, 'one')
  connection.receive('WORK_DATA', 'H:1', 'part')
  const holder = new Holder()
  job.flow?.hold(holder)
  job.flow?.hold(holder)
  deadlines.pass(10 * TIMEOUT)
  expect([connection.paused, holder.overdueTimes]).toEqual([true, 0])
  job.flow?.release(holder)
  expect(connection.paused).toBe(false)
  expect(deadlines.size).toBe(0)
})

test('while others wait, one may hold the connection for half of their time', async () => {
  const made = client()
  const connection = await greeted(made)
  const [job] = await acknowledged(made, connection, 'one', 'two')
  connection.receive('WORK_DATA', 'H:1', 'part')
  const holders = [new Holder(), new Holder()]
  job.flow?.hold(holders[0] as Holder)
  deadlines.pass(TIMEOUT / 2 - 1)
  job.flow?.hold(holders[1] as Holder)
  deadlines.pass(1)
  // The second has its time, too.
  expect(holders.map(({ overdueTimes }) => overdueTimes)).toEqual([1, 0])
  expect(connection.paused).toBe(true)
  deadlines.pass(TIMEOUT / 2 - 1)
  expect(holders.map(({ overdueTimes }) => overdueTimes)).toEqual([1, 1])
  expect(connection.paused).toBe(false)
})

test('what the connection itself asked is nobody who waits', async () => {
  const made = client()
  const connection = await greeted(made)
  const [job] = await acknowledged(made, connection, 'one')
  connection.receive('WORK_DATA', 'H:1', 'part')
  const beat = new HeartbeatQuery()
  deadlines.add(beat, TIMEOUT)
  made.send(beat)
  await settled()
  expect(connection.take()).toEqual(['ECHO_REQ ping'])
  const holder = new Holder()
  job.flow?.hold(holder)
  deadlines.pass(10 * TIMEOUT)
  expect([connection.paused, holder.overdueTimes]).toEqual([true, 0])
  made.send(new EchoQuery(ignore, ignore))
  await settled()
  deadlines.pass(TIMEOUT / 2)
  expect([connection.paused, holder.overdueTimes]).toEqual([false, 1])
})

test('nobody holds a connection that is gone', async () => {
  const made = client()
  const connection = await greeted(made)
  const [job] = await acknowledged(made, connection, 'one', 'two')
  connection.receive('WORK_DATA', 'H:1', 'part')
  const holder = new Holder()
  job.flow?.hold(holder)
  connection.lose()
  const next = await greeted(made, 1)
  await acknowledged(made, next, 'three', 'four')
  deadlines.pass(10 * TIMEOUT)
  expect([next.paused, holder.overdueTimes]).toEqual([false, 0])
})
