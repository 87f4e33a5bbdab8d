import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GearmanWorker, type GearmanWorkerOptions } from '@glammp/gearman'
import { type RunningProcess, startProcess } from '../../../support/process.js'
import { programFile } from '../../../support/program.js'
import type { Departure, Run } from '../history.js'
import type { WorkerAction, WorkerPlan } from '../program/program.js'
import { type Note, ownFunction, RUNS_OF_LIFE, RUNS_OF_WORKER, serve } from './handler.js'
import type { Stage } from './stage.js'
import type { WorkerProcessPlan } from './worker-process.js'

/** Milliseconds for a process that drains: longer than any bound of a drain. */
const PROCESS_END = 30_000

/** One life of a worker of the program. */
interface Life {
  readonly number: number
  /** SIGKILL, of a process. */
  kill(): Promise<void>
  /** Resolves with why it went wrong. */
  close(timeout: number | undefined): Promise<string | undefined>
}

/** A worker of the program: one after the other. */
export class WorkerPlace {
  readonly #index: number
  readonly #plan: WorkerPlan
  readonly #functions: readonly string[]
  readonly #stage: Stage
  readonly #directory: string
  readonly #notes: Note[] = []
  readonly #departures: Departure[]
  readonly #made: GearmanWorker<'buffer'>[] = []
  #lives = 0
  #life: Life | undefined
  #busy: Promise<void> = Promise.resolve()

  constructor(
    index: number,
    stage: Stage,
    functions: readonly string[],
    directory: string,
    departures: Departure[],
  ) {
    const plan = stage.program.workers[index]
    if (plan === undefined) throw new Error(`the program has no worker ${index}`)
    this.#index = index
    this.#plan = plan
    this.#functions = [...functions, ownFunction(index)]
    this.#stage = stage
    this.#directory = directory
    this.#departures = departures
  }

  /** Connections of it and of those before it, as they count them; of processes none. */
  get open(): number {
    const servers = this.#made.flatMap((worker) => Object.values(worker.metrics().servers))
    return servers.reduce((sum, { connections }) => sum + connections.open, 0)
  }

  async start(): Promise<void> {
    if (this.#life !== undefined) return
    const number = this.#lives
    this.#lives += 1
    this.#life = await (this.#plan.process ? this.#startProcess(number) : this.#startHere(number))
  }

  /** Kills or closes it; another one follows after a while. */
  strike({ kind, lasts, timeout }: WorkerAction, wait: (time: number) => Promise<void>): void {
    this.#busy = this.#busy.then(async () => {
      if (kind === 'shoot' && this.#plan.process) await this.#shoot()
      else await this.leave(timeout)
      await wait(lasts)
      await this.start()
    })
  }

  /** Resolves when it is there. */
  async calm(): Promise<void> {
    await this.#busy
  }

  async leave(limit?: number): Promise<void> {
    const life = this.#life
    if (life === undefined) return
    // A process is told by a signal, which gives no time.
    const timeout = this.#plan.process ? undefined : limit
    this.#life = undefined
    const begun = this.#stage.now()
    const departure: Departure = {
      who: 'worker',
      index: this.#index,
      life: life.number,
      begun,
      ended: undefined,
      failure: undefined,
      timeout,
    }
    this.#departures.push(departure)
    const forced =
      timeout === undefined
        ? undefined
        : this.#stage.trouble('close with a timeout', { kind: 'worker', worker: this.#index })
    departure.failure = await life.close(timeout)
    departure.ended = this.#stage.now()
    if (forced !== undefined) this.#stage.over(forced)
  }

  async stop(): Promise<void> {
    const life = this.#life
    this.#life = undefined
    await life?.kill()
  }

  /** What its handlers did, in all its lives. */
  runs(): Run[] {
    const runs = new Map<number, Run>()
    for (const note of [...this.#notes, ...this.#notesOfProcesses()]) {
      if (note.what === 'begin') {
        const { run, job, handle } = note
        const life = Math.floor((run % RUNS_OF_WORKER) / RUNS_OF_LIFE)
        const begun = this.#stage.since(note.at)
        const ends = { ended: undefined, how: undefined }
        runs.set(run, { run, worker: this.#index, life, job, handle, begun, ...ends })
      } else {
        const run = runs.get(note.run)
        if (run === undefined) continue
        run.ended = this.#stage.since(note.at)
        run.how = note.how
      }
    }
    return [...runs.values()]
  }

  get #file(): string {
    return join(this.#directory, `worker-${this.#index}`)
  }

  #notesOfProcesses(): Note[] {
    if (!this.#plan.process || this.#lives === 0) return []
    // The last line of one that was killed may be cut short.
    return readFileSync(this.#file, 'utf8').split('\n').flatMap(parse)
  }

  #options(): GearmanWorkerOptions<'buffer'> {
    const { timeout, connectTimeout, heartbeat, concurrency } = this.#plan
    const servers = this.#stage.addresses(this.#plan)
    return { servers, timeout, connectTimeout, heartbeat, concurrency, codec: 'buffer' }
  }

  async #shoot(): Promise<void> {
    const life = this.#life
    if (life === undefined) return
    this.#life = undefined
    const trouble = this.#stage.trouble('kill', { kind: 'worker', worker: this.#index })
    await life.kill()
    this.#stage.over(trouble)
  }

  async #startHere(number: number): Promise<Life> {
    const worker = new GearmanWorker(this.#options())
    serve(worker, this.#functions, this.#firstRun(number), (note) => this.#notes.push(note))
    this.#made.push(worker)
    const worked = worker.work()
    const close = async (timeout: number | undefined): Promise<string | undefined> => {
      try {
        await worker.close(timeout === undefined ? {} : { timeout })
        await worked
      } catch (error) {
        return `close of worker ${this.#index} failed: ${error}`
      }
    }
    return {
      number,
      kill: async () => {
        await close(1)
      },
      close,
    }
  }

  async #startProcess(number: number): Promise<Life> {
    const program = await programFile('test/histories/gearman/play/worker-process.ts')
    const plan: WorkerProcessPlan = {
      options: this.#options(),
      functions: this.#functions,
      firstRun: this.#firstRun(number),
    }
    const args = [program, this.#file, JSON.stringify(plan)]
    const child: RunningProcess = startProcess(process.execPath, args)
    await child.waitForOutput('working')
    return {
      number,
      kill: async () => {
        await child.kill('SIGKILL')
      },
      close: async () => {
        const timer = setTimeout(() => void child.kill('SIGKILL'), PROCESS_END)
        const { code, signal, stderr } = await child.kill('SIGTERM')
        clearTimeout(timer)
        if (code === 0 && stderr === '') return undefined
        return `the process of worker ${this.#index} ended with ${code ?? signal}: ${stderr}`
      },
    }
  }

  #firstRun(life: number): number {
    return this.#index * RUNS_OF_WORKER + life * RUNS_OF_LIFE
  }
}

const parse = (line: string): Note[] => {
  try {
    return [JSON.parse(line) as Note]
  } catch {
    return []
  }
}
