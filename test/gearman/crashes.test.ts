import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GearmanAdmin, GearmanClient } from '@glammp/gearman'
import { beforeEach, expect, test } from 'vitest'
import { findProgram } from '../../scripts/programs.mjs'
import { type GearmandServer, startGearmand } from '../support/gearmand.js'
import { type RunningProcess, run, startProcess } from '../support/process.js'
import { programFile } from '../support/program.js'
import { serversAreProcesses } from '../support/server-source.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { waitFor } from '../support/wait.js'

/** GLAMMP_TEST_JOBS=100000 is the real thing; the queue's commits decide how long it takes. */
const JOBS = Number(process.env['GLAMMP_TEST_JOBS'] ?? 1_500)
const CALLERS = 256
const WORKERS = 4
/** Jobs that a worker runs at once. */
const CONCURRENCY = 8

const sqlite = findProgram('sqlite3')

beforeEach((context) => {
  context.skip(!serversAreProcesses, 'the queue of a server is looked into as a file')
  context.skip(sqlite === undefined, 'sqlite3 is not installed')
})

/** A gearmand with its queue, and what that held when the server was killed. */
class Server {
  readonly gearmand: GearmandServer
  readonly held: Set<string> = new Set()
  readonly #database: string

  static async start(database: string): Promise<Server> {
    const args = ['-q', 'libsqlite3', '--libsqlite3-db', database]
    return new Server(await startGearmand({ args }), database)
  }

  private constructor(gearmand: GearmandServer, database: string) {
    this.gearmand = gearmand
    this.#database = database
  }

  async crash(): Promise<void> {
    await this.gearmand.kill()
    const rows = 'select unique_key from gearman_queue'
    const { code, stdout, stderr } = await run(sqlite ?? '', [this.#database, rows])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const unique of stdout.split('\n')) if (unique !== '') this.held.add(unique)
    await this.gearmand.restart()
  }
}

interface Note {
  readonly what: string
  readonly unique: string
  readonly server: string
}

/** A worker process, another one after its kill, and what was in its hands then. */
class Worker {
  readonly held: Set<string> = new Set()
  readonly begun: string[] = []
  readonly #args: string[]
  readonly #file: string
  #process: RunningProcess

  constructor(program: string, servers: string, directory: string, number: number) {
    this.#file = join(directory, `worker-${number}`)
    this.#args = [program, servers, this.#file, String(CONCURRENCY)]
    this.#process = this.#start()
  }

  async started(): Promise<void> {
    await this.#process.waitForOutput('working', 20_000)
  }

  async crash(): Promise<void> {
    await this.#process.kill('SIGKILL')
    const running = new Set<string>()
    const ended = new Map<string, string[]>()
    for (const { what, unique, server } of this.#notes()) {
      if (what === 'begin') {
        running.add(unique)
        continue
      }
      running.delete(unique)
      // A server answers a grab after the results that were sent before it: no more than these may
      // not have got there.
      const last = [...(ended.get(server) ?? []), unique].slice(-CONCURRENCY)
      ended.set(server, last)
    }
    for (const unique of [...running, ...[...ended.values()].flat()]) this.held.add(unique)
    this.#process = this.#start()
  }

  async leave(): Promise<void> {
    const { code } = await this.#process.kill('SIGTERM')
    expect(code).toBe(0)
    for (const { what, unique } of this.#notes()) if (what === 'begin') this.begun.push(unique)
  }

  async kill(): Promise<void> {
    await this.#process.kill('SIGKILL')
  }

  #start(): RunningProcess {
    return startProcess(process.execPath, this.#args, { timeout: 3_600_000 })
  }

  #notes(): Note[] {
    const lines = readFileSync(this.#file, 'utf8').split('\n').slice(0, -1)
    return lines.map((line) => {
      const [what = '', unique = '', server = ''] = line.split(' ')
      return { what, unique, server }
    })
  }
}

test(`${JOBS} background jobs, while every server and every worker is killed once`, {
  timeout: 30_000 + JOBS * 30,
}, async () => {
  await using directory = await temporaryDirectory()
  const paths = ['first.db', 'second.db'].map((name) => join(directory.path, name))
  const servers = await Promise.all(paths.map((path) => Server.start(path)))
  const addresses = servers.map(({ gearmand }) => gearmand.address)
  const program = await programFile('test/gearman/fixtures/noting-worker.ts')
  const workers = Array.from(
    { length: WORKERS },
    (_, number) => new Worker(program, addresses.join(), directory.path, number),
  )
  await using client = new GearmanClient(addresses)
  await using admin = new GearmanAdmin(addresses)
  try {
    await Promise.all(workers.map((worker) => worker.started()))
    const acknowledged = new Set<string>()
    const unanswered = new Set<string>()
    let next = 0
    const caller = async (): Promise<void> => {
      for (let number = next++; number < JOBS; number = next++) {
        for (let attempt = 0; ; attempt += 1) {
          const unique = `${number}.${attempt}`
          try {
            // Not empty: gearmand 1.1.20 would not start again from its file.
            await client.doBackground('noted', 'x', { unique })
            acknowledged.add(unique)
            break
          } catch {
            // Another id for the next try: this one may have got there.
            unanswered.add(unique)
            await waitFor(() => client.ping().then(() => true), { interval: 100 })
          }
        }
      }
    }
    const started = performance.now()
    const callers = Promise.all(Array.from({ length: CALLERS }, caller))
    const [one, two, three, four] = workers as [Worker, Worker, Worker, Worker]
    const [first, second] = servers as [Server, Server]
    for (const [step, victim] of [one, first, two, three, second, four].entries()) {
      const enough = ((step + 1) * JOBS) / 7
      await waitFor(() => acknowledged.size >= enough, { timeout: JOBS * 20 })
      await victim.crash()
    }
    await callers
    const submitted = performance.now()
    await waitFor(
      async () => {
        const rows = Object.values(await admin.status())
        return rows.every((row) => Array.isArray(row) && row.every(({ total }) => total === 0))
      },
      { timeout: JOBS * 20, interval: 100 },
    )
    const done = performance.now()
    await Promise.all(workers.map((worker) => worker.leave()))

    const runs = new Map<string, number>()
    for (const unique of workers.flatMap(({ begun }) => begun)) {
      runs.set(unique, (runs.get(unique) ?? 0) + 1)
    }
    const lost = [...acknowledged].filter((unique) => !runs.has(unique))
    const repeated = [...runs.keys()].filter((unique) => (runs.get(unique) ?? 0) > 1)
    const byServer = (unique: string): boolean => servers.some(({ held }) => held.has(unique))
    const byWorker = (unique: string): boolean => workers.some(({ held }) => held.has(unique))
    const report = {
      acknowledged: acknowledged.size,
      unanswered: unanswered.size,
      unansweredThatRan: [...unanswered].filter((unique) => runs.has(unique)).length,
      lost: lost.length,
      repeated: repeated.length,
      repeatedOfKilledServers: repeated.filter(byServer).length,
      repeatedOfKilledWorkers: repeated.filter(byWorker).length,
      seconds: { submitted: (submitted - started) / 1_000, done: (done - started) / 1_000 },
    }
    console.log(JSON.stringify(report))
    expect(acknowledged.size).toBe(JOBS)
    expect(lost).toEqual([])
    expect(repeated.filter((unique) => !byServer(unique) && !byWorker(unique))).toEqual([])
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()))
    await Promise.all(servers.map(({ gearmand }) => gearmand.stop()))
  }
})
