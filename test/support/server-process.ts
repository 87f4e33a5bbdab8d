import { once } from 'node:events'
import { readdir, readFile, rm } from 'node:fs/promises'
import { type GuardedProcess, spawnGuarded } from './guardian.js'
import { LogTail } from './log-tail.js'
import { isReady } from './readiness.js'
import { type Endpoint, formatAddress, type Probe, type RunningServer } from './server.js'
import { waitFor, waitForEvent } from './wait.js'

export interface ServerProgram {
  readonly program: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly endpoint: Endpoint
  readonly probe: Probe | undefined
  /** Gives back what the endpoint holds. */
  readonly release: () => void
}

const START_TIMEOUT = 20_000
const EXIT_TIMEOUT = 10_000

/** A server program that runs as a child of this process. */
export class ServerProcess implements RunningServer {
  readonly #program: ServerProgram
  readonly #log = new LogTail()
  #released = false
  #process: GuardedProcess | undefined

  private constructor(program: ServerProgram) {
    this.#program = program
  }

  static async start(program: ServerProgram): Promise<ServerProcess> {
    const server = new ServerProcess(program)
    try {
      await server.#start()
    } catch (error) {
      await server.stop()
      throw error
    }
    return server
  }

  get address(): string {
    return formatAddress(this.#program.endpoint)
  }

  get host(): string {
    return this.#program.endpoint.host
  }

  get port(): number {
    return this.#program.endpoint.port
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  logs(): string {
    return this.#log.toString()
  }

  async pause(): Promise<void> {
    const { pid } = this.#running()
    process.kill(pid, 'SIGSTOP')
    // The signal reaches one thread after the other; a late one could still answer.
    await waitFor(() => isStopped(pid), { what: `process ${pid} to stop`, interval: 1 })
  }

  async resume(): Promise<void> {
    process.kill(this.#running().pid, 'SIGCONT')
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async terminate(): Promise<void> {
    await this.#end('SIGTERM')
  }

  async restart(): Promise<void> {
    if (this.#released) throw new Error(`${this.#name()} was stopped: its port is given back`)
    await this.kill()
    await this.#start()
  }

  async stop(): Promise<void> {
    await this.kill()
    if (this.#released) return
    this.#released = true
    const { socket } = this.#program.endpoint
    if (socket !== undefined) await rm(socket, { force: true })
    this.#program.release()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #running(): GuardedProcess {
    if (this.#process === undefined) throw new Error(`${this.#name()} does not run`)
    return this.#process
  }

  #name(): string {
    return `${this.#program.program} at ${this.address}`
  }

  async #start(): Promise<void> {
    const { program, args, env, endpoint, probe } = this.#program
    const started = spawnGuarded(program, args, { env })
    const { child } = started
    this.#process = started
    child.stdin?.end()
    child.stdout?.on('data', (chunk: Buffer) => this.#log.append(chunk))
    child.stderr?.on('data', (chunk: Buffer) => this.#log.append(chunk))
    child.once('exit', () => {
      if (this.#process === started) this.#process = undefined
    })
    const ready = waitFor(() => this.#process !== started || isReady(endpoint, probe), {
      timeout: START_TIMEOUT,
      interval: 5,
      what: this.#name(),
    })
    await ready.catch((cause: unknown) => {
      throw new Error(`${this.#name()} does not answer; it wrote:\n${this.logs()}`, { cause })
    })
    if (this.#process !== started) {
      const { exitCode, signalCode } = child
      const how = exitCode === null ? `by ${signalCode}` : `with exit code ${exitCode}`
      // Its last words may still be in the pipe when the process itself is gone.
      if (child.stderr?.closed === false) await once(child, 'close')
      throw new Error(`${this.#name()} ended ${how}; it wrote:\n${this.logs()}`)
    }
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { child, pid } = this.#process ?? {}
    if (child === undefined || pid === undefined) return
    const exited = waitForEvent(child, 'exit', {
      timeout: EXIT_TIMEOUT,
      what: `${this.#name()} to end on ${signal}`,
    })
    process.kill(-pid, signal)
    // A stopped process sees SIGTERM only when it runs again.
    if (signal === 'SIGTERM') process.kill(-pid, 'SIGCONT')
    await exited
  }
}

/** Whether every thread of the process is stopped; true where the system does not tell. */
const isStopped = async (pid: number): Promise<boolean> => {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => [])
  const states = await Promise.all(
    tasks.map(async (task) => {
      const stat = await readFile(`/proc/${pid}/task/${task}/stat`, 'latin1')
      // "pid (name) state ...": the name may hold anything, the last parenthesis ends it.
      return stat[stat.lastIndexOf(')') + 2]
    }),
  )
  return states.every((state) => state === 'T')
}
