import { once } from 'node:events'
import { connect } from 'node:net'
import { GearmanAdmin, GearmanClient, GearmanWorker, InvalidArgumentError } from '@glammp/gearman'
import { describe, expect } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { test as base } from '../support/gearman.js'
import { type GearmandServer, startGearmand } from '../support/gearmand.js'

const MIB = 1024 * 1024

/** One line of gearmand's text protocol; resolves when the answer is there. */
async function ask(server: GearmandServer, line: string): Promise<string> {
  const socket = connect(server.port, server.host)
  socket.write(line)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return answer.toString()
}

const test = base
  .extend('client', { scope: 'file' }, ({ server }, { onCleanup }) => {
    const client = new GearmanClient({ servers: server.address, codec: 'buffer' })
    onCleanup(() => client.close())
    return client
  })
  .extend('worker', { scope: 'file' }, ({ server }, { onCleanup }) => {
    const worker = new GearmanWorker({ servers: server.address, concurrency: 2, codec: 'buffer' })
    onCleanup(() => worker.close())
    void worker.work()
    return worker
  })

describe('what gearmand cannot take', () => {
  const badJobs: [string, (client: GearmanClient) => PromiseLike<unknown>][] = [
    ['an empty function name', (client) => client.do('', 'x')],
    ['a function name with a blank', (client) => client.do('two words', 'x')],
    ['a function name with a NUL', (client) => client.do('a\0b', 'x')],
    ['a function name with a line break', (client) => client.do('a\nshutdown', 'x')],
    ['a function name of 256 bytes', (client) => client.do('é'.repeat(128), 'x')],
    ['a function name that is not a string', (client) => client.do(7 as unknown as string, 'x')],
    ['an empty unique', (client) => client.do('f', 'x', { unique: '' })],
    ['a unique of 64 bytes', (client) => client.doBackground('f', 'x', { unique: 'u'.repeat(64) })],
    ['a unique with a NUL', (client) => client.doBackground('f', 'x', { unique: 'a\0b' })],
    ['a workload that is not text', (client) => client.do('f', { a: 1 })],
    ['a workload that is a function', (client) => client.do('f', () => 1)],
    ['an unknown codec', (client) => client.do('f', 'x', { codec: 'xml' as 'json' })],
    ['a workload JSON cannot write', (client) => client.do('f', 1n, { codec: 'json' })],
    ['a timeout of 0', (client) => client.do('f', 'x', { timeout: 0 })],
    ['a timeout that no timer holds', (client) => client.do('f', 'x', { timeout: 2 ** 31 })],
    ['retries below 0', (client) => client.do('f', 'x', { retries: -1 })],
    [
      'an unknown priority',
      async (client) => client.submit('f', 'x', { priority: 'urgent' as 'high' }),
    ],
    ['a schedule without a time', (client) => client.schedule('f', 'x', {} as never)],
    ['a schedule with a time of NaN', (client) => client.schedule('f', 'x', { at: Number.NaN })],
    ['a handle of 64 bytes', (client) => client.jobStatus(`H:${'h'.repeat(62)}`)],
    ['an empty handle', (client) => client.jobStatus('')],
    ['a handle with a NUL', (client) => client.jobStatus('H:a:1\0')],
    ['a handle with a line break', (client) => client.jobStatus('localhost:1//H:a\n:1')],
    ['a unique of 64 bytes to ask for', (client) => client.jobStatusByUnique('u'.repeat(64))],
  ]

  test.each(badJobs)('%s is refused before a byte is sent', async (_, call) => {
    await using server = await startFakeServer(() => {})
    await using client = new GearmanClient(server.address)
    const error = await call(client).then(
      () => expect.unreachable(),
      (caught: unknown) => caught,
    )
    expect(error).toBeInstanceOf(InvalidArgumentError)
    expect(error).toMatchObject({ code: 'ERR_GEARMAN_INVALID_ARGUMENT' })
    expect(server.connections).toBe(0)
  })

  test('options that make no sense are refused by the constructor', () => {
    for (const options of [
      'not a server:0',
      { servers: [] },
      { servers: 'a,a' },
      { servers: 'http://localhost' },
      { timeout: -1 },
      { connectTimeout: Number.NaN },
      { maxPending: 0 },
      { codec: 'xml' as 'json' },
    ]) {
      expect(() => new GearmanClient(options)).toThrow(InvalidArgumentError)
    }
    for (const options of [
      null,
      4730,
      true,
      { server: 'jobs1' },
      { host: 'jobs1' },
      { servers: [{ hots: 'jobs1' }] },
    ] as unknown as string[]) {
      expect(() => new GearmanClient(options)).toThrow(InvalidArgumentError)
      expect(() => new GearmanWorker(options)).toThrow(InvalidArgumentError)
      expect(() => new GearmanAdmin(options)).toThrow(InvalidArgumentError)
    }
    for (const servers of [['a', 'b:1'], [{ host: 'a' }], 'a,b']) {
      expect(() => new GearmanWorker(servers)).not.toThrow()
    }
    expect(() => new GearmanWorker({ concurrency: 0 })).toThrow(InvalidArgumentError)
    expect(() => new GearmanWorker({ concurrency: 1.5 })).toThrow(InvalidArgumentError)
    expect(() => new GearmanWorker({ clientId: 'with blank' })).toThrow(InvalidArgumentError)
    const worker = new GearmanWorker()
    expect(() => worker.addFunction('a b', () => '')).toThrow(InvalidArgumentError)
    expect(() => worker.addFunction('f', 'no' as unknown as () => '')).toThrow(InvalidArgumentError)
    expect(() => worker.addFunction('f', () => '', { timeout: 0 })).toThrow(InvalidArgumentError)
    expect(() => worker.addServer('localhost')).toThrow(InvalidArgumentError)
    expect(worker.removeFunction('never_added')).toBe(false)
  })
})

