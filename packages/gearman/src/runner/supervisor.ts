import { type ChildProcess, fork } from 'node:child_process'
import { Backoff } from '@glammp/wire'
import type { Log } from './log.js'
import { Exit } from './worker-process.js'

/** Waits before a process that ended is started again, in milliseconds. */
const RESTART = { base: 1_000, cap: 30_000 }
const SHORTEST_RESTART = 100
/** A process that lived so long was well. */
const HEALTHY = 10_000
/** What a process gets beyond the drain time before it is killed. */
const LENIENCE = 5_000

/** The variable that tells a process its number. */
export const NUMBER_VARIABLE = 'GLAMMP_WORKER_PROCESS'

export interface SupervisorOptions {
  readonly processes: number
  /** Milliseconds that running jobs get. */
  readonly drain: number
  /** The program and its arguments. */
  readonly program: string
  readonly args: readonly string[]
}

/** Keeps so many processes going, until it is told to leave. */
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

  /** Resolves to the exit code when all processes have left. */
  run(): Promise<number> {
    for (let number = 1; number <= this.#options.processes; number += 1) {
      this.#start(number, new Backoff(RESTART))
    }
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (this.#leaving) this.#kill()
        else this.#leave()
      })
    }
    return this.#ended
  }

  #start(number: number, backoff: Backoff): void {
    const { program, args } = this.#options
    const started = performance.now()
    // In groups of their own, so that a terminal's Ctrl-C comes once, from here.
    const child = fork(program, args, {
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, [NUMBER_VARIABLE]: String(number) },
    })
    this.#children.add(child)
    child.once('error', (error) => {
      this.#log.error('process', `process ${number}: ${error.message}`, { number })
    })
    child.once('exit', (code, signal) => {
      this.#children.delete(child)
      if (performance.now() - started > HEALTHY) backoff.reset()
      this.#exited(number, code, signal, backoff)
    })
  }

  #exited(
    number: number,
    code: number | null,
    signal: NodeJS.Signals | null,
    backoff: Backoff,
  ): void {
    // To start again would not help: whoever started the supervisor must hear of it.
    if (this.#leaving || code === Exit.USAGE || code === Exit.UNREACHABLE) {
      this.#code = Math.max(this.#code, code ?? Exit.FAILED)
      if (!this.#leaving) this.#leave()
      if (this.#children.size === 0) this.#end(this.#code)
      return
    }
    const wait = Math.max(SHORTEST_RESTART, Math.round(backoff.next()))
    const how = signal === null ? `with code ${code}` : `by ${signal}`
    this.#log.warn('process', `process ${number} ended ${how}, to be started again in ${wait} ms`, {
      number,
      wait,
    })
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
