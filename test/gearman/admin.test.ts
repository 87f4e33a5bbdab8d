import type { Socket } from 'node:net'
import {
  ClosedError,
  GearmanAdmin,
  GearmanClient,
  GearmanWorker,
  InvalidArgumentError,
  type PerServer,
} from '@glammp/gearman'
import { describe, expect } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { test as base } from '../support/gearman.js'
import { type GearmandServer, startGearmand } from '../support/gearmand.js'
import { waitFor } from '../support/wait.js'

const test = base.extend('admin', { scope: 'file' }, ({ server }, { onCleanup }) => {
  const admin = new GearmanAdmin(server.address)
  onCleanup(() => admin.close())
  return admin
})

/** The answer of the one server. */
async function only<T>(server: GearmandServer, asked: Promise<PerServer<T>>): Promise<T> {
  const answers = await asked
  expect(Object.keys(answers)).toEqual([server.address])
  const [answer] = Object.values(answers)
  if (answer instanceof Error) throw answer
  return answer as T
}

describe('what gearmand tells', () => {
  test('version, pid and log level', async ({ server, admin }) => {
    expect(await only(server, admin.version())).toMatch(/^\d+\.\d+/)
    expect(await only(server, admin.pid())).toBeGreaterThan(0)
    expect(await only(server, admin.verbose())).toMatch(/^[A-Z]+$/)
  })

  test('status and priorityStatus count the jobs of a function', async ({
    server,
    client,
    admin,
  }) => {
    await using worker = new GearmanWorker(server.address)
    let go: () => void = () => {}
    const held = new Promise<void>((resolve) => {
      go = resolve
    })
    worker.addFunction('größe', () => held)
    void worker.work()
    const running = client.do('größe')
    await waitFor(async () => (await row(server, admin, 'größe')).running === 1)
    await client.doHighBackground('größe', 'x')
    await client.doBackground('größe', 'x')
    await client.doLowBackground('größe', 'x')
    expect(await row(server, admin, 'größe')).toEqual({
      function: 'größe',
      total: 4,
      running: 1,
      workers: 1,
    })
    const priorities = (await only(server, admin.priorityStatus())).find(
      (r) => r.function === 'größe',
    )
    expect(priorities).toEqual({ function: 'größe', high: 1, normal: 1, low: 1, workers: 1 })
    go()
    await running
    await waitFor(async () => (await row(server, admin, 'größe')).total === 0)
  })

  test('workers, by the names that they gave', async ({ server, admin }) => {
    await using worker = new GearmanWorker({ servers: server.address, clientId: 'shop-7' })
    worker.addFunction('one', () => '')
    worker.addFunction('two', () => '')
    void worker.work()
    const found = await waitFor(async () =>
      (await only(server, admin.workers())).find(({ clientId }) => clientId === 'shop-7'),
    )
    expect(found).toMatchObject({
      fd: expect.any(Number),
      address: expect.stringMatching(/^[\d.]+$/),
    })
    expect([...found.functions].sort()).toEqual(['one', 'two'])
  })

  test('jobs and their ids, and takes one back', async ({ server, client, admin }) => {
    const handle = await client.doBackground('left', 'x', { unique: 'an id with blanks' })
    const local = handle.split('//')[1] ?? ''
    expect(await only(server, admin.showJobs())).toContainEqual({
      handle: local,
      retries: 0,
      ignored: false,
      persistent: true,
    })
    expect(await only(server, admin.showUniqueJobs())).toContain('an id with blanks')
    expect(await admin.cancelJob(handle)).toBe(true)
    expect(await admin.cancelJob(`H:none:${local.length}99`)).toBe(false)
    const waiting = client.do('left', 'y').catch((error) => error.code)
    const queued = await waitFor(async () =>
      (await only(server, admin.showJobs())).find((job) => !job.persistent && !job.ignored),
    )
    expect(await admin.cancelJob(queued.handle)).toBe(true)
    expect(await waiting).toBe('ERR_GEARMAN_JOB_FAILED')
  })

  test('ids that look like answers of gearmand', async () => {
    await using own = await startGearmand()
    await using asker = new GearmanAdmin(own.address)
    await using submitter = new GearmanClient(own.address)
    await submitter.doBackground('f', 'x', { unique: 'ERR something' })
    expect(await asker.showUniqueJobs()).toEqual({ [own.address]: ['ERR something'] })
    await submitter.doBackground('f', 'x', { unique: '.' })
    await submitter.doBackground('f', 'x', { unique: 'last' })
    // The list ends where a job is called as its end is: the one behind that is not lost.
    const ids = (await asker.showUniqueJobs())[own.address] as string[]
    expect([...ids].sort()).toEqual(['.', 'ERR something', 'last'])
    expect(await asker.version()).toEqual({ [own.address]: expect.any(String) })
  })
})

