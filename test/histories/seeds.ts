import { Random } from './random.js'
import { shrink } from './shrink.js'
import type { Judgement, Subject } from './subject.js'

export interface SeedOptions {
  readonly jobs: number
  /** Seconds for each failing program; 0 leaves it as it is. */
  readonly shrink: number
  readonly say: (text: string) => void
}

export interface Summary {
  /** Seeds that failed. */
  readonly failed: readonly number[]
  readonly figures: Readonly<Record<string, number>>
}

/** A seed that throws has failed: what it started is not known to be right. */
const judged = (run: () => Promise<Judgement>): Promise<Judgement> =>
  run().catch((error: unknown) => ({
    violations: [`the run itself failed: ${error instanceof Error ? error.stack : error}`],
    figures: {},
  }))

/** Runs the seeds, some of them side by side, then shortens those that failed, one by one. */
export const runSeeds = async <Program>(
  subject: Subject<Program>,
  seeds: readonly number[],
  { jobs, shrink: seconds, say }: SeedOptions,
): Promise<Summary> => {
  const figures: Record<string, number> = {}
  const failures = new Map<number, Judgement>()
  const queue = [...seeds]
  const work = async (): Promise<void> => {
    for (let seed = queue.shift(); seed !== undefined; seed = queue.shift()) {
      const program = subject.draw(new Random(seed))
      const judgement = await judged(() => subject.run(program))
      for (const [name, count] of Object.entries(judgement.figures)) {
        figures[name] = (figures[name] ?? 0) + count
      }
      if (judgement.violations.length === 0) continue
      failures.set(seed, judgement)
      say(`${subject.name} seed ${seed} FAILED\n${lines(judgement)}`)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))

  const guarded = { ...subject, run: (program: Program) => judged(() => subject.run(program)) }
  for (const [seed, judgement] of seconds > 0 ? failures : []) {
    const options = { budget: seconds * 1_000, tries: 3 }
    const short = await shrink(guarded, subject.draw(new Random(seed)), judgement, options)
    say(
      [
        `${subject.name} seed ${seed}, after ${short.runs} runs of shorter programs:`,
        subject.print(short.program),
        lines(short.judgement),
        `again: npm run histories -- --only ${subject.name} --seed ${seed}`,
      ].join('\n'),
    )
  }
  return { failed: [...failures.keys()], figures }
}

const lines = ({ violations }: Judgement): string =>
  violations.map((violation) => `  ${violation}`).join('\n')
