import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import {
  defineJob,
  GearmanAdmin,
  GearmanClient,
  GearmanWorker,
  type TaskRequest,
} from '@glammp/gearman'
import { describe, expect, expectTypeOf, vi } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { test } from '../support/gearman.js'
import { startProxy } from '../support/proxy.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { waitFor } from '../support/wait.js'

const MIB = 1024 * 1024

test.beforeAll(({ worker }) => {
  worker.concurrency = 8
  worker.addFunction('double', (job) => Number(job.workload()) * 2)
  worker.addFunction('odd_only', (job) => {
    if (Number(job.workload()) % 2 === 0) throw new Error('even')
    return job.workload()
  })
  worker.addFunction('length', (job) => job.workloadBuffer.length)
})

const values = (ends: PromiseSettledResult<unknown>[]): unknown[] =>
  ends.map((end) => (end.status === 'fulfilled' ? end.value : (end.reason as Error)))

describe('many jobs', () => {
  test('doMany gives the result of each, in the order of the workloads', async ({ client }) => {
    const ends = await client.doMany('double', [3, 1, 2])
    expect(ends).toEqual([6, 2, 4].map((value) => ({ status: 'fulfilled', value: String(value) })))
    expect(await client.doMany('double', [])).toEqual([])
  })

  test('one that fails loses none of the others', async ({ client }) => {
    const ends = await client.doMany('odd_only', [1, 2, 3, { no: 'text' }, 5])
    expect(ends.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
    expect(ends[1]).toMatchObject({ reason: { code: 'ERR_GEARMAN_JOB_EXCEPTION' } })
    expect(ends[3]).toMatchObject({ reason: { code: 'ERR_GEARMAN_INVALID_ARGUMENT' } })
  })

  test('runTasks is typed by the definitions of its tasks', async ({ client, worker }) => {
    const area = defineJob<{ width: number }, number>('area', { codec: 'json' })
    worker.addFunction(area, (job) => job.workload().width * 2)
    const ends = await client.runTasks([{ function: area, workload: { width: 3 } }])
    expectTypeOf(ends).toEqualTypeOf<PromiseSettledResult<number>[]>()
    const task = { function: area, workload: { width: 3 }, background: true } as const
    const handles = await client.runTasks([task])
    expectTypeOf(handles).toEqualTypeOf<PromiseSettledResult<string>[]>()
    expect(values([...ends, ...handles])).toEqual([6, expect.stringMatching(/\/\/H:/)])
  })

  test('runTasks runs different functions with their own options', async ({ client, worker }) => {
    const statuses: unknown[] = []
    worker.addFunction('report', async (job) => {
      await job.sendStatus(1, 2)
      return 'reported'
    })
    const tasks: TaskRequest[] = [
      { function: 'double', workload: 4, priority: 'high' },
      { function: 'report', onStatus: (numerator) => statuses.push(numerator) },
      { function: 'left_alone', workload: 'x', background: true },
      { function: 'two words' },
      { function: 'unserved', timeout: 50 },
      { function: 'double', workload: [2], codec: 'json' },
    ]
    const ends = await client.runTasks(tasks)
    expect(values(ends)).toEqual([
      '8',
      'reported',
      expect.stringMatching(/\/\/H:/),
      expect.objectContaining({ code: 'ERR_GEARMAN_INVALID_ARGUMENT' }),
      expect.objectContaining({ code: 'ERR_GEARMAN_TIMEOUT' }),
      expect.anything(),
    ])
    expect(statuses).toEqual([1])
  })

  test('thousands of jobs leave in one write', async () => {
    await using silent = await startFakeServer((socket) => {
      // To the greeting, before which nothing is sent.
      socket.once('data', () => socket.write('\0RES\0\0\0\x1b\0\0\0\0', 'latin1'))
    })
    await using many = new GearmanClient(silent.address)
    // How many reads the kernel makes of them is its own affair.
    const writes = vi.spyOn(Socket.prototype, 'write')
    try {
      const all = many.doMany('f', new Array(5_000).fill('x'), { background: true })
      await waitFor(() => silent.received().length > 5_000 * 50)
      await silent.stop()
      expect(await all).toHaveLength(5_000)
      expect(writes.mock.calls.length).toBeLessThan(50)
    } finally {
      writes.mockRestore()
    }
  })

  test('50,000 background jobs of a generator arrive, each acknowledged', async ({
    server,
    client,
  }) => {
    await using admin = new GearmanAdmin(server.address)
    const ends = await client.doMany('kept', workloads(50_000), { background: true })
    expect(new Set(values(ends)).size).toBe(50_000)
    const [functions] = Object.values(await admin.status())
    expect(functions).toContainEqual(expect.objectContaining({ function: 'kept', total: 50_000 }))
  })

  test('no more than `concurrency` are under way', async ({ server, client }) => {
    let running = 0
    let most = 0
    await using wide = new GearmanWorker({ servers: server.address, concurrency: 50 })
    wide.addFunction('counted', async () => {
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setTimeout(resolve, 5))
      running -= 1
    })
    void wide.work()
    const ends = await client.doMany('counted', workloads(60), { concurrency: 7 })
    expect(ends.every((end) => end.status === 'fulfilled')).toBe(true)
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(7)
  })

  test('large workloads are taken as gearmand acknowledges them', async ({ server }) => {
    await using proxy = await startProxy(server.address)
    await using far = new GearmanClient({ servers: proxy.address, timeout: 20_000 })
    await far.ping()
    proxy.stall('toServer')
    let taken = 0
    function* large(): Iterable<Buffer> {
      for (taken = 0; taken < 64; taken += 1) yield Buffer.alloc(MIB)
    }
    const all = far.doMany('length', large(), { codec: 'string' } as object)
    await far.ping({ timeout: 200 }).catch(() => {})
    expect(taken).toBeLessThan(20)
    proxy.heal()
    expect(values(await all)).toEqual(new Array(64).fill(String(MIB)))
  })

  test('more tasks than maxPending are not an error', async ({ server }) => {
    await using small = new GearmanClient({ servers: server.address, maxPending: 10 })
    const ends = await small.doMany('double', workloads(100))
    expect(ends.filter((end) => end.status === 'fulfilled')).toHaveLength(100)
  })

  test('a signal gives all up: an array in full, an endless iterable where it stands', async ({
    client,
  }) => {
    const controller = new AbortController()
    const { signal } = controller
    const options = { concurrency: 2, signal }
    const listed = client.doMany('unserved', ['a', 'b', 'c', 'd'], options)
    const endless = client.doMany('unserved', workloads(Number.POSITIVE_INFINITY), options)
    await client.ping()
    controller.abort()
    const ends = await listed
    expect(ends).toHaveLength(4)
    for (const end of ends) expect(end).toMatchObject({ reason: { name: 'AbortError' } })
    expect(await endless).toHaveLength(2)
  })

  test('closing the client ends them too', async ({ server }) => {
    const own = new GearmanClient(server.address)
    const ends = own.doMany('unserved', ['a', 'b', 'c'], { concurrency: 2 })
    const endless = own.doMany('unserved', workloads(Number.POSITIVE_INFINITY), { concurrency: 2 })
    await own.ping()
    await own.close()
    expect(values(await ends)).toEqual(
      new Array(3).fill(expect.objectContaining({ code: 'ERR_GEARMAN_CLOSED' })),
    )
    expect(await endless).toHaveLength(2)
  })

  test('an iterable that throws ends it, once the jobs that were begun are over', async ({
    client,
    worker,
  }) => {
    const begun: string[] = []
    worker.addFunction('noted', async (job) => {
      await new Promise(setImmediate)
      begun.push(job.workload())
    })
    async function* broken(): AsyncIterable<string> {
      yield 'a'
      yield 'b'
      throw new Error('no more')
    }
    await expect(client.doMany('noted', broken())).rejects.toThrow('no more')
    expect(begun.sort()).toEqual(['a', 'b'])
    await expect(client.doMany('noted', [], { concurrency: 0 })).rejects.toMatchObject({
      code: 'ERR_GEARMAN_INVALID_ARGUMENT',
    })
  })
})