describe('what gearmand is told', () => {
  test('a function is made with its last letter, bounded, and dropped', async ({
    server,
    client,
    admin,
  }) => {
    await admin.createFunction('letters')
    expect(await row(server, admin, 'letters')).toEqual({
      function: 'letters',
      total: 0,
      running: 0,
      workers: 0,
    })
    await admin.maxQueue('letters', 1)
    await client.doBackground('letters', '1')
    const full = { code: 'ERR_GEARMAN_SERVER', serverCode: 'QUEUE_ERROR' }
    await expect(client.doBackground('letters', '2')).rejects.toMatchObject(full)
    await admin.maxQueue('letters', { high: 2 })
    await client.doBackground('letters', '2')
    await admin.maxQueue('letters')
    expect(await admin.dropFunction('letters')).toBe(true)
    expect(await admin.dropFunction('letters')).toBe(false)
  })

  test('a function with workers is not dropped', async ({ server, admin }) => {
    await using worker = new GearmanWorker(server.address)
    worker.addFunction('held', () => '')
    void worker.work()
    await waitFor(async () => (await row(server, admin, 'held')).workers === 1)
    await expect(admin.dropFunction('held')).rejects.toMatchObject({
      code: 'ERR_GEARMAN_SERVER',
      message: expect.stringContaining('still connected workers'),
      server: server.address,
    })
  })

  test('shutdown says that gearmand no longer has it', async ({ server, admin }) => {
    for (const graceful of [true, false]) {
      await expect(admin.shutdown({ graceful })).rejects.toMatchObject({
        code: 'ERR_GEARMAN_SERVER',
        serverCode: 'UNKNOWN_COMMAND',
        server: server.address,
      })
    }
  })

  test('what gearmand would misread is refused before a byte is sent', async ({ admin }) => {
    for (const call of [
      () => admin.createFunction('two words'),
      () => admin.createFunction('f\r\ndrop function left'),
      () => admin.dropFunction(''),
      () => admin.maxQueue('f', 0),
      () => admin.maxQueue('f', 1.5),
      () => admin.maxQueue('f', { low: -1 }),
      () => admin.cancelJob('H:a\nshutdown'),
      () => admin.status({ timeout: 0 }),
    ]) {
      await expect(call()).rejects.toBeInstanceOf(InvalidArgumentError)
    }
  })
})

test('a job that is cancelled while it runs fails once, and its late result changes nothing', async ({
  server,
}) => {
  await using client = new GearmanClient(server.address)
  await using admin = new GearmanAdmin(server.address)
  await using worker = new GearmanWorker({ servers: server.address, concurrency: 2 })
  let release = (): void => {}
  let sent: boolean | undefined
  worker.addFunction('held', async (job) => {
    await new Promise<void>((resolve) => {
      release = resolve
    })
    sent = await job.sendComplete('too late')
  })
  worker.addFunction('echo', (job) => job.workload())
  void worker.work()
  const task = client.submit('held')
  const ends: string[] = []
  for (const name of ['complete', 'fail', 'exception'] as const) {
    task.on(name, () => ends.push(name))
  }
  await waitFor(() => worker.running === 1)
  expect(await admin.cancelJob(task.handle ?? '')).toBe(true)
  await expect(task).rejects.toMatchObject({ code: 'ERR_GEARMAN_JOB_FAILED' })
  release()
  await waitFor(() => sent !== undefined)
  // gearmand sends it on to the same client, which has forgotten the job.
  for (let turn = 0; turn < 3; turn += 1) expect(await client.do('echo', 'x')).toBe('x')
  expect(ends).toEqual(['fail'])
})

