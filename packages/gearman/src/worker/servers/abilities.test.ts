import { expect, test } from 'vitest'
import { settled } from '../../link/fake-connection.js'
import { CLOSED, running, setUp, welcomed } from './fake-worker.js'

setUp()

test('a function is registered once, and wakes the connection for jobs that were there before', async () => {
  const { made, owner, connection } = await welcomed()
  made.grab()
  connection.receive('NO_JOB')
  made.sleep()
  await settled()
  connection.take()
  made.add('title', undefined)
  await settled()
  expect(connection.take()).toEqual([])
  expect(made.hungry).toBe(false)
  const { changes } = owner
  made.add('other', undefined)
  await settled()
  expect(connection.take()).toEqual(['CAN_DO other'])
  expect(made.hungry).toBe(true)
  expect(owner.changes).toBeGreaterThan(changes)
  made.close(CLOSED)
})

test('a function that is removed is taken back at once, where none of its jobs is about', async () => {
  const { made, connection } = await welcomed()
  made.add('other', undefined)
  made.remove('title')
  made.remove('title')
  made.remove('never')
  await settled()
  expect(connection.take()).toEqual(['CAN_DO other', 'CANT_DO title'])
  expect(made.serves('title')).toBe(false)
  expect(made.serves('other')).toBe(true)
  expect(made.hungry).toBe(true)
  made.close(CLOSED)
})

test('it is taken back once its jobs have ended and every grab is answered', async () => {
  const { made, owner, connection } = await welcomed()
  made.add('other', undefined)
  const { end } = await running(made, owner, connection)
  made.grab()
  made.remove('title')
  end()
  await settled()
  expect(connection.take()).toEqual(['GRAB_JOB_ALL', 'WORK_COMPLETE H:1 done'])
  // The grab may bring one of its jobs, another one could too.
  expect([made.serves('title'), made.hungry]).toEqual([true, false])
  connection.receive('JOB_ASSIGN_UNIQ', 'H:2', 'other', '', '')
  await settled()
  expect(connection.take()).toEqual(['CANT_DO title'])
  expect([made.serves('title'), made.hungry]).toEqual([false, true])
  made.close(CLOSED)
})

test('it is not taken back while one of its jobs runs', async () => {
  const { made, owner, connection } = await welcomed()
  const { end } = await running(made, owner, connection)
  made.remove('title')
  await settled()
  expect(connection.take()).toEqual([])
  const { changes } = owner
  end()
  await settled()
  expect(connection.take()).toEqual(['WORK_COMPLETE H:1 done', 'CANT_DO title'])
  expect(owner.changes).toBeGreaterThan(changes)
  made.close(CLOSED)
})

test('one that comes back before it was taken back stays, without a packet', async () => {
  const { made, owner, connection } = await welcomed()
  const { end } = await running(made, owner, connection)
  made.remove('title')
  expect(made.hungry).toBe(false)
  const { changes } = owner
  made.add('title', undefined)
  expect(made.hungry).toBe(true)
  expect(owner.changes).toBeGreaterThan(changes)
  end()
  await settled()
  expect(connection.take()).toEqual(['WORK_COMPLETE H:1 done'])
  expect(made.serves('title')).toBe(true)
  made.close(CLOSED)
})

test('with another timeout it is registered anew, once none of its jobs runs', async () => {
  const { made, owner, connection } = await welcomed()
  made.grab()
  connection.receive('NO_JOB')
  made.sleep()
  await settled()
  connection.take()
  made.add('title', 2_000)
  // gearmand wakes nobody for what it queued before.
  expect(made.hungry).toBe(true)
  await settled()
  expect(connection.take()).toEqual(['CANT_DO title', 'CAN_DO_TIMEOUT title 2000'])
  const { end } = await running(made, owner, connection)
  made.add('title', 3_000)
  // And back to the one that gearmand knows: nothing is to be done.
  made.add('title', 2_000)
  expect(made.hungry).toBe(true)
  made.add('title', undefined)
  expect(made.hungry).toBe(false)
  end()
  await settled()
  expect(connection.take()).toEqual(['WORK_COMPLETE H:1 done', 'CANT_DO title', 'CAN_DO title'])
  expect([made.hungry, made.serves('title')]).toEqual([true, true])
  made.close(CLOSED)
})
