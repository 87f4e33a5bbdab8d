import { Contestant } from './contestant.js'
import { median } from './median.js'
import type { Row } from './rows.js'
import type { Measurement, Turn } from './scenario.js'
import { type Stage, startJobs } from './servers.js'

/** Who takes part: a client by its name in `subjects/`, or `raw`. */
export interface Entrant {
  readonly name: string
  readonly subject: string
  /** Checkout whose packages are measured, where they are ours. */
  readonly checkout?: string | undefined
}

export interface RowResult {
  readonly row: Row
  /** By the name of the entrant: the rounds that it ended. */
  readonly results: ReadonlyMap<string, readonly Measurement[]>
  /** At half the throughput of each, where the row asks for it. */
  readonly latencies: ReadonlyMap<string, readonly Measurement[]>
  /** What went wrong: who failed, and how. */
  readonly complaints: readonly string[]
}

export interface ContestOptions {
  readonly rounds: number
  readonly milliseconds: number
  /** Milliseconds of everybody before the first round: code runs cold for its first second or two. */
  readonly warmUp: number
  /** Addresses of the memcached servers. */
  readonly caches: readonly string[]
}

/** Rounds of latency: a percentile of one is worth more than a throughput of one. */
const LATENCY_ROUNDS = 3

/** Measures everybody in turn, round after round: what slows the machine for a while slows them all. */
export async function contest(
  row: Row,
  entrants: readonly Entrant[],
  { rounds, milliseconds, warmUp, caches }: ContestOptions,
): Promise<RowResult> {
  await using ring = new Ring(row, caches)
  await ring.open(entrants)
  await ring.rounds(1, () => ({ milliseconds: warmUp }))
  const results = await ring.rounds(rounds, () => ({ milliseconds }))
  const half = (name: string): Turn => {
    const top = median((results.get(name) ?? []).map(({ throughput }) => throughput)) ?? 0
    return { milliseconds, rate: top / 2 }
  }
  const timed = row.latency === true && rounds > 1
  if (timed) ring.leave('raw')
  const latencies = timed ? await ring.rounds(LATENCY_ROUNDS, half) : new Map()
  return { row, results, latencies, complaints: ring.complaints }
}

/** How often somebody who fails may begin anew. */
const RESTARTS = 2

/** The contestants of one row. One that fails begins anew, twice at most, and the others go on. */
class Ring implements AsyncDisposable {
  readonly complaints: string[] = []
  readonly #row: Row
  readonly #caches: readonly string[]
  readonly #contestants = new Map<string, Contestant>()
  readonly #stages: Stage[] = []
  readonly #entries = new Map<string, { enter: () => Promise<Contestant>; restarts: number }>()

  constructor(row: Row, caches: readonly string[]) {
    this.#row = row
    this.#caches = caches.slice(0, row.servers ?? 1)
  }

  async open(entrants: readonly Entrant[]): Promise<void> {
    const opened = entrants.map(async (entrant, index) => {
      const enter = (): Promise<Contestant> => this.#enter(entrant, String.fromCharCode(97 + index))
      this.#entries.set(entrant.name, { enter, restarts: RESTARTS })
      try {
        return [[entrant.name, await enter()] as const]
      } catch (error) {
        this.#complain(error)
        return []
      }
    })
    // Turns are taken in the order of the entrants, whoever is ready first.
    for (const [name, contestant] of (await Promise.all(opened)).flat()) {
      this.#contestants.set(name, contestant)
    }
  }

  async #restart(name: string): Promise<void> {
    const entry = this.#entries.get(name)
    if (entry === undefined || entry.restarts === 0) return
    entry.restarts -= 1
    try {
      this.#contestants.set(name, await entry.enter())
    } catch (error) {
      this.#complain(error)
    }
  }

  async rounds(
    count: number,
    turn: (name: string) => Turn,
  ): Promise<Map<string, readonly Measurement[]>> {
    const results = new Map<string, Measurement[]>()
    for (let round = 1; round <= count; round += 1) {
      for (const [name, contestant] of [...this.#contestants]) {
        say(`${this.#row.name}: round ${round} of ${count}, ${name}`)
        try {
          const measurement = await contestant.measure(turn(name))
          results.set(name, [...(results.get(name) ?? []), measurement])
        } catch (error) {
          this.#complain(error)
          this.#contestants.delete(name)
          await contestant[Symbol.asyncDispose]()
          await this.#restart(name)
        }
      }
    }
    return results
  }

  leave(name: string): void {
    void this.#contestants.get(name)?.[Symbol.asyncDispose]()
    this.#contestants.delete(name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#contestants.values(), ...this.#stages]
    await Promise.all(all.map((one) => one[Symbol.asyncDispose]()))
  }

  async #enter({ subject, checkout }: Entrant, mark: string): Promise<Contestant> {
    const { scenario, gearmand } = this.#row
    let servers = this.#caches
    if (gearmand !== undefined) {
      const own = subject === 'raw' || subject.startsWith('glammp') ? subject : 'abraxas'
      const worker = scenario.operation === 'do' ? own : undefined
      const stage = await startJobs({ worker, gearmand, checkout })
      this.#stages.push(stage)
      servers = stage.servers
    }
    return Contestant.start({ subject, scenario, servers, mark, checkout })
  }

  #complain(error: unknown): void {
    say('')
    const complaint = `${this.#row.name}: ${(error as Error).message}`
    this.complaints.push(complaint)
    process.stderr.write(`${complaint}\n`)
  }
}

/** One line that the next one replaces. */
export function say(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${text.slice(0, 100).padEnd(100)}\r`)
}
