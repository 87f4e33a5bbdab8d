import { Mutator } from './mutator.js'
import type { Target } from './target.js'
import { trial } from './trial.js'

declare global {
  /** How often each counted place ran: see instrument-hooks.mjs. */
  var fuzzCoverage: Uint8Array
}

/** An input that reached something that no smaller one did. */
interface Entry {
  readonly input: Buffer
  readonly reached: ReadonlySet<number>
}

/** Bytes of an input with a piece of it again and again. */
const BLOWN_UP = [20_000, 60_000, 500_000] as const
const BLOW_UP_EVERY = 2_000

/** What went wrong. */
export interface Finding {
  readonly input: Buffer
  readonly problem: string
}

/** Looks for inputs that reach new places of the code, until one goes wrong. */
export class Fuzzer {
  readonly #target: Target
  readonly #mutator: Mutator
  readonly #announce: (input: Buffer) => void
  readonly #reached = new Set<number>()
  readonly #entries: Entry[] = []
  runs = 0

  /** @param announce - hears of each input before it is read. */
  constructor(target: Target, seed: number, announce: (input: Buffer) => void) {
    this.#target = target
    this.#mutator = new Mutator(seed, target.words, target.longest ?? 4_096)
    this.#announce = announce
  }

  /** Places, with how often each ran, that some input reached. */
  get reached(): number {
    return this.#reached.size
  }

  async start(inputs: readonly Buffer[]): Promise<Finding | undefined> {
    for (const input of inputs) {
      const problem = await this.#try(input, true)
      if (problem !== undefined) return { input, problem }
    }
    return undefined
  }

  /** @param end - by `performance.now()`. */
  async go(end: number): Promise<Finding | undefined> {
    const mutator = this.#mutator
    while (performance.now() < end) {
      const { input: parent } = this.#pick()
      const other = this.#pick().input
      const isLarge = this.runs % BLOW_UP_EVERY === BLOW_UP_EVERY - 1
      const input = isLarge
        ? mutator.blowUp(parent, BLOWN_UP[mutator.below(BLOWN_UP.length)] as number)
        : mutator.mutate(parent, other)
      const problem = await this.#try(input, !isLarge)
      if (problem !== undefined) return this.#shorten({ input, problem })
    }
    return undefined
  }

  /** The smallest inputs that together reach all that was reached. */
  smallest(): Buffer[] {
    const covered = new Set<number>()
    const kept: Buffer[] = []
    for (const { input, reached } of [...this.#entries].sort(bySize)) {
      const before = covered.size
      for (const place of reached) covered.add(place)
      if (covered.size > before) kept.push(input)
    }
    return kept
  }

  // Newer ones are tried more.
  #pick(): Entry {
    const { length } = this.#entries
    const at = Math.max(this.#mutator.below(length), this.#mutator.below(length))
    return this.#entries[at] as Entry
  }

  async #try(input: Buffer, keep: boolean): Promise<string | undefined> {
    this.runs += 1
    this.#announce(input)
    fuzzCoverage.fill(0)
    const problem = await trial(this.#target, input)
    if (!keep || problem !== undefined) return problem
    let news = false
    const reached = new Set<number>()
    for (let place = 0; place < fuzzCoverage.length; place += 1) {
      const times = fuzzCoverage[place] as number
      if (times === 0) continue
      const mark = place * 8 + bucket(times)
      reached.add(mark)
      if (!this.#reached.has(mark)) {
        this.#reached.add(mark)
        news = true
      }
    }
    if (news || this.#entries.length === 0) this.#entries.push({ input, reached })
    return problem
  }

  /** Takes away of the input what is not needed for the same problem. */
  async #shorten(found: Finding): Promise<Finding> {
    let { input } = found
    const isSame = async (shorter: Buffer): Promise<boolean> => {
      this.#announce(shorter)
      const problem = await trial(this.#target, shorter)
      return problem !== undefined && kindOf(problem) === kindOf(found.problem)
    }
    const end = performance.now() + 20_000
    for (let size = input.length >> 1; size >= 1; size >>= 1) {
      for (let at = 0; at < input.length && performance.now() < end; ) {
        const shorter = Buffer.concat([input.subarray(0, at), input.subarray(at + size)])
        if (await isSame(shorter)) input = shorter
        else at += size
      }
    }
    return { input, problem: (await trial(this.#target, input)) ?? found.problem }
  }
}

const bySize = (one: Entry, other: Entry): number => one.input.length - other.input.length

/** A problem without what changes with the length of the input. */
const kindOf = (problem: string): string => problem.replaceAll(/\d+/g, '').slice(0, 40)

/** Once, twice, some times, many times. */
function bucket(times: number): number {
  if (times <= 3) return times - 1
  if (times <= 7) return 3
  if (times <= 15) return 4
  if (times <= 31) return 5
  return times <= 127 ? 6 : 7
}
