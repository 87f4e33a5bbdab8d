import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { RawPeer, request } from '../../../../test/support/raw-gearman.js'
import { GearmanServer, type GearmanServerOptions, startGearmand } from './index.js'

const servers: GearmanServer[] = []
const peers: RawPeer[] = []
afterEach(async () => {
  for (const peer of peers.splice(0)) peer.end()
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

const start = async (options?: GearmanServerOptions): Promise<GearmanServer> => {
  const server = await GearmanServer.start(options)
  servers.push(server)
  return server
}

const dial = async (server: GearmanServer): Promise<RawPeer> => {
  const peer = await RawPeer.connect(server.port)
  peers.push(peer)
  return peer
}

const CAN_DO = 1
const CANT_DO = 2
const PRE_SLEEP = 4
const SUBMIT_JOB = 7
const GRAB_JOB = 9
const WORK_STATUS = 12
const WORK_COMPLETE = 13
const WORK_FAIL = 14
const SUBMIT_JOB_BG = 18
const CAN_DO_TIMEOUT = 23
const SUBMIT_JOB_HIGH_BG = 32
const SUBMIT_JOB_EPOCH = 36

test('a job goes to a worker and its result to the client', async () => {
  const server = await start({ handlePrefix: 'H:here' })
  const [client, worker] = [await dial(server), await dial(server)]
  expect(await client.ask(SUBMIT_JOB, 'reverse', 'u1', 'abc')).toEqual(['8 H:here:1'])
  await worker.ask(CAN_DO, 'reverse')
  expect(server.jobs).toEqual([
    {
      handle: 'H:here:1',
      fn: 'reverse',
      unique: 'u1',
      workload: Buffer.from('abc'),
      priority: 'normal',
      background: false,
      running: false,
      retries: 0,
      numerator: 0,
      denominator: 0,
      clients: 1,
      abandoned: false,
      notBefore: undefined,
      reducer: undefined,
    },
  ])
  expect(await worker.ask(GRAB_JOB)).toEqual(['11 H:here:1|reverse|abc'])
  await worker.ask(WORK_STATUS, 'H:here:1', '1', '2')
  expect(server.jobs).toMatchObject([{ running: true, numerator: 1, denominator: 2 }])
  await worker.ask(WORK_COMPLETE, 'H:here:1', 'cba')
  expect(await client.heard()).toEqual(['12 H:here:1|1|2', '13 H:here:1|cba'])
  expect(server.jobs).toEqual([])
})

test('requests have the names of packets and of their arguments', async () => {
  const server = await start()
  const client = await dial(server)
  await client.ask(SUBMIT_JOB_BG, 'größe', 'u1', 'abc')
  await client.say('status\r\n')
  expect(server.requests).toContainEqual({
    packet: 'SUBMIT_JOB_BG',
    fn: 'größe',
    unique: 'u1',
    workload: Buffer.from('abc'),
  })
  expect(server.requests).toContainEqual({ packet: 'TEXT', line: 'status' })
})

test('a moved clock makes epoch jobs due', async () => {
  // It moves by this test alone.
  const server = await start({ clock: () => 1_700_000_000_000 })
  const worker = await dial(server)
  const at = Math.floor(server.clock.now() / 1_000) + 100
  await worker.ask(SUBMIT_JOB_EPOCH, 'later', '', String(at), 'x')
  await worker.ask(CAN_DO, 'later')
  expect(await worker.ask(GRAB_JOB)).toEqual(['10'])
  expect(server.jobs).toMatchObject([{ background: true, notBefore: new Date(at * 1_000) }])
  await server.idle()
  server.clock.advance(99)
  expect(await worker.ask(GRAB_JOB)).toEqual(['10'])
  server.clock.advance(2)
  await expect(server.idle({ timeout: 1 })).rejects.toThrow('0 running and 1 queued jobs of later')
  expect(await worker.ask(GRAB_JOB)).toHaveLength(1)
})

test('CAN_DO_TIMEOUT gives a job back when the time is over', async () => {
  const server = await start({ jobRetries: 2 })
  const [worker, client] = [await dial(server), await dial(server)]
  const [created = ''] = await client.ask(SUBMIT_JOB, 'slow', '', 'x')
  const handle = created.slice(2)
  await worker.ask(CAN_DO_TIMEOUT, 'slow', '5000')
  await worker.ask(GRAB_JOB)
  server.clock.advance(4)
  expect(server.jobs).toMatchObject([{ running: true }])
  server.clock.advance(2)
  expect(server.jobs).toMatchObject([{ running: false, retries: 1 }])
  const [late] = await worker.ask(WORK_COMPLETE, handle, '')
  expect(late).toMatch(/^19 JOB_NOT_FOUND/)
  await worker.ask(GRAB_JOB)
  server.clock.advance(6)
  expect(server.jobs).toEqual([])
  expect(await client.heard()).toEqual([`14 ${handle}`])
})

test('a job whose worker is lost goes back, behind the others', async () => {
  const server = await start()
  const [lost, worker] = [await dial(server), await dial(server)]
  for (const workload of ['1', '2', '3']) await lost.ask(SUBMIT_JOB_BG, 'f', '', workload)
  await lost.ask(CAN_DO, 'f')
  await lost.ask(GRAB_JOB)
  lost.end()
  await worker.ask(CAN_DO, 'f')
  const order: (string | undefined)[] = []
  for (let job = await worker.ask(GRAB_JOB); job[0] !== '10'; job = await worker.ask(GRAB_JOB)) {
    order.push(job[0]?.at(-1))
  }
  expect(order).toEqual(['2', '3', '1'])
  expect(server.jobs).toMatchObject([{ retries: 1 }, { retries: 0 }, { retries: 0 }])
})

test('sleeping workers are woken once, as many as the option says', async () => {
  const server = await start({ workerWakeup: 1 })
  const workers = [await dial(server), await dial(server), await dial(server)]
  for (const worker of workers) {
    await worker.ask(CAN_DO, 'f')
    await worker.ask(PRE_SLEEP)
  }
  const client = await dial(server)
  for (let count = 0; count < 2; count += 1) await client.ask(SUBMIT_JOB_BG, 'f', '', '')
  const heard: string[][] = []
  for (const worker of workers) heard.push(await worker.heard())
  expect(heard).toEqual([['6'], ['6'], []])
})

test('roundRobin takes turns between functions', async () => {
  const server = await start({ roundRobin: true })
  const worker = await dial(server)
  for (const fn of ['a', 'b']) {
    for (const workload of ['1', '2']) await worker.ask(SUBMIT_JOB_BG, fn, '', fn + workload)
    await worker.ask(CAN_DO, fn)
  }
  const order: (string | undefined)[] = []
  for (let count = 0; count < 4; count += 1) order.push((await worker.ask(GRAB_JOB))[0]?.slice(-2))
  expect(order).toEqual(['b1', 'a1', 'b2', 'a2'])
})

test('idle resolves when the last job has ended', async () => {
  const server = await start()
  await server.idle()
  const worker = await dial(server)
  await worker.ask(SUBMIT_JOB_BG, 'f', '', '1')
  await worker.ask(SUBMIT_JOB_HIGH_BG, 'f', '', '2')
  let isIdle = false
  const idle = server.idle().then(() => {
    isIdle = true
  })
  await worker.ask(CAN_DO, 'f')
  for (const last of [false, true]) {
    const [job = ''] = await worker.ask(GRAB_JOB)
    expect(isIdle).toBe(false)
    await worker.ask(
      last ? WORK_FAIL : WORK_COMPLETE,
      job.slice(3).split('|')[0] ?? '',
      ...(last ? [] : ['']),
    )
  }
  await idle
  await worker.ask(CANT_DO, 'f')
})

test('idle does not wait for jobs that no worker will get', async () => {
  const server = await start()
  const [client, admin] = [await dial(server), await dial(server)]
  const [created = ''] = await client.ask(SUBMIT_JOB_BG, 'f', '', '')
  await client.ask(SUBMIT_JOB, 'f', '', '')
  const idle = server.idle()
  client.end()
  await admin.say(`cancel job ${created.slice(2)}\r\n`)
  await idle
  expect(server.jobs).toMatchObject([{ abandoned: true }, { abandoned: true }])
})

test('any number of jobs that nobody waits for are passed over', async () => {
  const server = await start()
  const [client, worker] = [await dial(server), await dial(server)]
  for (let index = 0; index < 30; index += 1) {
    const jobs = Array.from({ length: 1_000 }, () => request(SUBMIT_JOB, 'f', '', ''))
    client.write(Buffer.concat(jobs))
  }
  await client.heard()
  client.end()
  await worker.ask(CAN_DO, 'f')
  while (!server.jobs.every(({ abandoned }) => abandoned)) await worker.heard()
  expect(server.jobs).toHaveLength(30_000)
  expect(await worker.ask(PRE_SLEEP)).toEqual([])
  expect(server.jobs).toEqual([])
})

test('idle ends by its signal, by its timeout and with the server', async () => {
  const server = await start()
  const client = await dial(server)
  await client.ask(SUBMIT_JOB_BG, 'mail', '', '')
  const why = new Error('enough')
  await expect(server.idle({ signal: AbortSignal.abort(why) })).rejects.toBe(why)
  const ending = new AbortController()
  const aborted = server.idle({ signal: ending.signal })
  ending.abort(why)
  await expect(aborted).rejects.toBe(why)
  await expect(server.idle({ timeout: 1 })).rejects.toThrow(
    'not idle after 1 ms: 0 running and 1 queued jobs of mail',
  )
  const left = expect(server.idle()).rejects.toThrow('closed')
  await server.close()
  await left
  await expect(server.idle()).rejects.toThrow('closed')
})

test.each([
  [{ port: 65_536 }, RangeError, 'port'],
  [{ host: 1 }, TypeError, 'host'],
  [{ tls: 'yes' }, TypeError, 'tls'],
  [{ clock: 1 }, TypeError, 'clock'],
  [{ exceptions: 'yes' }, TypeError, 'exceptions'],
  [{ jobRetries: 256 }, RangeError, 'jobRetries'],
  [{ roundRobin: 1 }, TypeError, 'roundRobin'],
  [{ workerWakeup: -1 }, RangeError, 'workerWakeup'],
  [{ handlePrefix: '' }, RangeError, 'handlePrefix'],
  [{ handlePrefix: 'x'.repeat(53) }, RangeError, 'handlePrefix'],
  [{ path: '/tmp/socket' }, TypeError, "no option 'path'"],
  [{ jobRetry: 1 }, TypeError, "no option 'jobRetry'"],
])('%j is refused', async (options, type, text) => {
  const started = GearmanServer.start(options as GearmanServerOptions)
  await expect(started).rejects.toThrow(type)
  await expect(started).rejects.toThrow(text)
})

test('idle refuses other options', async () => {
  const server = await start()
  await expect(server.idle({ timeout: 0 })).rejects.toThrow('timeout')
  await expect(server.idle({ wait: 1 } as object)).rejects.toThrow("no option 'wait'")
})

test('several at once, or none', async () => {
  const { port } = await start()
  const ports: number[] = []
  {
    await using some = await startGearmand(3, { jobRetries: 1 })
    ports.push(...some.map((server) => server.port))
    expect(new Set(ports).size).toBe(3)
  }
  for (const closed of ports) await start({ port: closed })
  await expect(startGearmand(2, { port })).rejects.toThrow('EADDRINUSE')
  await expect(startGearmand(-1)).rejects.toThrow('count')
})

test('a server that is frozen answers when it is thawed', async () => {
  const server = await start()
  const client = await dial(server)
  await client.ask(CAN_DO, 'f')
  server.freeze()
  const answer = client.ask(GRAB_JOB)
  await new Promise<void>((connected) => {
    const socket = connect(server.port, '127.0.0.1', () => {
      socket.destroy()
      connected()
    })
  })
  expect(server.requests.filter(({ packet }) => packet === 'GRAB_JOB')).toEqual([])
  server.thaw()
  expect(await answer).toEqual(['10'])
})
