import { GearmanWorker, InvalidArgumentError } from '@glammp/gearman'
import { messageOf } from '@glammp/wire'
import { type RunnerOptions, UsageError } from './command-line.js'
import { type Handler, loadHandlers } from './handlers.js'
import type { Log } from './log.js'

/** Exit codes. */
export const Exit = { DRAINED: 0, FAILED: 1, USAGE: 2, UNREACHABLE: 3 } as const

/** A terminal that closes sends SIGHUP. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const

/** What one process does: it serves until it is told to stop, or until no server can be reached. */
export class WorkerProcess {
  readonly #options: RunnerOptions
  readonly #log: Log
  readonly #worker: GearmanWorker
  readonly #up: Set<string> = new Set()
  #lastError = 'none has answered yet'
  #silence: NodeJS.Timeout | undefined
  #cut: NodeJS.Timeout | undefined
  readonly #told: Promise<void>
  #tell: () => void = () => {}
  #draining = false
  #code: number = Exit.DRAINED

  /** @throws {@link UsageError} */
  constructor(options: RunnerOptions, log: Log) {
    this.#options = options
    this.#log = log
    this.#worker = usable(() => new GearmanWorker(options.worker))
    this.#told = new Promise((resolve) => {
      this.#tell = resolve
    })
  }

  /**
   * Resolves to the exit code when the worker has stopped.
   *
   * @throws {@link UsageError}
   */
  async run(): Promise<number> {
    this.#listen()
    const slow = (path: string): void => {
      this.#log.warn('loading', `${path} has not finished loading`, { module: path })
    }
    // A module may take long to load, or for ever: a process that is told to stop does not wait for
    // it.
    const handlers = await Promise.race([loadHandlers(this.#options.modules, slow), this.#told])
    if (!this.#draining && handlers) await this.#serve(handlers)
    await this.#worker.close()
    clearTimeout(this.#silence)
    this.#log.info('end', this.#code === Exit.DRAINED ? 'left' : 'left, not in order')
    return this.#code
  }

  async #serve(handlers: readonly Handler[]): Promise<void> {
    for (const { name, handle, module, options } of handlers) {
      usable(() => this.#worker.addFunction(name, this.#options.sandbox ? module : handle, options))
    }
    this.#watch()
    this.#awaitServer()
    const names = handlers.map(({ name }) => name)
    const { pid } = process
    this.#log.info('start', `serving ${names.join(', ')}`, { functions: names.join(' '), pid })
    try {
      await this.#worker.work()
    } catch (error) {
      throw error instanceof InvalidArgumentError ? new UsageError(error.message) : error
    } finally {
      clearTimeout(this.#cut)
    }
  }

  #watch(): void {
    const worker = this.#worker
    worker.on('job:end', (end) => {
      this.#log.job(end)
      // Only a forced end closes under a running job.
      if (!this.#draining || end.outcome !== 'lost') return
      if (this.#code === Exit.DRAINED) this.#code = Exit.FAILED
    })
    worker.on('job:unsent', ({ function: name, handle, error }) => {
      this.#log.warn('job:unsent', `${name}: not sent: ${error.message}`, {
        function: name,
        handle,
      })
    })
    worker.on('server:up', ({ server }) => {
      this.#up.add(server)
      clearTimeout(this.#silence)
      this.#log.info('server:up', `connected to ${server}`, { server })
    })
    worker.on('server:down', ({ server, error }) => {
      this.#up.delete(server)
      this.#lastError = error.message
      if (this.#draining) return
      this.#log.warn('server:down', error.message, { server })
      if (this.#up.size === 0) this.#awaitServer()
    })
  }

  /** Listens for requests to stop. */
  #listen(): void {
    const supervised = this.#options.number !== undefined
    for (const signal of Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]) {
      process.on(signal, () => {
        if (!this.#draining) this.#drain(signal)
        // The supervisor stops it in its own way, and a terminal's Ctrl-C reaches all processes.
        else if (!supervised) process.exit(128 + SIGNALS[signal])
      })
    }
    // The supervisor has ended, in whatever way.
    const orphaned = (): void => {
      if (!this.#draining) this.#drain('the end of the supervisor')
    }
    process.once('disconnect', orphaned)
    // A module that never finishes loading shows only when nothing else keeps the process running.
    process.channel?.unref()
    if (supervised && !process.connected) orphaned()
  }

  #drain(cause: string): void {
    this.#draining = true
    this.#tell()
    const { running } = this.#worker
    this.#log.info('drain', `${cause}: ${running} running jobs to finish`, { running })
    clearTimeout(this.#silence)
    const timeout = Math.max(1, this.#options.drain)
    // A job whose result is still being sent then has ended, but is run again elsewhere all the
    // same.
    this.#cut = setTimeout(() => {
      this.#code = Math.max(this.#code, Exit.FAILED)
    }, timeout)
    void this.#worker.close({ timeout })
  }

  #awaitServer(): void {
    const { giveUp } = this.#options
    if (giveUp === 0) return
    clearTimeout(this.#silence)
    this.#silence = setTimeout(() => {
      this.#log.error(
        'give-up',
        `no server could be reached for ${giveUp / 1_000} s; the last: ${this.#lastError}`,
      )
      this.#code = Exit.UNREACHABLE
      this.#draining = true
      // No result could be delivered any more.
      void this.#worker.close({ timeout: 1 })
    }, giveUp)
  }
}

/** Runs something that the command line or a module may have made wrong. */
function usable<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error })
  }
}
