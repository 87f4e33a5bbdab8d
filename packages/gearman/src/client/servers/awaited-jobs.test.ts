import { Fault } from '@glammp/wire'
import { expect, test } from 'vitest'
import { settled } from '../../link/fake-connection.js'
import { PacketType } from '../../protocol/packet.js'
import { client, greeted, Job, send, setUp } from './fake-client.js'

setUp()

test('jobs of one unique share a handle: each has its turn of the packets, and all the result', async () => {
  const made = client()
  const connection = await greeted(made)
  const [one, two] = send(made, 'x', 'x')
  await settled()
  connection.receive('JOB_CREATED', 'H:1')
  connection.receive('JOB_CREATED', 'H:1')
  for (const part of ['a', 'b']) {
    // gearmand sends each packet to each waiter.
    connection.receive('WORK_DATA', 'H:1', part)
    connection.receive('WORK_DATA', 'H:1', part)
  }
  const created = 'created a:4730//H:1'
  expect(one?.events).toEqual([created, 'data a', 'data b'])
  expect(two?.events).toEqual([created, 'data a', 'data b'])
  // One that has gone keeps its turn.
  one?.abandon(new Fault('timeout', 'no time'))
  connection.receive('WORK_DATA', 'H:1', 'c')
  connection.receive('WORK_DATA', 'H:1', 'c')
  expect(two?.events.slice(3)).toEqual(['data c'])
  connection.receive('WORK_COMPLETE', 'H:1', 'abc')
  connection.receive('WORK_COMPLETE', 'H:1', 'abc')
  expect(two?.events.slice(4)).toEqual(['complete abc'])
  expect(one?.events.at(-1)).toBe('failed TimeoutError')
  expect(made.pending).toBe(0)
})

test('who joins a job of which one has given up, acknowledged or not, has its own packets only', async () => {
  const order = { key: 'title\0an-id' }
  for (const acknowledgedFirst of [true, false]) {
    const made = client()
    const connection = await greeted(made, acknowledgedFirst ? 0 : 1)
    const [gone] = send(made, new Job('x', order))
    await settled()
    if (!acknowledgedFirst) gone?.abandon(new Fault('timeout', 'no time'))
    connection.receive('JOB_CREATED', 'H:1')
    gone?.abandon(new Fault('timeout', 'no time'))
    expect(made.pending).toBe(0)
    const [joined] = send(made, new Job('x', order))
    await settled()
    connection.receive('JOB_CREATED', 'H:1')
    expect(made.pending).toBe(1)
    for (const part of ['a', 'b']) {
      // gearmand knows nothing of the first one's end.
      connection.receive('WORK_DATA', 'H:1', part)
      connection.receive('WORK_DATA', 'H:1', part)
    }
    connection.receive('WORK_COMPLETE', 'H:1', 'ab')
    connection.receive('WORK_COMPLETE', 'H:1', 'ab')
    const created = 'created a:4730//H:1'
    expect(joined?.events).toEqual([created, 'data a', 'data b', 'complete ab'])
    expect(made.pending).toBe(0)
  }
})

test('jobs that were given up are remembered up to a bound', async () => {
  const made = client()
  const connection = await greeted(made)
  for (let number = 0; number <= 10_000; number += 1) {
    const [job] = send(made, new Job('x', { key: `title\0${number}` }))
    connection.flush()
    connection.receive('JOB_CREATED', `H:${number}`)
    job?.abandon(new Fault('timeout', 'no time'))
  }
  const again = [0, 1].map((number) => new Job('x', { key: `title\0${number}` }))
  send(made, ...again)
  await settled()
  for (const number of [0, 1]) {
    connection.receive('JOB_CREATED', `H:${number}`)
    connection.receive('WORK_DATA', `H:${number}`, 'a')
    connection.receive('WORK_DATA', `H:${number}`, 'a')
  }
  // The oldest is forgotten: its packets come twice.
  const parts = again.map(({ events }) => events.filter((event) => event === 'data a').length)
  expect(parts).toEqual([2, 1])
  expect(made.pending).toBe(2)
})

test('a background job of a unique that is waited for takes no turn of its packets', async () => {
  const made = client()
  const connection = await greeted(made)
  const order = { background: true, type: PacketType.SUBMIT_JOB_BG }
  const [waiting] = send(made, 'x', new Job('x', order))
  await settled()
  connection.receive('JOB_CREATED', 'H:1\0')
  connection.receive('JOB_CREATED', 'H:1')
  connection.receive('WORK_DATA', 'H:1', 'a')
  connection.receive('WORK_DATA', 'H:1', 'b')
  connection.receive('WORK_COMPLETE', 'H:1', 'ab')
  expect(waiting?.events).toEqual(['created a:4730//H:1', 'data a', 'data b', 'complete ab'])
  expect(made.pending).toBe(0)
})
