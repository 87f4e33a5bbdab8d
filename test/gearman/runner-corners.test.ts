import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { test } from '../support/gearman.js'
import type { GearmandServer } from '../support/gearmand.js'
import type { RunningProcess } from '../support/process.js'
import { programFile, startProgram } from '../support/program.js'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.js'
import { waitFor } from '../support/wait.js'

const PROGRAM = 'packages/gearman/src/runner/glammp-worker.ts'

let directory: TemporaryDirectory

beforeAll(async () => {
  directory = await temporaryDirectory()
})

afterAll(async () => {
  await directory?.remove()
})

/** Writes a module with handlers; its path. */
const write = async (name: string, source: string): Promise<string> => {
  const path = join(directory.path, name)
  await writeFile(path, source)
  return path
}

const start = (server: GearmandServer, ...args: string[]): Promise<RunningProcess> =>
  startProgram(PROGRAM, args, {
    env: { GEARMAN_SERVERS: server.address },
    tsx: args.includes('--sandbox'),
  })

test.for<[string[]]>([[[]], [['--sandbox']]])(
  'what a job cannot send and does not await is in the log %j',
  async ([args], { server, client }) => {
    const source = `export const half = (job) => { void job.sendStatus(0.5, 1); return 'done' }`
    const path = await write('half.mjs', source)
    await using runner = await start(server, path, ...args)
    await runner.waitForOutput('connected', 20_000)
    const task = client.submit('half')
    expect(await task).toBe('done')
    await runner.waitForOutput('"complete"')
    const lines = runner
      .stdout()
      .split('\n')
      .map((line) => JSON.parse(line || 'null'))
    expect(lines.filter((line) => line?.event === 'job:unsent')).toMatchObject([
      {
        level: 'warn',
        function: 'half',
        handle: task.handle,
        message: expect.stringMatching('0.5'),
      },
    ])
  },
)