describe('a workload that comes in pieces', () => {
  async function* pieces(...parts: (string | Uint8Array | number)[]): AsyncIterable<unknown> {
    yield* parts
  }

  test('is submitted whole, from a file, a generator or a web stream', async ({
    client,
    worker,
  }) => {
    worker.addFunction('echo', (job) => job.workloadBuffer)
    await using directory = await temporaryDirectory()
    const path = join(directory.path, 'w')
    await writeFile(path, Buffer.alloc(3 * MIB, 7))
    expect(await client.do('length', createReadStream(path), { length: 3 * MIB })).toBe(
      String(3 * MIB),
    )
    expect(await client.do('echo', pieces('é', Buffer.from('b')), { length: 3 })).toBe('éb')
    const web = new Blob(['abc']).stream()
    expect(await client.do('echo', web, { length: 3, codec: 'json' }).catch(String)).toContain(
      'ProtocolError',
    )
    expect(await client.submit('echo', pieces(), { length: 0 })).toBe('')
    const ends = await client.doMany('echo', [pieces('ab'), pieces('cd')], { length: 2 })
    expect(values(ends)).toEqual(['ab', 'cd'])
  })

  test.for<[string, () => AsyncIterable<unknown>, number | undefined]>([
    ['shorter than announced', () => pieces('ab'), 3],
    ['longer than announced', () => pieces('ab', 'cd'), 3],
    ['of something else', () => pieces('ab', 1), 3],
    ['without a length', () => pieces('ab'), undefined],
    ['broken off', () => Readable.from(failing()), 3],
  ])('%s is an error before a byte of it is sent', async ([_, make, length], { server }) => {
    await using own = new GearmanClient(server.address)
    const beside = own.do('double', 1)
    await expect(own.do('echo', make(), { length })).rejects.toMatchObject({
      code: 'ERR_GEARMAN_INVALID_ARGUMENT',
    })
    expect(await beside).toBe('2')
    expect(await own.do('double', 2)).toBe('4')
  })

  test('a length without pieces is an error', async ({ client }) => {
    await expect(client.do('echo', 'abc', { length: 3 })).rejects.toMatchObject({
      code: 'ERR_GEARMAN_INVALID_ARGUMENT',
    })
  })

  test('is closed when its job is given up before', async ({ client }) => {
    const silent = new Readable({ read() {} })
    silent.push('a')
    await expect(client.do('echo', silent, { length: 9, timeout: 50 })).rejects.toMatchObject({
      code: 'ERR_GEARMAN_TIMEOUT',
    })
    expect(silent.destroyed).toBe(true)
    expect(await client.do('double', 2)).toBe('4')
  })

  async function* failing(): AsyncIterable<string> {
    yield 'ab'
    throw new Error('disk')
  }
})

function* workloads(count: number): Iterable<number> {
  for (let number = 0; number < count; number += 1) yield number
}
