import { join } from 'node:path'
import { GearmanAdmin, GearmanClient, GearmanWorker, JobFailure } from '@glammp/gearman'
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { findProgram } from '../../scripts/programs.mjs'
import { type GearmandServer, startGearmand } from '../support/gearmand.js'
import { hasMariadb, type MariadbServer, startMariadb } from '../support/mariadb.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { run } from '../support/process.js'
import { serversAreProcesses } from '../support/server-source.js'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.js'
import { waitFor } from '../support/wait.js'

const gearmand = findProgram('gearmand')
const help =
  serversAreProcesses && gearmand !== undefined ? (await run(gearmand, ['--help'])).stdout : ''

let directory: TemporaryDirectory
let memcached: MemcachedServer | undefined
let mariadb: MariadbServer | undefined
beforeAll(async () => {
  directory = await temporaryDirectory()
})
afterAll(async () => {
  await memcached?.stop()
  await mariadb?.[Symbol.asyncDispose]()
  await directory?.remove()
})

/** A kind of queue, as the guide shows it. */
interface Queue {
  readonly type: string
  /** An option of gearmand that is there if it was built with the queue. */
  readonly option: string
  /** What the machine lacks for it. */
  readonly lacks?: string | undefined
  readonly flags: () => Promise<string[]>
}

const sqlite: Queue = {
  type: 'libsqlite3',
  option: '--libsqlite3-db',
  flags: async () => ['--libsqlite3-db', join(directory.path, `${Math.random()}.db`)],
}

const cached: Queue = {
  type: 'libmemcached',
  option: '--libmemcached-servers',
  flags: async () => {
    // With its LRU maintainer memcached does not list its newest items, and gearmand misses them.
    memcached ??= await startMemcached({ args: ['-o', 'no_lru_maintainer'] })
    return ['--libmemcached-servers', memcached.address]
  },
}

const queues: Queue[] = [
  sqlite,
  cached,
  {
    type: 'mysql',
    option: '--mysql-host',
    lacks: hasMariadb ? undefined : 'MariaDB (Debian: mariadb-server-core)',
    flags: async () => {
      mariadb ??= await startMariadb(directory.path, 'jobs')
      return [
        ...['--mysql-host', mariadb.host, '--mysql-port', String(mariadb.port)],
        ...['--mysql-user', 'gearman', '--mysql-password', 'secret', '--mysql-db', 'jobs'],
      ]
    },
  },
]

/** How many jobs the server has. */
async function jobsOf(server: GearmandServer): Promise<number> {
  await using admin = new GearmanAdmin(server.address)
  const rows = (await admin.status())[server.address]
  if (!Array.isArray(rows)) throw rows
  return rows.reduce((sum, { total }) => sum + total, 0)
}

describe.each(queues)('-q $type', ({ type, option, lacks, flags }) => {
  const start = async (): Promise<GearmandServer> =>
    startGearmand({ args: ['-q', type, ...(await flags())] })

  test('background jobs survive kill -9 as they were sent, and go when they are done', async (context) => {
    context.skip(!serversAreProcesses, 'gearmand is not a process of the test')
    context.skip(!help.includes(option), `this gearmand was built without -q ${type}`)
    context.skip(lacks !== undefined, `this machine lacks ${lacks}`)
    await using server = await start()
    await using client = new GearmanClient({ servers: server.address, codec: 'buffer' })
    const foreground = client.submit('kept', 'in the foreground')
    const bytes = Buffer.from([...Array(256).keys()])
    const sent = new Map([['an-id', bytes]])
    await client.doBackground('kept', bytes, { unique: 'an-id' })
    for (let job = 0; job < 20; job += 1) {
      const method = (['doBackground', 'doHighBackground', 'doLowBackground'] as const)[job % 3]
      const unique = `${type}-${job}`
      sent.set(unique, Buffer.from(`job ${job}`))
      await client[method ?? 'doBackground']('kept', `job ${job}`, { unique })
    }
    // Without an id of the caller's each has one of its own.
    await Promise.all(Array.from({ length: 20 }, () => client.doBackground('kept', 'unnamed')))
    await server.kill()
    await expect(foreground).rejects.toMatchObject({ code: 'ERR_GEARMAN_CONNECTION' })
    await server.restart()
    expect(await jobsOf(server)).toBe(41)

    const seen = new Map<string, Buffer>()
    let unnamed = 0
    await using worker = new GearmanWorker({ servers: server.address, concurrency: 4 })
    worker.addFunction('kept', (job) => {
      if (job.workload() === 'unnamed') unnamed += 1
      else seen.set(job.unique, Buffer.from(job.workloadBuffer))
    })
    void worker.work()
    await waitFor(async () => (await jobsOf(server)) === 0)
    expect(unnamed).toBe(20)
    expect(seen).toEqual(sent)
    await worker.close()
    await server.kill()
    await server.restart()
    expect(await jobsOf(server)).toBe(0)
  })

  test('a job that a worker had is queued again, a failed one is gone', async (context) => {
    context.skip(!serversAreProcesses, 'gearmand is not a process of the test')
    context.skip(!help.includes(option), `this gearmand was built without -q ${type}`)
    context.skip(lacks !== undefined, `this machine lacks ${lacks}`)
    await using server = await start()
    await using client = new GearmanClient(server.address)
    const begun: string[] = []
    await using worker = new GearmanWorker({ servers: server.address, concurrency: 3 })
    worker.addFunction('ends', (job) => {
      begun.push(job.workload())
      if (job.workload() === 'fails') throw new JobFailure()
      if (job.workload() === 'throws') throw new Error('for good')
      return begun.filter((each) => each === 'runs').length === 1 ? new Promise(() => {}) : ''
    })
    void worker.work()
    for (const workload of ['fails', 'throws', 'runs']) await client.doBackground('ends', workload)
    await waitFor(async () => begun.length === 3 && (await jobsOf(server)) === 1)
    await server.kill()
    await server.restart()
    await waitFor(() => begun.length === 4)
    expect(begun.sort()).toEqual(['fails', 'runs', 'runs', 'throws'])
    await worker.close({ timeout: 1 })
  })
})

