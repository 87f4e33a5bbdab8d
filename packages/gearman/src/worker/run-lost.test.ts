import { Fault } from '@glammp/wire'
import { expect, test } from 'vitest'
import type { GearmanJob } from '../job.js'
import { settled } from '../link/fake-connection.js'
import { COMPLETE, endless, start } from './fake-run.js'

test('a job that takes too long fails, its signal is aborted, and its slot is free', async () => {
  const { handler, end, seen } = endless()
  const { connection, owner, ends } = start(handler, { fn: { timeout: 100 } })
  owner.deadlines.pass(99)
  await settled()
  expect([connection.packets, owner.slots]).toEqual([[], 0])
  owner.deadlines.pass(1)
  await settled()
  expect(connection.packets).toEqual(['WORK_FAIL H:1'])
  expect(seen.signal?.reason).toMatchObject({ name: 'TimeoutError', function: 'title' })
  expect(owner.slots).toBe(1)
  expect(ends).toMatchObject([{ outcome: 'timeout', error: seen.signal?.reason }])
  end()
  await settled()
  expect(connection.packets).toEqual(['WORK_FAIL H:1'])
  expect([owner.slots, ends.length]).toEqual([1, 1])
})

test('a handler that ends its job when its time is over has the last word', async () => {
  const { connection, owner, ends } = start(
    (job) =>
      new Promise<string>(() => {
        job.signal.addEventListener('abort', () => void job.sendComplete('as far as I came'))
      }),
    { fn: { timeout: 100 } },
  )
  owner.deadlines.pass(100)
  await settled()
  expect(connection.packets).toEqual(['WORK_COMPLETE H:1 as far as I came'])
  expect(ends).toMatchObject([{ outcome: 'timeout' }])
  expect(owner.slots).toBe(1)
})

test('a job that gearmand takes back has no final packet, whatever its handler does', async () => {
  const { handler, end, seen } = endless()
  let answered: Promise<boolean> | undefined
  const { connection, owner, ends } = start(
    (job) => {
      job.signal.addEventListener('abort', () => {
        answered = job.sendComplete('of another run')
      })
      return handler(job)
    },
    { fn: { timeout: 2_000, serverTimeout: 1_000 } },
  )
  owner.deadlines.pass(1_000)
  await settled()
  expect(seen.signal?.reason).toMatchObject({ name: 'TimeoutError' })
  expect(await answered).toBe(false)
  end()
  await settled()
  expect(connection.packets).toEqual([])
  expect(ends).toMatchObject([{ outcome: 'timeout' }])
  expect(owner.slots).toBe(1)
})

test('the time of a function that ends before gearmand takes its jobs back is the one that counts', async () => {
  const { handler } = endless()
  const { connection, owner } = start(handler, { fn: { timeout: 500, serverTimeout: 1_000 } })
  owner.deadlines.pass(500)
  await settled()
  expect(connection.packets).toEqual(['WORK_FAIL H:1'])
})

test('a job of which the time is over after its final packet gives its slot back', async () => {
  const { handler, end, seen } = endless()
  const { connection, owner, ends } = start(
    (job) => {
      void job.sendComplete('done')
      return handler(job)
    },
    { fn: { timeout: 100 } },
  )
  owner.deadlines.pass(100)
  await settled()
  expect(seen.signal?.aborted).toBe(true)
  expect(owner.slots).toBe(1)
  end()
  await settled()
  expect(connection.packets).toEqual(COMPLETE)
  expect([owner.slots, ends.length]).toEqual([1, 1])
})

test('no time goes on for a job that is over', async () => {
  const { owner } = start(() => 'done', { fn: { timeout: 100 } })
  expect(owner.deadlines.size).toBe(0)
  expect(owner.slots).toBe(1)
})

test('where the connection is lost nothing is sent, the signal is aborted, and the slot is kept', async () => {
  const sent: boolean[] = []
  const { handler, end, seen } = endless(async (job) => {
    sent.push(await job.sendData('x'), await job.sendStatus(1, 2), await job.sendComplete('x'))
    return 'done'
  })
  const { connection, owner, ends, origin } = start(handler)
  expect(origin.size).toBe(1)
  connection.close(new Fault('lost', 'connection lost'))
  expect(seen.signal?.reason).toMatchObject({ name: 'ConnectionError', server: 'a:4730' })
  expect(ends).toMatchObject([{ outcome: 'lost', error: seen.signal?.reason }])
  expect(owner.slots).toBe(0)
  end()
  await settled()
  expect(sent).toEqual([false, false, false])
  expect(connection.packets).toEqual([])
  expect(connection.output.empty).toBe(true)
  expect(owner.slots).toBe(1)
  expect(ends).toHaveLength(1)
  expect(origin.size).toBe(0)
})

test('a lost connection does not touch a job that has its final packet', async () => {
  const { handler, end, seen } = endless()
  const { connection, ends, owner } = start(async (job) => {
    await job.sendComplete('done')
    return handler(job)
  })
  await settled()
  connection.close(new Fault('lost', 'connection lost'))
  expect(seen.signal?.aborted).toBe(false)
  expect(ends).toMatchObject([{ outcome: 'complete' }])
  end()
  await settled()
  expect(owner.slots).toBe(1)
})

test('the first reason of an abort stays, also for who asks for the signal later', async () => {
  let end: () => void = () => {}
  let job: GearmanJob | undefined
  const { connection, owner } = start(
    (given) => {
      job = given
      return new Promise<string>((resolve) => {
        end = () => resolve('done')
      })
    },
    { fn: { timeout: 100 } },
  )
  connection.close(new Fault('lost', 'connection lost'))
  owner.deadlines.pass(100)
  expect(job?.signal.reason).toMatchObject({ name: 'ConnectionError' })
  expect(owner.slots).toBe(1)
  end()
  await settled()
  expect(owner.slots).toBe(1)
  expect(connection.packets).toEqual([])
})