describe('what gearmand can take', () => {
  test.beforeAll(({ worker }) => {
    worker.addFunction('echo', (job) => job.workloadBuffer)
  })

  test('payloads around 64 KiB, of every size, there and back', async ({ client }) => {
    const source = Buffer.from(Array.from({ length: 66_000 }, (_, index) => index % 251))
    for (let size = 65_480; size <= 65_560; size += 1) {
      const sent = source.subarray(0, size)
      sent[size - 1] = 0
      const back = await client.do<Buffer>('echo', sent)
      expect(back.equals(sent)).toBe(true)
    }
  })

  test('payloads of several MiB, there and back, several at once', async ({ client }) => {
    const sizes = [MIB, 5 * MIB, 20 * MIB + 7, 0, 3]
    const backs = await Promise.all(
      sizes.map((size) => client.do<Buffer>('echo', Buffer.alloc(size, size % 251))),
    )
    for (const [index, size] of sizes.entries()) {
      expect(backs[index]?.equals(Buffer.alloc(size, size % 251))).toBe(true)
    }
  })

  test('a workload of 100 MiB goes there and back, in the foreground and from a stream', {
    timeout: 120_000,
  }, async ({ client }) => {
    const large = Buffer.alloc(100 * MIB, 'patins\0')
    const back = await client.do<Buffer>('echo', large)
    expect(back.equals(large)).toBe(true)
    async function* pieces(): AsyncIterable<Buffer> {
      for (let at = 0; at < large.length; at += MIB) yield large.subarray(at, at + MIB)
    }
    const again = await client.do<Buffer>('echo', pieces(), { length: large.length })
    expect(again.equals(large)).toBe(true)
  })

  test('the longest names and ids', async ({ client, worker }) => {
    const name = 'n'.repeat(255)
    worker.addFunction(name, (job) => `${job.functionName.length} ${job.unique}`)
    const unique = `${'é'.repeat(31)}u`
    const back = await client.do(name, 'x', { unique, codec: 'string' })
    expect(back).toBe(`255 ${unique}`)
  })

  test('status takes whole numbers only', async ({ client, worker }) => {
    worker.addFunction('half', (job) => job.sendStatus(0.5, 1))
    worker.addFunction('negative', (job) => job.sendStatus(-1, 1))
    worker.addFunction('huge', (job) => job.sendStatus(1, 2 ** 32))
    for (const name of ['half', 'negative', 'huge']) {
      await expect(client.do(name)).rejects.toMatchObject({
        code: 'ERR_GEARMAN_JOB_EXCEPTION',
        remoteMessage: expect.stringContaining('whole numbers'),
      })
    }
  })

  test('a full queue is a ServerError with the words of gearmand', async () => {
    await using full = await startGearmand()
    await using submitter = new GearmanClient(full.address)
    await submitter.doBackground('few', '1')
    await ask(full, 'maxqueue few 1\r\n')
    await expect(submitter.doBackground('few', '2')).rejects.toMatchObject({
      code: 'ERR_GEARMAN_SERVER',
      serverCode: 'QUEUE_ERROR',
      function: 'few',
      server: full.address,
    })
    expect(await submitter.doBackground('other', '3')).toMatch(/\/\/H:/)
  })
})
