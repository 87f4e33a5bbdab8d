import { GearmanAdmin, GearmanClient, GearmanWorker } from '@glammp/gearman'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { reservePort } from '../support/ports.js'
import { startProcess } from '../support/process.js'
import { isReady } from '../support/readiness.js'
import { releaseProgram } from '../support/releases.js'
import { waitFor } from '../support/wait.js'

const program = releaseProgram('perl', 'gearmand')

describe.skipIf(program === undefined)("Perl's Gearman::Server", () => {
  const undo: (() => unknown)[] = []
  let address = ''
  let client: GearmanClient
  let worker: GearmanWorker
  let admin: GearmanAdmin

  beforeAll(async () => {
    const { port, release } = await reservePort()
    const args = ['--listen=127.0.0.1', `--port=${port}`]
    const server = startProcess(program as string, args)
    undo.push(release, () => server.kill('SIGKILL'))
    await waitFor(() => isReady({ host: '127.0.0.1', port }, undefined))
    address = `127.0.0.1:${port}`
    client = new GearmanClient(address)
    worker = new GearmanWorker({ servers: address, concurrency: 4 })
    admin = new GearmanAdmin(address)
    undo.push(
      () => client.close(),
      () => worker.close({ timeout: 1_000 }),
      () => admin.close(),
    )
    worker.addFunction('up', (job) => job.workload().toUpperCase())
    worker.addFunction('throws', () => {
      throw new Error('on purpose')
    })
    worker.addFunction('fails', (job) => job.sendFail())
    worker.addFunction('reports', (job) => {
      job.sendStatus(1, 2)
      job.sendData('lost')
      job.sendWarning('lost')
      return 'done'
    })
    void worker.work()
  })
  afterAll(async () => {
    for (const step of undo.reverse()) await step()
  })

  test('does jobs, of high priority and of any size too', async () => {
    expect(await client.do('up', 'abc')).toBe('ABC')
    expect(await client.doHigh('up', 'abc')).toBe('ABC')
    expect(await client.do('up', 'a'.repeat(3_000_000))).toBe('A'.repeat(3_000_000))
    const all = Array.from({ length: 500 }, (_, index) => client.do('up', `job ${index}`))
    expect(await Promise.all(all)).toEqual(all.map((_, index) => `JOB ${index}`))
  })

  test('joins jobs of one unique', async () => {
    const both = [client.do('up', 'u', { unique: 'one' }), client.do('up', 'u', { unique: 'one' })]
    expect(await Promise.all(both)).toEqual(['U', 'U'])
  })

  test('takes jobs for the background, and tells of them', async () => {
    const handle = await client.doBackground('nobody', 'abc')
    expect(await client.jobStatus(handle)).toMatchObject({ known: true, running: false })
    expect(await client.jobStatus(await client.doBackground('nobody', 'x'))).toMatchObject({
      known: true,
    })
    await client.ping()
  })

  test('passes on failures and exceptions, and forgets those jobs', async () => {
    await expect(client.do('fails', '')).rejects.toMatchObject({ code: 'ERR_GEARMAN_JOB_FAILED' })
    await expect(client.do('throws', '')).rejects.toMatchObject({
      code: 'ERR_GEARMAN_JOB_EXCEPTION',
      message: expect.stringContaining('on purpose'),
    })
    await waitFor(async () => {
      const rows = (await admin.status())[address]
      return Array.isArray(rows) && rows.find((row) => row.function === 'throws')?.total === 0
    })
  })

  test('has no data and no warnings: the job itself goes on', async () => {
    const progress: unknown[] = []
    const task = client.submit('reports', '')
    task.on('status', (status) => progress.push(status))
    expect(await task.result).toBe('done')
    expect(progress).toHaveLength(1)
    expect(await client.do('up', 'still here')).toBe('STILL HERE')
  })

  test('says of what it lacks that it lacks it', async () => {
    const lacks = { code: 'ERR_GEARMAN_SERVER', server: address }
    await expect(client.doLow('up', '')).rejects.toMatchObject(lacks)
    await expect(client.doHighBackground('up', '')).rejects.toMatchObject(lacks)
    await expect(client.doLowBackground('up', '')).rejects.toMatchObject(lacks)
    await expect(client.schedule('up', '', { delay: 1 })).rejects.toMatchObject(lacks)
    await expect(client.jobStatusByUnique('u')).rejects.toMatchObject(lacks)
    await expect(admin.createFunction('f')).rejects.toMatchObject(lacks)
    await expect(admin.dropFunction('f')).rejects.toMatchObject(lacks)
    for (const answer of [
      await admin.pid(),
      await admin.verbose(),
      await admin.priorityStatus(),
      await admin.showJobs(),
      await admin.showUniqueJobs(),
    ]) {
      expect(answer[address]).toMatchObject(lacks)
    }
    expect(await client.do('up', 'still here')).toBe('STILL HERE')
  })

  test('tells of itself', async () => {
    expect((await admin.version())[address]).toMatch(/^v1\.\d+/)
    expect((await admin.status())[address]).toContainEqual(
      expect.objectContaining({ function: 'up', workers: 1 }),
    )
    expect((await admin.workers())[address]).toContainEqual(
      expect.objectContaining({ functions: expect.arrayContaining(['up', 'reports']) }),
    )
    await admin.maxQueue('up', 1_000)
  })
})
