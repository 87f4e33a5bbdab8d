import {
  abortSignal,
  clearTimeout,
  milliseconds,
  OptionRules,
  onAbort,
  setTimeout,
} from '@glammp/wire'
import { utf8 } from './c-text.js'
import type { Job } from './job.js'

/** Options of `server.idle`. */
export interface IdleOptions {
  /** Ends the waiting: it rejects with the reason of the signal. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds of the real time to wait at most. */
  readonly timeout?: number | undefined
}

const rules = new OptionRules<IdleOptions>({ signal: abortSignal, timeout: milliseconds })

/** Who waits until no job is left. */
export class Idle {
  readonly #open: () => Iterable<Job>
  readonly #ends = new Set<(error?: unknown) => void>()
  #isClosed = false

  /** @param open - the jobs that are left. */
  constructor(open: () => Iterable<Job>) {
    this.#open = open
  }

  async wait(options: IdleOptions = {}): Promise<void> {
    rules.check('idle', options)
    const { signal, timeout } = options
    signal?.throwIfAborted()
    if (this.#isIdle()) return
    if (this.#isClosed) throw closed()
    await new Promise<void>((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined
      const end = (error?: unknown): void => {
        this.#ends.delete(end)
        clearTimeout(timer)
        unhook()
        if (error === undefined) resolve()
        else reject(error)
      }
      const unhook = signal === undefined ? () => {} : onAbort(signal, () => end(signal.reason))
      this.#ends.add(end)
      if (timeout === undefined) return
      timer = setTimeout(() => end(this.#late(timeout)), timeout)
    })
  }

  /** To be called when there is one job less. */
  check(): void {
    if (this.#ends.size === 0 || !this.#isIdle()) return
    for (const end of [...this.#ends]) end()
  }

  close(): void {
    this.#isClosed = true
    for (const end of [...this.#ends]) end(closed())
  }

  #isIdle(): boolean {
    for (const _ of this.#open()) return false
    return true
  }

  #late(timeout: number): Error {
    const jobs = [...this.#open()]
    const running = jobs.filter(({ ability }) => ability !== undefined).length
    const names = [...new Set(jobs.map(({ order }) => utf8(order.fn.name)))].slice(0, 5).join(', ')
    return new Error(
      `not idle after ${timeout} ms: ${running} running and ${jobs.length - running} queued jobs of ${names}`,
    )
  }
}

function closed(): Error {
  return new Error('this server was closed before its jobs ended')
}
