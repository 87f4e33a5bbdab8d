import type { Judgement, Subject } from './subject.js'

export interface Shrunk<Program> {
  readonly program: Program
  /** The last judgement that found something. */
  readonly judgement: Judgement
  /** Runs that it took. */
  readonly runs: number
}

export interface ShrinkOptions {
  /** Milliseconds after which no further run begins. */
  readonly budget: number
  /** How often a smaller program may pass before it counts as one that does not fail. */
  readonly tries: number
}

/**
 * Takes away from a failing program while it still fails. Servers and sockets run freely, so that
 * the same program may pass the next time: each is given some tries.
 */
export const shrink = async <Program>(
  subject: Subject<Program>,
  failing: Program,
  judgement: Judgement,
  { budget, tries }: ShrinkOptions,
): Promise<Shrunk<Program>> => {
  const end = performance.now() + budget
  let runs = 0
  let best = { program: failing, judgement }

  const failsAgain = async (program: Program): Promise<boolean> => {
    for (let attempt = 0; attempt < tries; attempt += 1) {
      if (performance.now() >= end) return false
      runs += 1
      const judged = await subject.run(program)
      if (judged.violations.length === 0) continue
      best = { program, judgement: judged }
      return true
    }
    return false
  }
  const improved = async (): Promise<boolean> => {
    for (const candidate of subject.smaller(best.program)) {
      if (performance.now() >= end) return false
      if (await failsAgain(candidate)) return true
    }
    return false
  }

  while (await improved());
  return { ...best, runs }
}
