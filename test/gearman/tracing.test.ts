import { AsyncLocalStorage } from 'node:async_hooks'
import { tracingChannel } from 'node:diagnostics_channel'
import {
  channelNames,
  GearmanClient,
  JobFailure,
  type JobMessage,
  type SubmitMessage,
} from '@glammp/gearman'
import { expect } from 'vitest'
import { test } from '../support/gearman.js'

test.beforeAll(({ worker }) => {
  worker.addFunction('echo', (job) => job.workload())
  worker.addFunction('context', (job) => JSON.stringify([job.traceContext, job.workload()]))
  worker.addFunction('throws', () => {
    throw new RangeError('no')
  })
  worker.addFunction('fails', () => {
    throw new JobFailure()
  })
})

/** What a channel publishes of one function while it is subscribed to. */
function record<M extends { function: string }>(name: string, fn: string) {
  const heard: [string, M][] = []
  const channel = tracingChannel<unknown, M>(name)
  const note =
    (kind: string) =>
    (message: unknown): void => {
      if ((message as M).function === fn) heard.push([kind, { ...(message as M) }])
    }
  const subscribers = {
    start: note('start'),
    end: note('end'),
    asyncStart: note('asyncStart'),
    asyncEnd: note('asyncEnd'),
    error: note('error'),
  }
  channel.subscribe(subscribers)
  return { heard, [Symbol.dispose]: () => channel.unsubscribe(subscribers) }
}

test('a submission is traced from its call to its end, without its workload', async ({
  server,
  client,
}) => {
  using traced = record<SubmitMessage>(channelNames.submit, 'echo')
  await client.do('echo', 'secret')
  const last = traced.heard.at(-1)?.[1]
  expect(traced.heard.map(([kind]) => kind)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
  expect(traced.heard[0]?.[1]).toMatchObject({ function: 'echo', background: false })
  expect(last).toEqual({
    function: 'echo',
    background: false,
    bytes: 6,
    handle: expect.stringContaining(`${server.address}//H:`),
    outcome: 'complete',
  })
  expect(JSON.stringify(traced.heard)).not.toContain('secret')
})

test('every way to submit is traced, once', async ({ client }) => {
  using queued = record<SubmitMessage>(channelNames.submit, 'left')
  const handle = await client.doBackground('left', 'x')
  await client.submit('left', 'x', { background: true })
  await client.doMany('left', ['1', '2'], { background: true })
  await client.schedule('left', 'x', { delay: 60_000 })
  const ends = queued.heard.filter(([kind]) => kind === 'asyncEnd').map(([, message]) => message)
  expect(ends).toHaveLength(5)
  expect(ends[0]?.handle).toBe(handle)
  for (const end of ends) expect(end).toMatchObject({ background: true, outcome: 'queued' })

  using failing = record<SubmitMessage>(channelNames.submit, 'throws')
  await client.do('throws').catch(() => {})
  await client.submit('throws').catch(() => {})
  const errors = failing.heard.filter(([kind]) => kind === 'error').map(([, message]) => message)
  expect(errors).toHaveLength(2)
  for (const error of errors) {
    expect(error).toMatchObject({
      outcome: 'ERR_GEARMAN_JOB_EXCEPTION',
      error: { code: 'ERR_GEARMAN_JOB_EXCEPTION' },
    })
  }

  using invalid = record<SubmitMessage>(channelNames.submit, 'two words')
  await expect(client.do('two words')).rejects.toThrow()
  expect(() => client.submit('two words')).toThrow()
  await new Promise(setImmediate)
  expect(invalid.heard.filter(([kind]) => kind === 'asyncEnd')).toHaveLength(2)
})

test('a run is traced around its handler and how it ended', async ({ client }) => {
  using fine = record<JobMessage>(channelNames.job, 'echo')
  using throwing = record<JobMessage>(channelNames.job, 'throws')
  using failing = record<JobMessage>(channelNames.job, 'fails')
  await client.do('echo', 'abc', { unique: 'u1' })
  await client.do('throws').catch(() => {})
  await client.do('fails').catch(() => {})
  await client.do('echo', '')
  expect(fine.heard[3]?.[1]).toMatchObject({
    handle: expect.stringContaining('//H:'),
    unique: 'u1',
    bytes: 3,
    outcome: 'complete',
  })
  expect(throwing.heard.at(-1)?.[1]).toMatchObject({
    outcome: 'exception',
    error: expect.any(RangeError),
  })
  expect(failing.heard.at(-1)?.[1]).toMatchObject({ outcome: 'fail' })
})

test('the context of a subscriber reaches the submission, and the handler', async ({
  server,
  worker,
}) => {
  const spans = new AsyncLocalStorage<string>()
  const submissions = tracingChannel(channelNames.submit)
  submissions.start.bindStore(spans, () => 'client span')
  await using carrying = new GearmanClient({
    servers: server.address,
    traceContext: () => {
      const span = spans.getStore()
      return span === undefined ? undefined : { traceparent: span }
    },
  })
  expect(JSON.parse(await carrying.do('context', 'w'))).toEqual([
    { traceparent: 'client span' },
    'w',
  ])
  submissions.start.unbindStore(spans)
  expect(JSON.parse(await carrying.do('context', 'w'))).toEqual([null, 'w'])

  const jobs = tracingChannel<unknown, JobMessage>(channelNames.job)
  jobs.start.bindStore(spans, (message) => `run of ${message.context?.['traceparent']}`)
  worker.addFunction('span', () => spans.getStore())
  await spans.run('caller', async () => {
    expect(await carrying.do('span', '')).toBe('run of caller')
  })
  jobs.start.unbindStore(spans)
})

test('a trace context leaves the workload as it is, whatever it is', async ({ server, worker }) => {
  const traceContext = (): Record<string, string> => ({ traceparent: '00-é-01', tracestate: '\0' })
  await using carrying = new GearmanClient({ servers: server.address, traceContext })
  worker.addFunction('bytes', (job) => job.workloadBuffer)
  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 256))
  const codec = 'buffer'
  expect(await carrying.do<Buffer>('bytes', bytes, { codec })).toEqual(bytes)
  expect(await carrying.do('bytes', '')).toBe('')
  expect(await carrying.do('bytes', new Blob(['ab']).stream(), { length: 2 })).toBe('ab')
  // Equal workloads still meet under the id '-'.
  const handles = await Promise.all(
    [1, 2].map(() => carrying.doBackground('kept', 'same', { unique: '-' })),
  )
  expect(new Set(handles).size).toBe(1)

  await using wrong = new GearmanClient({
    servers: server.address,
    traceContext: () => ({ a: 1 }) as unknown as Record<string, string>,
  })
  await expect(wrong.do('bytes', '')).rejects.toMatchObject({
    code: 'ERR_GEARMAN_INVALID_ARGUMENT',
  })
  const rejects = (): never => Promise.reject(new Error('too late')) as never
  await using late = new GearmanClient({ servers: server.address, traceContext: rejects })
  await expect(late.do('context')).rejects.toMatchObject({ code: 'ERR_GEARMAN_INVALID_ARGUMENT' })
  const none = { servers: server.address, traceContext: 'yes' as unknown as () => undefined }
  expect(() => new GearmanClient(none)).toThrow(/traceContext/)
})
