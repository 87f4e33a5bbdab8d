import { type ChildProcess, fork } from 'node:child_process'
import { Backoff, backOff, messageOf } from '@glammp/wire'
import { HEALTHY, NEXT_START, RESTART } from '../link/retry.js'
import { numberArguments } from './command-line.js'
import type { Log } from './log.js'
import { isVerdict } from './verdict.js'
import { Exit } from './worker-process.js'

/** The time that a process gets beyond the drain time before it is killed. */
const LENIENCE = 5_000

export interface SupervisorOptions {
  readonly processes: number
  /** Milliseconds that running jobs get. */
  readonly drain: number
  /** The program and its arguments. */
  readonly program: string
  readonly args: readonly string[]
}

/** How a process ended. */
interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** It said that starting it again would not help. */
  readonly isFinal: boolean
}

/** Keeps a number of processes running until it is told to stop. */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #log: Log
  readonly #children: Set<ChildProcess> = new Set()
  readonly #restarts: Set<NodeJS.Timeout> = new Set()
  readonly #ended: Promise<number>
  #end: (code: number) => void = () => {}
  #leaving = false
  #code: number = Exit.DRAINED

  constructor(options: SupervisorOptions, log: Log) {
    this.#options = options
    this.#log = log
    this.#ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  /** Resolves to the exit code when all processes have ended. */
  run(): Promise<number> {
    for (let number = 1; number <= this.#options.processes; number += 1) {
      this.#start(number, new Backoff(RESTART))
    }
    for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (this.#leaving) this.#kill()
        else this.#leave()
      })
    }
    return this.#ended
  }

  #start(number: number, backoff: Backoff): void {
    const started = performance.now()
    let child: ChildProcess
    try {
      child = this.#fork(number)
    } catch (error) {
      this.#unstarted(number, error, backoff)
      return
    }
    this.#children.add(child)
    child.on('error', (error) => {
      // A process that never ran has no exit.
      if (child.pid === undefined && this.#children.delete(child)) {
        this.#unstarted(number, error, backoff)
      } else {
        this.#log.error('process', `process ${number}: ${error.message}`, { number })
      }
    })
    let isFinal = false
    child.on('message', (message) => {
      isFinal ||= isVerdict(message)
    })
    // Later than its exit: its output has been read by then.
    child.once('close', (code, signal) => {
      if (!this.#children.delete(child)) return
      if (performance.now() - started > HEALTHY) backoff.reset()
      this.#exited(number, { code, signal, isFinal }, backoff)
    })
  }

  #fork(number: number): ChildProcess {
    const { program, args } = this.#options
    return fork(program, [...numberArguments(number), ...args], {
      // In groups of their own, so that a terminal's Ctrl-C comes once, from here.
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
  }

  /** The program may be away for a moment, as while it is replaced, or the system out of memory. */
  #unstarted(number: number, error: unknown, backoff: Backoff): void {
    const wait = Math.round(backOff(0, NEXT_START))
    this.#log.error('process', `process ${number} cannot be started: ${messageOf(error)}`, {
      number,
      wait,
    })
    if (!this.#leaving) this.#startLater(number, wait, backoff)
    else if (this.#children.size === 0) this.#end(this.#code)
  }

  #exited(number: number, { code, signal, isFinal }: End, backoff: Backoff): void {
    // Starting again would not help: whoever started the supervisor must be told.
    if (this.#leaving || isFinal) {
      this.#code = Math.max(
        this.#code,
        code ?? (this.#untouched(signal) ? Exit.DRAINED : Exit.FAILED),
      )
      if (!this.#leaving) this.#leave()
      if (this.#children.size === 0) this.#end(this.#code)
      return
    }
    const wait = Math.round(backoff.next())
    const how = signal === null ? `with code ${code}` : `by ${signal}`
    this.#log.warn('process', `process ${number} ended ${how}, to be started again in ${wait} ms`, {
      number,
      wait,
    })
    this.#startLater(number, wait, backoff)
  }

  /**
   * Whether a process ended by our own SIGTERM: it was not ready to handle it yet, so it had no
   * job.
   */
  #untouched(signal: NodeJS.Signals | null): boolean {
    return this.#leaving && signal === 'SIGTERM'
  }

  #startLater(number: number, wait: number, backoff: Backoff): void {
    const timer = setTimeout(() => {
      this.#restarts.delete(timer)
      this.#start(number, backoff)
    }, wait)
    this.#restarts.add(timer)
  }

  #leave(): void {
    this.#leaving = true
    for (const timer of this.#restarts) clearTimeout(timer)
    for (const child of this.#children) child.kill('SIGTERM')
    setTimeout(() => this.#kill(), this.#options.drain + LENIENCE).unref()
    if (this.#children.size === 0) this.#end(this.#code)
  }

  #kill(): void {
    for (const child of this.#children) child.kill('SIGKILL')
  }
}