describe('what the guide says of the queues of gearmand 1.1.20', () => {
  const needs = (context: TestContext, option: string): void => {
    context.skip(!help.includes(option), `there is no gearmand here with ${option}`)
  }
  const startWith = async ({ type, flags }: Queue, ...more: string[]): Promise<GearmandServer> =>
    startGearmand({ args: ['-q', type, ...(await flags()), ...more] })

  test('libsqlite3 with --store-queue-on-shutdown keeps jobs over SIGTERM alone', async (context) => {
    needs(context, '--store-queue-on-shutdown')
    await using server = await startWith(sqlite, '--store-queue-on-shutdown')
    await using client = new GearmanClient(server.address)
    await client.doBackground('kept', 'before')
    await server.terminate()
    await server.restart()
    expect(await jobsOf(server)).toBe(1)
    await client.doBackground('kept', 'after')
    await server.kill()
    await server.restart()
    expect(await jobsOf(server)).toBeLessThan(2)
  })

  test('libsqlite3 keeps scheduled jobs; libmemcached refuses them, and ids with blanks', async (context) => {
    needs(context, '--libsqlite3-db')
    needs(context, '--libmemcached-servers')
    await using server = await startWith(sqlite)
    await using client = new GearmanClient(server.address)
    await client.schedule('later', 'x', { delay: 3_600_000 })
    await server.kill()
    await server.restart()
    expect(await jobsOf(server)).toBe(1)
    await using refusing = await startWith(cached)
    await using other = new GearmanClient(refusing.address)
    await expect(other.schedule('later', 'x', { delay: 3_600_000 })).rejects.toMatchObject({
      code: 'ERR_GEARMAN_SERVER',
      serverCode: 'QUEUE_ERROR',
    })
    // The id is a part of the key, and memcached takes no blank in it.
    await expect(other.doBackground('kept', 'x', { unique: 'an id' })).rejects.toMatchObject({
      code: 'ERR_GEARMAN_SERVER',
      serverCode: 'QUEUE_ERROR',
    })
  })

  test('gearmand does not start from a libsqlite3 file with an empty workload', async (context) => {
    needs(context, '--libsqlite3-db')
    context.skip(findProgram('sqlite3') === undefined, 'sqlite3 is not installed')
    const database = join(directory.path, 'empty.db')
    await using server = await startGearmand({
      args: ['-q', 'libsqlite3', '--libsqlite3-db', database],
    })
    await using client = new GearmanClient(server.address)
    await client.doBackground('kept', '')
    await client.doBackground('kept', 'x')
    await server.kill()
    await expect(server.restart()).rejects.toThrow('column 3 is not type TEXT')
    const cure = 'delete from gearman_queue where data is null'
    const { code } = await run(findProgram('sqlite3') ?? '', [database, cure])
    expect(code).toBe(0)
    await server.restart()
    expect(await jobsOf(server)).toBe(1)
  })

  test('libmemcached without -o no_lru_maintainer forgets the newest jobs', async (context) => {
    needs(context, '--libmemcached-servers')
    await using cache = await startMemcached()
    const args = ['-q', 'libmemcached', '--libmemcached-servers', cache.address]
    await using server = await startGearmand({ args })
    await using client = new GearmanClient(server.address)
    await Promise.all(Array.from({ length: 100 }, (_, job) => client.doBackground('kept', job)))
    await server.kill()
    await server.restart()
    expect(await jobsOf(server)).toBeLessThan(100)
  })

  test('with --job-retries a job whose workers are lost so often is given up', async (context) => {
    needs(context, '--job-retries')
    await using server = await startGearmand({ args: ['--job-retries', '2'] })
    await using client = new GearmanClient(server.address)
    const task = client.submit('deadly', 'x')
    let begun = 0
    let over = false
    Promise.resolve(task).catch(() => {
      over = true
    })
    while (!over) {
      const before = begun
      const worker = new GearmanWorker(server.address)
      worker.addFunction('deadly', () => {
        begun += 1
        return new Promise(() => {})
      })
      void worker.work()
      await waitFor(() => over || begun > before)
      await worker.close({ timeout: 1 })
    }
    await expect(task).rejects.toMatchObject({ code: 'ERR_GEARMAN_JOB_FAILED' })
    expect(begun).toBe(2)
  })
})
