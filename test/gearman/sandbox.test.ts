import { cpus } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { GearmanClient, GearmanWorker } from '@glammp/gearman'
import { afterAll, expect } from 'vitest'
import { test } from '../support/gearman.js'
import { type GearmandServer, startGearmand } from '../support/gearmand.js'
import { type RunningProcess, startProcess } from '../support/process.js'
import { waitFor } from '../support/wait.js'

let worker: RunningProcess

const startWorker = async (own: GearmandServer, ...args: string[]): Promise<RunningProcess> => {
  const program = fileURLToPath(new URL('./fixtures/sandbox-worker.ts', import.meta.url))
  const started = startProcess(
    process.execPath,
    ['--import', 'tsx', program, own.address, ...args],
    { timeout: 120_000 },
  )
  await started.waitForOutput('working', 20_000)
  return started
}

test.beforeAll(async ({ server }) => {
  worker = await startWorker(server)
})

afterAll(async () => {
  await worker?.kill('SIGKILL')
})

test('a handler in a thread has all that one in the process has', async ({ client }) => {
  const seen: unknown[] = []
  const result = await client.do('talk', 'the workload', {
    unique: 'an-id',
    onStatus: (...numbers) => seen.push(numbers),
    onData: (chunk) => seen.push(chunk),
    onWarning: (text) => seen.push(text),
  })
  expect(result).toBe('talk the workload an-id true,true,true')
  expect(seen).toEqual([[1, 2], 'a part', 'careful'])
  expect(await client.do('add', [1, 2, 3], { codec: 'msgpack' })).toBe(6)
  expect(await client.do('size', Buffer.alloc(3_000_000))).toBe('3000000')
  expect(await client.do('early')).toBe('sent early')
  expect(await client.do('anything')).toBe('default for anything')
  expect(await client.do('legacy', 'x')).toBe('CommonJS x')
})

test('what it cannot send and does not await is told by its worker', async ({ client }) => {
  expect(await client.do('unsent')).toBe('ERR_GEARMAN_INVALID_ARGUMENT')
  await worker.waitForOutput('end unsent complete')
  const told = worker
    .stdout()
    .split('\n')
    .filter((line) => line.startsWith('unsent'))
  expect(told).toEqual(['unsent unsent ERR_GEARMAN_INVALID_ARGUMENT'])
})

test('what it throws ends its job, as in the process', async ({ client }) => {
  await expect(client.do('broken', 'me')).rejects.toMatchObject({
    code: 'ERR_GEARMAN_JOB_EXCEPTION',
    remoteMessage: 'broken by me',
  })
  await expect(client.do('broken', 'failure')).rejects.toMatchObject({
    code: 'ERR_GEARMAN_JOB_FAILED',
  })
})

test.for<[string, string]>([
  ['nonError', 'oh no'],
  ['stream', 'a stream is not a value'],
  ['halfStatus', 'whole numbers'],
])('a bad handler (%s) is an exception of its job', async ([name, words], { client }) => {
  await expect(client.do(name)).rejects.toMatchObject({
    code: 'ERR_GEARMAN_JOB_EXCEPTION',
    remoteMessage: expect.stringContaining(words),
  })
  expect(await client.do('nothing')).toBe('')
})

test.for(['exit', 'memory', 'timer'])(
  'a thread that crashes (%s) fails its own job alone',
  async (way, { client }) => {
    const other = client.do('spin', 1_000)
    await expect(client.do('crash', way)).rejects.toMatchObject({
      code: 'ERR_GEARMAN_JOB_EXCEPTION',
    })
    expect(await other).toBe('spun')
    expect(await client.do('talk', 'goes on')).toContain('goes on')
  },
)

/** Milliseconds for which the cores of the machine were at work, whoever's, and the time now. */
function machineTime(): { busy: number; at: number } {
  const busy = cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys, 0)
  return { busy, at: performance.now() }
}

test('CPU-bound handlers use the cores, and the worker hears everything meanwhile', async () => {
  await using own = await startGearmand()
  await using busy = await startWorker(own, '2', '50')
  await using caller = new GearmanClient(own.address)
  // The threads start with their first jobs.
  await Promise.all([1, 2].map(() => caller.do('spin', 200)))
  await caller.do('reset')
  // How late a process is here that does nothing.
  const here = monitorEventLoopDelay({ resolution: 5 })
  here.enable()
  const before = machineTime()
  const results = await Promise.all([1, 2].map(() => caller.do('spin', 3_000)))
  const after = machineTime()
  here.disable()
  const measured = await caller.do('measured')
  const { cores, usual, longest } = JSON.parse(measured)
  console.log(`${cores} cores; the process was late by ${usual} ms (99 %), ${longest} ms at most`)
  expect(results).toEqual(['spun', 'spun'])
  // Of two cores, or of what the rest of the machine left of them.
  const others = (after.busy - before.busy) / (after.at - before.at) - cores
  expect(cores / Math.min(2, cpus().length - others)).toBeGreaterThan(0.6)
  // Milliseconds for which a heartbeat, like anything that came in, had to wait for the process.
  expect(usual).toBeLessThan(Math.max(50, (3 * here.percentile(99)) / 1e6))
  expect(longest).toBeLessThan(Math.max(500, (3 * here.max) / 1e6))
  expect(busy.stdout()).not.toMatch(/down|lost/)
})

test('threads that compute are ended after their time, and by a forced close', async () => {
  await using own = await startGearmand()
  await using busy = await startWorker(own, '1', '30000', '500')
  await using caller = new GearmanClient(own.address)
  await expect(caller.do('spin', 100_000)).rejects.toMatchObject({
    code: 'ERR_GEARMAN_JOB_FAILED',
  })
  expect(await caller.do('talk')).toContain('talk')
  let begun = false
  const task = caller.submit('obedient')
  task.on('status', () => {
    begun = true
  })
  await waitFor(() => begun)
  const { code, stdout } = await busy.kill('SIGTERM')
  expect(code).toBe(0)
  expect(stdout).toMatch(/end spin timeout\n(.*\n)*end obedient lost\n(.*\n)*left/)
})

test('what cannot run in a thread is refused at once', ({ server }) => {
  const refused = expect.objectContaining({ code: 'ERR_GEARMAN_INVALID_ARGUMENT' })
  const own = new GearmanWorker({ servers: server.address })
  const here = fileURLToPath(import.meta.url)
  expect(() => own.addFunction('x', './no/such/file.js')).toThrow(refused)
  const codec = { encode: String, decode: String }
  expect(() => own.addFunction('x', here, { codec })).toThrow(refused)
  expect(() => own.addFunction('x', 17 as never)).toThrow(refused)
  expect(() => new GearmanWorker({ sandbox: { threads: 0 } })).toThrow(refused)
})
