import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GearmanWorker } from '@glammp/gearman'
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import { findProgram } from '../../scripts/programs.mjs'
import { test } from '../support/gearman.js'
import type { GearmandServer } from '../support/gearmand.js'
import { type RunningProcess, startProcess } from '../support/process.js'
import { programFile, startProgram } from '../support/program.js'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.js'
import { waitFor } from '../support/wait.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const PROGRAM = 'packages/gearman/src/runner/glammp-worker.ts'
const SLOW = 'test/gearman/fixtures/slow.mjs'

let directory: TemporaryDirectory
let runs = ''
let number = 0

beforeAll(async () => {
  directory = await temporaryDirectory()
})

afterAll(async () => {
  await directory?.remove()
})

beforeEach(() => {
  number += 1
  runs = join(directory.path, `runs-${number}`)
})

const noted = (): string[] =>
  existsSync(runs) ? readFileSync(runs, 'utf8').trimEnd().split('\n') : []

/** The runner as a shell starts it, and killed with all its processes at the end. */
const start = (server: GearmandServer, ...args: string[]): Promise<RunningProcess> =>
  startProgram(PROGRAM, args, {
    env: { RUNS: runs, GEARMAN_SERVERS: server.address },
    tsx: args.includes('--sandbox'),
  })

interface Line {
  readonly event: string
  readonly pid?: number
  readonly process?: number
  readonly [fact: string]: unknown
}

const lines = (program: RunningProcess): Line[] =>
  program
    .stdout()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

const eventsOf = (program: RunningProcess, event: string): Line[] =>
  lines(program).filter((line) => line.event === event)

test('SIGTERM: the running jobs finish, none runs twice, and the exit code is 0', async ({
  server,
  client,
}) => {
  await using runner = await start(server, SLOW, '--concurrency', '4', '--drain', '25')
  await runner.waitForOutput('server:up', 20_000)
  const calls = Array.from({ length: 12 }, (_, job) => client.do('slow', `400 ${job}`))
  await waitFor(() => noted().length >= 6)
  const started = performance.now()
  const { code, stderr } = await runner.kill('SIGTERM')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  // The jobs take 0.4 s: it does not wait for the end of its time.
  expect(performance.now() - started).toBeLessThan(20_000)
  const mine = noted()
  const begun = mine.filter((line) => line.startsWith('begin')).length
  expect(mine.filter((line) => line.startsWith('end'))).toHaveLength(begun)
  await using other = new GearmanWorker({ servers: server.address, concurrency: 4 })
  const rest: string[] = []
  other.addFunction('slow', (job) => {
    rest.push(`begin ${job.workload()}`)
  })
  void other.work()
  await Promise.all(calls)
  const all = [...mine.filter((line) => line.startsWith('begin')), ...rest]
  expect(all.sort()).toEqual(calls.map((_, job) => `begin 400 ${job}`).sort())
  expect(eventsOf(runner, 'job')).toHaveLength(begun)
  expect(eventsOf(runner, 'job')[0]).toMatchObject({
    level: 'info',
    function: 'slow',
    outcome: 'complete',
    handle: expect.stringMatching(`^${server.address}//H:`),
    duration: expect.any(Number),
    time: expect.stringMatching(/^\d{4}-/),
  })
})

test('jobs that outlast the drain time go to another worker, and the exit code says so', async ({
  server,
  client,
}) => {
  await using runner = await start(server, SLOW, '--drain', '0.2')
  await runner.waitForOutput('server:up', 20_000)
  const call = client.do('slow', '20000')
  await waitFor(() => noted().length === 1)
  const { code } = await runner.kill('SIGTERM')
  expect(code).toBe(1)
  expect(eventsOf(runner, 'job')).toMatchObject([{ outcome: 'lost', level: 'warn' }])
  await using other = new GearmanWorker(server.address)
  other.addFunction('slow', () => 'by the other')
  void other.work()
  expect(await call).toBe('by the other')
})

test('a second signal ends it at once', async ({ server, client }) => {
  await using runner = await start(server, SLOW)
  await runner.waitForOutput('server:up', 20_000)
  const task = client.submit('slow', '20000')
  await waitFor(() => noted().length === 1)
  process.kill(runner.pid, 'SIGINT')
  await runner.waitForOutput('drain')
  expect((await runner.kill('SIGINT')).code).toBe(130)
  await using other = new GearmanWorker(server.address)
  other.addFunction('slow', () => 'by the other')
  void other.work()
  expect(await task).toBe('by the other')
})

test('a terminal gets lines to read, a pipe gets JSON', async ({ server, client }) => {
  await using runner = await start(
    server,
    SLOW,
    'examples/gearman/handlers/title.js',
    '--log',
    'pretty',
  )
  await runner.waitForOutput('connected to', 20_000)
  expect(await client.do('title', 'o IVO')).toBe('O Ivo')
  await client.do('fails').catch(() => {})
  const { code, stdout } = await runner.kill('SIGTERM')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^[\d:.]{12} serving fails, slow, title$/m)
  expect(stdout).toMatch(/^[\d:.]{12} complete title [\d.]+ ms [^ ]+$/m)
  expect(stdout).toMatch(/^[\d:.]{12} exception fails [\d.]+ ms [^ ]+: line one line two$/m)
})

const script = findProgram('script')