test.for<[string[]]>([[[]], [['--processes', '1']]])(
  'a log that nobody reads any more ends nothing %j',
  async ([args], { server, client }) => {
    const waits = `export const waits = (job) => new Promise((resolve) => {
      process.stdout.write('handler\\n'); setTimeout(resolve, Number(job.workload()), 'done') })`
    const path = await write('waits.mjs', waits)
    const runner = spawn(
      process.execPath,
      [await programFile(PROGRAM), path, ...args, '--drain', '5'],
      {
        env: { ...process.env, GEARMAN_SERVERS: server.address },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    try {
      let log = ''
      let complaints = ''
      runner.stdout.on('data', (chunk) => {
        log += chunk
      })
      runner.stderr.on('data', (chunk) => {
        complaints += chunk
      })
      const running = client.do('waits', '1000')
      await waitFor(() => log.includes('handler'), { timeout: 20_000 })
      runner.stdout.destroy()
      expect(await running).toBe('done')
      expect(await client.do('waits', '1')).toBe('done')
      const ended = once(runner, 'exit')
      runner.kill('SIGTERM')
      expect(await ended).toEqual([0, null])
      expect(complaints).toContain('the log cannot be written')
    } finally {
      runner.kill('SIGKILL')
    }
  },
)

test.for<[string[]]>([[[]], [['--sandbox']]])(
  'modules of every kind %j',
  async ([args], { server, client }) => {
    const compiled = 'Object.defineProperty(exports, "__esModule", { value: true });'
    const paths = await Promise.all([
      write('bare.cjs', 'module.exports = () => "a bare function"'),
      write(
        'late.cjs',
        'module.exports = Object.assign(() => "itself", { member: () => "a member" })',
      ),
      write('compiled.cjs', `${compiled} exports.default = () => "a compiled default"`),
      write(
        'object.cjs',
        `${compiled} exports.default = { inner: () => "in an object", options: { timeout: 9_000 } }`,
      ),
      write(
        'mixed.mjs',
        'export class Helper {}; export default class {}; export const mixed = () => "beside classes"',
      ),
    ])
    await using runner = await start(server, ...paths, '--log', 'pretty', ...args)
    await runner.waitForOutput('connected', 20_000)
    expect(runner.stdout()).toMatch(/ serving bare, member, late, compiled, inner, mixed$/m)
    const names = ['bare', 'late', 'member', 'compiled', 'inner', 'mixed']
    expect(await Promise.all(names.map((name) => client.do(name)))).toEqual([
      'a bare function',
      'itself',
      'a member',
      'a compiled default',
      'in an object',
      'beside classes',
    ])
  },
)

test.for<[string[]]>([[[]], [['--processes', '2']]])(
  'a module that never finishes loading is said so %j',
  async ([args], { server }) => {
    const path = await write('never.mjs', 'await new Promise(() => {})')
    await using runner = await start(server, path, ...args)
    const { code, stderr } = await runner.ended
    expect(stderr).toContain('never.mjs never finishes loading')
    expect(code).toBe(2)
  },
)

test.for<[string[]]>([[[]], [['--processes', '2']]])(
  'an address that is not a URL is reported %j',
  async ([args], { server }) => {
    await using runner = await start(server, 'file://[', ...args)
    const { code, stderr } = await runner.ended
    expect(stderr).toMatch(/^glammp-worker: file:\/\/\[ is not a URL$/m)
    expect(code).toBe(2)
  },
)

test.for<[string[]]>([[[]], [['--processes', '2']]])(
  'who loads a module leaves when told %j',
  async ([args], { server }) => {
    const path = await write(
      'endless.mjs',
      'console.log("loading"); setInterval(() => {}, 1000); await new Promise(() => {})',
    )
    await using runner = await start(server, path, ...args)
    await runner.waitForOutput('loading', 20_000)
    expect(await runner.kill('SIGTERM')).toMatchObject({ code: 0, stderr: '' })
  },
)

test('a runner that a handler starts has processes of its own', async ({ server, client }) => {
  const inner = await write('inner.mjs', 'export const inner = () => process.ppid')
  const outer = await write(
    'outer.mjs',
    `import { fork } from 'node:child_process'
    export const outer = async () => {
      const child = fork(process.argv[1], [${JSON.stringify(inner)}, '--processes', '1'])
      return child.pid
    }`,
  )
  await using runner = await start(server, outer, '--processes', '1')
  await runner.waitForOutput('server:up', 20_000)
  const supervisor = await client.do('outer')
  try {
    expect(await client.do('inner', '', { timeout: 20_000 })).toBe(supervisor)
  } finally {
    process.kill(Number(supervisor), 'SIGTERM')
  }
})

test.for(['pretty', 'json'])(
  'what a handler says steers no terminal, log %s',
  async (format, { server, client }) => {
    const path = await write(
      'says.mjs',
      'export const says = (job) => { throw new Error(job.workload()) }; export const odd = () => { throw Object.create(null) }',
    )
    await using runner = await start(server, path, '--log', format)
    await runner.waitForOutput(/connected/, 20_000)
    await client.do('says', '\u001b]0;owned\u0007\r\u009b2J\u007f\u202e').catch(() => {})
    await client.do('odd').catch(() => {})
    await runner.waitForOutput('owned')
    const { stdout, code } = await runner.kill('SIGTERM')
    expect(stdout.replaceAll('\n', '')).toMatch(/^[\x20-\x7e]+$/)
    expect(code).toBe(0)
  },
)

test.for([0, 1, 2, 3])(
  'a handler that ends its process with %i ends no other',
  async (code, { server, client }) => {
    const path = await write(
      `ends-${code}.mjs`,
      `import { existsSync, writeFileSync } from 'node:fs'
    const mark = new URL('ended-${code}', import.meta.url)
    export const ends${code} = () => {
      if (existsSync(mark)) return 'in another process'
      writeFileSync(mark, '')
      process.exit(${code})
    }`,
    )
    await using runner = await start(server, path, '--processes', '1')
    await runner.waitForOutput('server:up', 20_000)
    expect(await client.do(`ends${code}`, '', { timeout: 20_000 })).toBe('in another process')
    expect(await runner.kill('SIGTERM')).toMatchObject({ code: 0 })
  },
)

test.for<[string[]]>([[[]], [['--processes', '1']]])(
  'a terminal that closes lets the running jobs finish %j',
  async ([args], { server, client }) => {
    const path = await write(
      'hangs-up.mjs',
      `export const hangsUp = (job) => new Promise((resolve) => {
        console.log('begun'); setTimeout(resolve, 500, 'done') })`,
    )
    await using runner = await start(server, path, ...args)
    await runner.waitForOutput('server:up', 20_000)
    const running = client.do('hangsUp')
    await runner.waitForOutput('begun')
    process.kill(runner.pid, 'SIGHUP')
    expect(await running).toBe('done')
    expect(await runner.ended).toMatchObject({ code: 0 })
  },
)
