import {
  GearmanClient,
  type GearmanTask,
  JobExceptionError,
  JobFailedError,
  JobFailure,
  TimeoutError,
} from '@glammp/gearman'
import { expect } from 'vitest'
import { test } from '../support/gearman.js'
import { waitForEvent } from '../support/wait.js'

test.beforeAll(({ worker }) => {
  worker.addFunction('count', async (job) => {
    const end = Number(job.workload())
    for (let number = 1; number <= end; number += 1) {
      await job.sendStatus(number, end)
      await job.sendData(number)
    }
    await job.sendWarning('that was all')
    return 'counted'
  })
  worker.addFunction('count_and_fail', async (job) => {
    await job.sendData('only one')
    throw new JobFailure()
  })
  worker.addFunction('boom', () => {
    throw new Error('boom')
  })
})

function listen(task: GearmanTask<unknown>): unknown[][] {
  const heard: unknown[][] = []
  for (const name of [
    'created',
    'data',
    'status',
    'warning',
    'complete',
    'fail',
    'exception',
  ] as const) {
    task.on(name, (...args: unknown[]) => heard.push([name, ...args]))
  }
  return heard
}

test('a task tells its life in events and can be awaited', async ({ client }) => {
  const task = client.submit('count', 2)
  const heard = listen(task)
  expect(task.handle).toBeUndefined()
  expect(await task).toBe('counted')
  await new Promise(setImmediate)
  expect(heard).toEqual([
    ['created', task.handle],
    ['status', 1, 2],
    ['data', '1'],
    ['status', 2, 2],
    ['data', '2'],
    ['warning', 'that was all'],
    ['complete', 'counted'],
  ])
  expect(await task.result).toBe('counted')
  expect(await task.finally(() => {})).toBe('counted')
})

test('a task gives its partial results to a loop', async ({ client }) => {
  const chunks: unknown[] = []
  for await (const chunk of client.submit('count', 5)) chunks.push(chunk)
  expect(chunks).toEqual(['1', '2', '3', '4', '5'])

  const broken: unknown[] = []
  await expect(async () => {
    for await (const chunk of client.submit('count_and_fail')) broken.push(chunk)
  }).rejects.toBeInstanceOf(JobFailedError)
  expect(broken).toEqual(['only one'])
})

test('a loop that is left early leaves the job to itself', async ({ client }) => {
  const task = client.submit('count', 1_000)
  for await (const chunk of task) {
    expect(chunk).toBe('1')
    break
  }
  expect(await task).toBe('counted')
})

test('a loop over a task that is over ends at once', async ({ client }) => {
  const task = client.submit('count', 1)
  await task
  for await (const chunk of task) expect.unreachable(String(chunk))
})

test('fail and exception are events of their own', async ({ client }) => {
  const failing = client.submit('count_and_fail')
  expect(await waitForEvent(failing, 'fail')).toBeInstanceOf(JobFailedError)
  const throwing = client.submit('boom')
  const heard = listen(throwing)
  await expect(throwing).rejects.toBeInstanceOf(JobExceptionError)
  await new Promise(setImmediate)
  expect(heard.map(([name]) => name)).toEqual(['created', 'exception'])
})

test('a result or a part of it that the codec does not take ends the call, not the process', async ({
  client,
}) => {
  for (const name of ['count', 'count_and_fail']) {
    const notJson = { codec: 'json', onData: () => {} } as const
    const task = client.submit(name, 1, notJson)
    // "1" is JSON, "counted" and "only one" are not.
    await expect(task).rejects.toMatchObject({ code: 'ERR_GEARMAN_PROTOCOL', function: name })
    await expect(client.do(name, 1, notJson)).rejects.toMatchObject({
      code: 'ERR_GEARMAN_PROTOCOL',
    })
  }
  expect(await client.do('count', 1)).toBe('counted')
})

test('parts of a result may be asked for before they are there', async ({ client }) => {
  const parts = client.submit('count', 3)[Symbol.asyncIterator]()
  const asked = await Promise.all([parts.next(), parts.next(), parts.next(), parts.next()])
  expect(asked.map(({ value }) => value)).toEqual(['1', '2', '3', undefined])
})

test('a task that fails unheard does not end the process', async ({ client }) => {
  const task = client.submit('boom')
  await waitForEvent(task, 'exception')
  await new Promise(setImmediate)
  expect(await task.catch((error: unknown) => error)).toBeInstanceOf(JobExceptionError)
})

test('a background task is done with its handle', async ({ client }) => {
  const task = client.submit('count', 1, { background: true })
  expect(await task).toBe(task.handle)
})

test('a signal gives a job up, before and after it was sent', async ({ client }) => {
  const early = client.do('unserved', '', { signal: AbortSignal.abort('no need') })
  await expect(early).rejects.toBe('no need')

  const controller = new AbortController()
  const task = client.submit('unserved', '', { signal: controller.signal })
  await waitForEvent(task, 'created')
  controller.abort()
  await expect(task).rejects.toBe(controller.signal.reason)
  expect(await client.do('count', 1)).toBe('counted')
})

test('a signal may have any reason, also none', async ({ server }) => {
  await using own = new GearmanClient(server.address)
  const controller = new AbortController()
  const task = own.submit('unserved', '', { signal: controller.signal })
  const parts = task[Symbol.asyncIterator]()
  const failed = waitForEvent(task, 'fail')
  await own.ping()
  controller.abort(null)
  expect(await failed).toBeNull()
  await expect(task).rejects.toBeNull()
  await expect(parts.next()).rejects.toBeNull()
  expect(own.metrics().functions['unserved']?.outcomes).toEqual({ unknown: 1 })
})

test('a job has its own time for the result', async ({ client }) => {
  const started = performance.now()
  const error = await client.do('unserved', '', { timeout: 150 }).catch((caught: unknown) => caught)
  const took = performance.now() - started
  expect(error).toBeInstanceOf(TimeoutError)
  expect(error).toMatchObject({ code: 'ERR_GEARMAN_TIMEOUT', function: 'unserved' })
  expect(took).toBeGreaterThanOrEqual(149)
  expect(took).toBeLessThan(10_000)
})

test('close ends the jobs that are waited for, and every later call', async ({ server }) => {
  const own = new GearmanClient(server.address)
  const waiting = own.submit('unserved')
  await waitForEvent(waiting, 'created')
  const unacknowledged = own.doBackground('left_behind', 'x')
  const closed = own.close()
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_GEARMAN_CLOSED' })
  expect(await unacknowledged).toMatch(/\/\/H:/)
  await closed
  await expect(own.do('count', 1)).rejects.toMatchObject({ code: 'ERR_GEARMAN_CLOSED' })
  await expect(own.ping()).rejects.toMatchObject({ code: 'ERR_GEARMAN_CLOSED' })
  await expect(own.submit('count', 1)).rejects.toMatchObject({ code: 'ERR_GEARMAN_CLOSED' })
  await own.close()
})