test.skipIf(script === undefined || process.platform !== 'linux')(
  'on a terminal the log is pretty without being told',
  async ({ server, client }) => {
    const command = `${process.execPath} ${await programFile(PROGRAM)} ${SLOW}`
    await using terminal = startProcess(script ?? '', ['-qec', command, '/dev/null'], {
      cwd: root,
      env: { RUNS: runs, GEARMAN_SERVERS: server.address, NO_COLOR: '' },
    })
    await terminal.waitForOutput('connected to', 20_000)
    await client.do('slow', '1')
    await terminal.waitForOutput('complete')
    expect(terminal.stdout()).toMatch(/^[\d:.]{12} serving fails, slow\r$/m)
    expect(terminal.stdout()).toContain('\u001b[32mcomplete\u001b[0m slow')
    await terminal.kill('SIGTERM')
  },
)

test.for<[string[], string]>([
  [[], 'at least one module'],
  [['no/such/file.js'], 'no/such/file.js cannot be loaded'],
  [[SLOW, SLOW], 'is exported by both'],
  [['test/gearman/fixtures/no-handlers.mjs'], 'exports no function'],
  [[SLOW, '--concurrency', '0'], '--concurrency'],
  [[SLOW, '--wat'], '--wat'],
  [[SLOW, '--servers', 'host:port'], 'host:port'],
  [['no/such/file.js', '--processes', '2'], 'cannot be loaded'],
])('it says what is wrong with %j, and ends with 2', async ([args, words], { server }) => {
  await using runner = await start(server, ...args)
  const { code, stderr } = await runner.ended
  expect(stderr).toContain(words)
  expect(code).toBe(2)
})

test.for<[string[]]>([[[]], [['--processes', '2']]])(
  'it ends with 3 when no server can be reached %j',
  async ([args], { server }) => {
    await using runner = await start(
      server,
      SLOW,
      '--servers',
      '127.0.0.1:1',
      '--give-up',
      '0.5',
      ...args,
    )
    const { code } = await runner.ended
    expect(code).toBe(3)
    const [line] = eventsOf(runner, 'give-up')
    expect(line).toMatchObject({
      level: 'error',
      message: expect.stringContaining('ECONNREFUSED'),
    })
    expect(eventsOf(runner, 'process')).toEqual([])
  },
)

test('with --sandbox handlers run in threads, with the options of their module', async ({
  server,
  client,
}) => {
  await using runner = await start(
    server,
    'examples/gearman/handlers/primes.js',
    '--sandbox',
    '-c',
    '2',
  )
  await runner.waitForOutput('server:up', 20_000)
  expect(await client.do('primes', 30_000, { codec: 'json' })).toBe(3245)
  expect((await runner.kill('SIGTERM')).code).toBe(0)
})

test('--processes: one that is killed is started again, and all leave together', async ({
  server,
  client,
}) => {
  await using runner = await start(server, SLOW, '--processes', '2', '--drain', '10')
  await waitFor(() => eventsOf(runner, 'server:up').length === 2, { timeout: 20_000 })
  const [first] = eventsOf(runner, 'start')
  expect(new Set(eventsOf(runner, 'start').map((line) => line.process))).toEqual(new Set([1, 2]))
  process.kill(first?.pid ?? 0, 'SIGKILL')
  await waitFor(() => eventsOf(runner, 'server:up').length === 3, { timeout: 20_000 })
  expect(eventsOf(runner, 'process')).toMatchObject([
    { message: expect.stringContaining('by SIGKILL'), number: first?.process },
  ])
  const pids = eventsOf(runner, 'start').map((line) => line.pid)
  const calls = [1, 2].map((job) => client.do('slow', `500 ${job}`))
  await waitFor(() => noted().length === 2)
  const { code } = await runner.kill('SIGTERM')
  expect(code).toBe(0)
  const served = await Promise.all(calls)
  expect(new Set(served)).toEqual(new Set(pids.slice(1).map(String)))
  expect(noted()).toHaveLength(4)
})

test('--processes: one that crashes again and again is started after growing pauses', async ({
  server,
}) => {
  await using runner = await start(server, 'test/gearman/fixtures/crashing.mjs', '--processes', '1')
  await waitFor(() => eventsOf(runner, 'process').length >= 3, { timeout: 25_000 })
  const pauses = eventsOf(runner, 'process').slice(0, 3)
  for (const [crash, line] of pauses.entries()) {
    expect(line).toMatchObject({
      level: 'warn',
      message: expect.stringContaining('ended with code 1'),
      number: 1,
    })
    expect(line['wait']).toBeGreaterThanOrEqual(100)
    expect(line['wait']).toBeLessThanOrEqual(1_000 * 2 ** crash)
  }
  expect(runner.stderr()).toContain('crashed on purpose')
  expect((await runner.kill('SIGTERM')).code).toBe(0)
})

test('processes whose supervisor was killed finish their jobs and leave', async ({
  server,
  client,
}) => {
  await using runner = await start(server, SLOW, '--processes', '1')
  await runner.waitForOutput('server:up', 20_000)
  const [only] = eventsOf(runner, 'start')
  const call = client.do('slow', '600')
  await waitFor(() => noted().length === 1)
  process.kill(runner.pid, 'SIGKILL')
  expect(await call).toBe(String(only?.pid))
  await waitFor(() => !isAlive(only?.pid ?? 0))
})

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('--help', async ({ server }) => {
  const { code, stdout } = await (await start(server, '--help')).ended
  expect(code).toBe(0)
  expect(stdout).toContain('--processes')
})
