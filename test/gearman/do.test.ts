import {
  defineJob,
  GearmanClient,
  GearmanWorker,
  JobExceptionError,
  JobFailedError,
  JobFailure,
} from '@glammp/gearman'
import { expect } from 'vitest'
import { test } from '../support/gearman.js'

test('do, doHigh and doLow resolve to what the handler returns', async ({ client, worker }) => {
  worker.addFunction('title', (job) =>
    job
      .workload()
      .toLowerCase()
      .replace(/\b\w/g, (letter) => letter.toUpperCase()),
  )
  expect(await client.do('title', 'o Ivo andava de PATINS!!!')).toBe('O Ivo Andava De Patins!!!')
  expect(await client.doNormal('title', 'a')).toBe('A')
  expect(await client.doHigh('title', 'b')).toBe('B')
  expect(await client.doLow('title', 'c')).toBe('C')
})

test('text of any language and bytes of any value go there and back', async ({
  client,
  worker,
}) => {
  worker.addFunction('echo', (job) => job.workloadBuffer)
  for (const text of [
    '',
    'São João 🛼',
    '\0a\0\0b\0',
    '\u00e9'.repeat(5_000),
    'x'.repeat(70_000),
  ]) {
    expect(await client.do('echo', text)).toBe(text)
  }
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
  expect(await client.do<Buffer>('echo', bytes, { codec: 'buffer' })).toEqual(bytes)
})

test('NULs in workload, data, warning, exception and result stay where they are', async ({
  server,
}) => {
  await using client = new GearmanClient(server.address)
  await using worker = new GearmanWorker(server.address)
  const text = '\0a\0\0b\0'
  worker.addFunction('nuls', async (job) => {
    await job.sendData(job.workload())
    await job.sendWarning(text)
    return job.workload()
  })
  worker.addFunction('throws', () => {
    throw new Error(text)
  })
  void worker.work()
  const said: unknown[] = []
  const result = await client.do('nuls', text, {
    onData: (chunk) => said.push(chunk),
    onWarning: (warning) => said.push(warning),
  })
  expect([...said, result]).toEqual([text, text, text])
  await expect(client.do('throws')).rejects.toMatchObject({ remoteMessage: text })
})

test('a codec changes both sides, and a definition shares it', async ({ client, worker }) => {
  const area = defineJob<{ width: number; height: number }, { area: number }>('area', {
    codec: 'msgpack',
  })
  worker.addFunction(area, async (job) => {
    const { width, height } = job.workload()
    return { area: width * height }
  })
  expect(await client.do(area, { width: 3, height: 4 })).toEqual({ area: 12 })

  worker.addFunction('sum', (job) => job.workload<number[]>().reduce((a, b) => a + b, 0), {
    codec: 'json',
  })
  expect(await client.do('sum', [1, 2, 3], { codec: 'json' })).toBe(6)
})

test('numbers and nothing are text by default', async ({ client, worker }) => {
  worker.addFunction('nothing', () => undefined)
  worker.addFunction('number', async (job) => job.workload().length)
  expect(await client.do('nothing')).toBe('')
  expect(await client.do('number', 12_345)).toBe('5')
})

test('a thrown error reaches the caller with its message', async ({ server, client, worker }) => {
  worker.addFunction('throws', () => {
    throw new RangeError('não há patins')
  })
  worker.addFunction('rejects', async () => Promise.reject('plain text'))
  const error = await client.do('throws', 'x').catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(JobExceptionError)
  expect(error).toMatchObject({
    name: 'JobExceptionError',
    code: 'ERR_GEARMAN_JOB_EXCEPTION',
    remoteMessage: 'não há patins',
    function: 'throws',
    server: server.address,
    handle: expect.stringMatching(`^${server.address}//H:`),
  })
  await expect(client.do('rejects')).rejects.toMatchObject({ remoteMessage: 'plain text' })
})

test('a result that the codec cannot send is an exception, not a hang', async ({
  client,
  worker,
}) => {
  worker.addFunction('object', () => ({ a: 1 }))
  await expect(client.do('object')).rejects.toMatchObject({
    code: 'ERR_GEARMAN_JOB_EXCEPTION',
    remoteMessage: expect.stringContaining('codec'),
  })
})

test('JobFailure is a plain WORK_FAIL', async ({ client, worker }) => {
  worker.addFunction('fails', () => {
    throw new JobFailure()
  })
  const error = await client.do('fails', 'x').catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(JobFailedError)
  expect(error).toMatchObject({ code: 'ERR_GEARMAN_JOB_FAILED', function: 'fails' })
})

test('status, data and warnings reach the caller in order, before the result', async ({
  client,
  worker,
}) => {
  const said: unknown[] = []
  worker.addFunction('chatty', async (job) => {
    await job.sendStatus(0, 2)
    await job.sendData('one')
    await job.sendWarning('careful: é')
    await job.sendStatus(1, 2)
    await job.sendData('')
    return 'done'
  })
  const result = await client.do('chatty', '', {
    onStatus: (numerator, denominator) => said.push([numerator, denominator]),
    onData: (chunk) => said.push(chunk),
    onWarning: (text) => said.push(text),
  })
  said.push(result)
  expect(said).toEqual([[0, 2], 'one', 'careful: é', [1, 2], '', 'done'])
})

test('exactly one final packet leaves a job', async ({ client, worker }) => {
  const sent: boolean[] = []
  worker.addFunction('eager', async (job) => {
    sent.push(await job.sendComplete('first'))
    sent.push(await job.sendComplete('second'))
    sent.push(await job.sendFail())
    sent.push(await job.sendStatus(1, 1))
    sent.push(await job.sendData('late'))
    throw new Error('after the end')
  })
  expect(await client.do('eager')).toBe('first')
  // The connection is still in step: neither side saw a packet about a job that is over.
  expect(await client.do('echo', 'next')).toBe('next')
  expect(sent).toEqual([true, false, false, false, false])
})

test('high before normal before low', async ({ server, client }) => {
  const order: string[] = []
  const jobs = [
    client.doLow('ordered', 'low'),
    client.do('ordered', 'normal'),
    client.doHigh('ordered', 'high'),
    client.doLowBackground('ordered', 'low in the background'),
    client.doBackground('ordered', 'normal in the background'),
    client.doHighBackground('ordered', 'high in the background'),
  ]
  await Promise.all(jobs.slice(3))
  await using one = new GearmanWorker({ servers: server.address, concurrency: 1 })
  one.addFunction('ordered', (job) => {
    order.push(job.workload())
  })
  void one.work()
  await Promise.all(jobs)
  while (order.length < 6) await client.do('echo', '')
  expect(order).toEqual([
    'high',
    'high in the background',
    'normal',
    'normal in the background',
    'low',
    'low in the background',
  ])
})

test('a namespace keeps functions apart', async ({ server, client }) => {
  await using spaced = new GearmanClient({ servers: server.address, namespace: 'blue:' })
  await using serving = new GearmanWorker({ servers: server.address, namespace: 'blue:' })
  serving.addFunction('title', (job) => `blue ${job.functionName}`)
  void serving.work()
  expect(await spaced.do('title', 'x')).toBe('blue title')
  expect(await client.do('title', 'x')).toBe('X')
  expect(await client.do('blue:title', 'x')).toBe('blue title')
})
