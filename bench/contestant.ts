import { createInterface } from 'node:readline'
import { type GuardedProcess, spawnGuarded } from '../test/support/guardian.js'
import { lastError } from './last-error.js'
import type { Measurement, Order, Turn } from './scenario.js'

/** Milliseconds until a subject is ready. */
const READY = 15_000
/** Milliseconds that a turn may take longer than it was told to. */
const LATE = 3_000

/**
 * A subject in a process of its own, which waits for its turns without doing anything, so that
 * all of them can be measured one after the other, round after round.
 */
export class Contestant implements AsyncDisposable {
  readonly #name: string
  readonly #process: GuardedProcess
  readonly #lines: AsyncIterator<string>
  #errors = ''

  /** Resolves when the subject is connected and its keys are stored. */
  static async start(order: Order): Promise<Contestant> {
    const contestant = new Contestant(order)
    try {
      await contestant.#line(READY)
      return contestant
    } catch (error) {
      await contestant[Symbol.asyncDispose]()
      throw error
    }
  }

  private constructor(order: Order) {
    this.#name = order.subject
    const args = ['--import', 'tsx', 'bench/measure.ts', JSON.stringify(order)]
    this.#process = spawnGuarded(process.execPath, args)
    const { stdout, stderr } = this.#process.child
    if (stdout === null) throw new Error('a child process without output')
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
    stderr?.on('data', (chunk: Buffer) => {
      this.#errors += chunk
    })
  }

  /** @throws Error where the subject fails, says nothing for that long, or is gone. */
  async measure(turn: Turn): Promise<Measurement> {
    this.#process.child.stdin?.write(`${JSON.stringify(turn)}\n`)
    return JSON.parse(await this.#line(turn.milliseconds * 1.25 + LATE)) as Measurement
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { child, pid } = this.#process
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    process.kill(-pid, 'SIGKILL')
    await gone
  }

  async #line(patience: number): Promise<string> {
    let timer: NodeJS.Timeout | undefined
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${this.#name} did not end its turn`)), patience)
    })
    try {
      const { done, value } = await Promise.race([this.#lines.next(), silence])
      if (done) throw new Error(`${this.#name} failed: ${lastError(this.#errors)}`)
      return value
    } finally {
      clearTimeout(timer)
    }
  }
}
