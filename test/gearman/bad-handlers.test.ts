import { Readable } from 'node:stream'
import { type GearmanClient, type GearmanJob, GearmanWorker, type JobUnsent } from '@glammp/gearman'
import { expect, onTestFinished, vi } from 'vitest'
import { test } from '../support/gearman.js'
import { waitFor } from '../support/wait.js'

/** Serves one job with the handler, and resolves to the error of its client. */
async function errorOf(
  client: GearmanClient,
  worker: GearmanWorker,
  handler: (job: GearmanJob) => unknown,
  codec?: 'json' | 'msgpack',
) {
  worker.addFunction('bad', handler, { codec })
  return await client.do('bad', '', { codec }).then(
    (result) => expect.unreachable(`it gave ${JSON.stringify(result)}`),
    (error: Error & { code: string; remoteMessage?: string }) => error,
  )
}

test.for([
  ['a text', 'oh no', 'oh no'],
  ['a number', 17, '17'],
  ['nothing', undefined, 'undefined'],
  ['null', null, 'null'],
  ['a symbol', Symbol('oh'), 'Symbol(oh)'],
  ['an object', { a: 1 }, '[object Object]'],
  ['an object without text', Object.create(null), 'a value without text'],
  ['an error without words', new Error(), ''],
])('a handler that throws %s', async ([_, thrown, remoteMessage], { client, worker }) => {
  const sync = await errorOf(client, worker, () => {
    throw thrown
  })
  expect(sync).toMatchObject({ code: 'ERR_GEARMAN_JOB_EXCEPTION', remoteMessage })
  const rejected = await errorOf(client, worker, () => Promise.reject(thrown))
  expect(rejected).toMatchObject({ code: 'ERR_GEARMAN_JOB_EXCEPTION', remoteMessage })
})

test.for([
  ['an object', { code: 1 }, '{ code: 1 }'],
  ['nothing', undefined, 'undefined'],
  ['a symbol', Symbol('s'), 'Symbol(s)'],
])(
  'an error whose message is %s is an exception with its text',
  async ([_, message, text], { client, worker }) => {
    const thrown = Object.assign(new Error('x'), { message })
    expect(await errorOf(client, worker, () => Promise.reject(thrown))).toMatchObject({
      remoteMessage: text,
    })
  },
)

test('a thenable whose then throws, or a thrown Proxy, is an exception of its job alone', async ({
  client,
  worker,
}) => {
  const then = () => {
    throw new TypeError('then throws')
  }
  expect(await errorOf(client, worker, () => ({ then }))).toMatchObject({
    remoteMessage: 'then throws',
  })
  const hostile = new Proxy(new Error('x'), {
    has: () => {
      throw new Error('has throws')
    },
  })
  const error = await errorOf(client, worker, () => {
    throw hostile
  })
  expect(error.code).toBe('ERR_GEARMAN_JOB_EXCEPTION')
  expect(worker.running).toBe(0)
})

test.for(['get', 'getPrototypeOf', 'has'] as const)(
  'an error that throws when its %s is asked for is an exception, and its slot is free',
  async (trap, { client, worker }) => {
    const hostile = new Proxy(new Error('x'), {
      [trap]: () => {
        throw new Error(`${trap} throws`)
      },
    })
    const error = await errorOf(client, worker, () => Promise.reject(hostile))
    expect(error.code).toBe('ERR_GEARMAN_JOB_EXCEPTION')
    await waitFor(() => worker.running === 0)
  },
)

test('what a send method cannot take rejects, and is told where nobody awaits it', async ({
  server,
  client,
}) => {
  await using own = new GearmanWorker(server.address)
  const caught: unknown[] = []
  const told: JobUnsent[] = []
  own.on('job:unsent', (unsent) => {
    told.push(unsent)
    throw new Error('a listener throws')
  })
  const thrown = vi.fn()
  process.on('uncaughtException', thrown)
  onTestFinished(() => {
    process.removeListener('uncaughtException', thrown)
  })
  own.addFunction('sends', async (job) => {
    const caughtOne = (error: unknown): unknown => caught.push(error)
    await job.sendStatus(0.5, 1).catch(caughtOne)
    await Promise.all([job.sendData({}), job.sendStatus(-1, 1)]).catch(caughtOne)
    await job.sendData({}).then(undefined, caughtOne)
    void job.sendStatus(0.5, 1)
    await new Promise(setImmediate)
    expect(told).toHaveLength(1)
    void job.sendComplete({})
    void job.sendData(Symbol('s'))
    return 'done'
  })
  void own.work()
  const task = client.submit('sends')
  expect(await task).toBe('done')
  const code = 'ERR_GEARMAN_INVALID_ARGUMENT'
  expect(caught).toMatchObject([{ code }, { code }, { code }])
  const unsent = { function: 'sends', handle: task.handle, error: { code } }
  expect(told).toMatchObject([unsent, unsent, unsent])
  await waitFor(() => thrown.mock.calls.length === 3)
})

