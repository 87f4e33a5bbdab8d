import { parseArgs } from 'node:util'

export interface Wishes {
  /** The seeds to run, in this order. */
  readonly seeds: readonly number[]
  readonly only: string | undefined
  /** Seeds that run side by side. */
  readonly jobs: number
  /** Seconds to shorten a failing program; 0 does not. */
  readonly shrink: number
}

export const USAGE = `npm run histories -- [options]

  --seeds N    how many seeds (50)
  --from N     the first of them (1)
  --seed N     this one alone
  --only NAME  memcache or gearman; else both
  --jobs N     seeds side by side (8)
  --shrink N   seconds to shorten the program of a seed that fails (60)`

const whole = (name: string, text: string, least: number): number => {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number >= least) return number
  throw new RangeError(`--${name} is a whole number from ${least}, not ${text}`)
}

/** @throws TypeError or RangeError for arguments that are none. */
export const readArguments = (args: readonly string[]): Wishes => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '50' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      only: { type: 'string' },
      jobs: { type: 'string', default: '8' },
      shrink: { type: 'string', default: '60' },
    },
  })
  const from = whole('from', values.from, 0)
  const count = whole('seeds', values.seeds, 1)
  return {
    seeds:
      values.seed === undefined
        ? Array.from({ length: count }, (_, position) => from + position)
        : [whole('seed', values.seed, 0)],
    only: values.only,
    jobs: whole('jobs', values.jobs, 1),
    shrink: whole('shrink', values.shrink, 0),
  }
}