describe('servers that do not answer', () => {
  test('one that is away shows as such, beside the answers of the others', async ({ server }) => {
    await using other = await startGearmand()
    await using both = new GearmanAdmin([server.address, other.address])
    expect(Object.keys(await both.version())).toEqual([server.address, other.address])
    await other.kill()
    const answers = await both.status()
    expect(answers[server.address]).toBeInstanceOf(Array)
    expect(answers[other.address]).toMatchObject({
      code: 'ERR_GEARMAN_CONNECTION',
      server: other.address,
    })
    await expect(both.createFunction('f')).rejects.toMatchObject({ server: other.address })
    // It may be there.
    await expect(both.cancelJob('H:somewhere:1')).rejects.toMatchObject({ server: other.address })
    await other.restart()
    expect(await both.pid()).toEqual({
      [server.address]: expect.any(Number),
      [other.address]: expect.any(Number),
    })
  })

  test('one that hangs costs the timeout, or what the signal leaves of it', async () => {
    await using silent = await startFakeServer(() => {})
    await using asker = new GearmanAdmin({ servers: silent.address, timeout: 100 })
    const answers = await Promise.all(Array.from({ length: 12 }, () => asker.status()))
    for (const answer of answers) {
      expect(answer[silent.address]).toMatchObject({ code: 'ERR_GEARMAN_TIMEOUT' })
    }
    const signal = AbortSignal.timeout(20)
    const given = await asker.status({ signal, timeout: 10_000 }).catch((error) => error)
    expect(given).toBe(signal.reason)
  })

  test('an answer that comes too late reaches nobody else', async () => {
    const sockets: Socket[] = []
    await using slow = await startFakeServer((socket) => {
      const name = sockets.push(socket)
      if (name > 1) socket.on('data', () => socket.write(`OK v${name}\n`))
    })
    await using asker = new GearmanAdmin({ servers: slow.address, timeout: 100 })
    const late = await asker.version()
    expect(late[slow.address]).toMatchObject({ code: 'ERR_GEARMAN_TIMEOUT' })
    sockets[0]?.write('OK v1\n')
    expect(await asker.version({ timeout: 10_000 })).toEqual({ [slow.address]: 'v2' })
  })

  test('garbage is a ProtocolError', async () => {
    for (const garbage of ['\0RES\0\0\0\x13\0\0\0\0\n', 'HTTP/1.1 400 Bad Request\r\n\r\n', '\n']) {
      await using bad = await startFakeServer((socket) => {
        socket.on('data', () => socket.write(garbage))
      })
      await using asker = new GearmanAdmin(bad.address)
      const answers = await asker.version()
      expect(answers[bad.address]).toMatchObject({ code: 'ERR_GEARMAN_PROTOCOL' })
    }
  })

  test('after close nothing is asked', async ({ server }) => {
    const closed = new GearmanAdmin(server.address)
    const asked = closed.version()
    await closed.close()
    expect(await asked).toEqual({ [server.address]: expect.any(String) })
    await expect(closed.version()).rejects.toBeInstanceOf(ClosedError)
  })
})

async function row(server: GearmandServer, admin: GearmanAdmin, fn: string) {
  const found = (await only(server, admin.status())).find((each) => each.function === fn)
  if (found === undefined) throw new Error(`gearmand knows no ${fn}`)
  return found
}