test('what a handler throws is told where middleware does not wait for it', async ({
  server,
  client,
}) => {
  await using own = new GearmanWorker(server.address)
  own.use((_, next) => {
    void next()
    return 'early'
  })
  own.addFunction('left', async () => {
    throw new Error('behind its back')
  })
  void own.work()
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
  expect(await client.do('left')).toBe('early')
  expect((await warned).message).toMatch(/left did not wait for next.*behind its back/)
})

test('a handler that returns nothing gives an empty result, with every codec', async ({
  client,
  worker,
}) => {
  for (const codec of ['string', 'buffer', 'json', 'msgpack'] as const) {
    worker.addFunction('nothing', () => undefined, { codec })
    expect(await client.do<Buffer>('nothing', '', { codec: 'buffer' })).toHaveLength(0)
    const nothing = { string: '', buffer: Buffer.alloc(0), json: undefined, msgpack: undefined }
    expect(await client.do('nothing', undefined, { codec })).toEqual(nothing[codec])
  }
})

test('a handler that returns a stream is an exception, whatever the codec would make of it', async ({
  client,
  worker,
}) => {
  for (const codec of [undefined, 'json', 'msgpack'] as const) {
    for (const stream of [Readable.from(['a']), new Blob(['a']).stream()]) {
      const error = await errorOf(client, worker, () => stream, codec)
      expect(error).toMatchObject({
        code: 'ERR_GEARMAN_JOB_EXCEPTION',
        remoteMessage: expect.stringContaining('a stream is not a value'),
      })
    }
  }
})

test('a handler that never ends is left behind by its timeout, and by a forced close', async ({
  server,
  client,
  worker,
}) => {
  await using own = new GearmanWorker({ servers: server.address, concurrency: 1 })
  own.addFunction('endless', () => new Promise(() => {}), { timeout: 50 })
  own.addFunction('forever', () => new Promise(() => {}))
  own.addFunction('fine', () => 'served')
  void own.work()
  await expect(client.do('endless')).rejects.toMatchObject({ code: 'ERR_GEARMAN_JOB_FAILED' })
  expect(await client.do('fine')).toBe('served')
  const call = client.do('forever', '', { retries: 0 })
  await waitFor(() => own.running === 1)
  await own.close({ timeout: 50 })
  worker.addFunction('forever', () => 'by another one')
  expect(await call).toBe('by another one')
})

test('what is sent after the end goes nowhere, and says so', async ({ client, worker }) => {
  const sent: boolean[] = []
  const seen: unknown[] = []
  worker.addFunction('ended', async (job) => {
    sent.push(await job.sendComplete('first'))
    sent.push(await job.sendComplete('second'))
    sent.push(await job.sendStatus(1, 2))
    sent.push(await job.sendData('more'))
    sent.push(await job.sendWarning('careful'))
    sent.push(await job.sendException('no'))
    sent.push(await job.sendFail())
    return 'third'
  })
  const result = await client.do('ended', '', {
    onStatus: (...numbers) => seen.push(numbers),
    onData: (chunk) => seen.push(chunk),
    onWarning: (text) => seen.push(text),
  })
  expect(result).toBe('first')
  await waitFor(() => sent.length === 7)
  expect(sent).toEqual([true, false, false, false, false, false, false])
  await client.ping()
  expect(seen).toEqual([])
})

test.for([
  [Number.NaN, 1],
  [1, Number.POSITIVE_INFINITY],
  [0.5, 1],
  [-1, 1],
  [1, 2 ** 32],
  ['1', 2],
  [1n, 2],
  [undefined, undefined],
  [null, {}],
] as [number, number][])(
  'sendStatus(%s, %s) is an exception of the job',
  async (numbers, { client, worker }) => {
    const error = await errorOf(client, worker, (job) => job.sendStatus(...numbers))
    expect(error).toMatchObject({
      code: 'ERR_GEARMAN_JOB_EXCEPTION',
      remoteMessage: expect.stringContaining('whole numbers'),
    })
  },
)
