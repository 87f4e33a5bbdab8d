import type { Judgement } from '../../subject.js'
import type { Call, History } from '../history.js'
import { judgeCalls } from './calls.js'
import { Case, isBackground } from './case.js'
import { judgeEnds } from './ends.js'
import { judgeResults } from './results.js'
import { judgeRuns } from './runs.js'

/** Judges what happened when a program ran. */
export const judge = (history: History): Judgement => {
  const given = new Case(history)
  judgeResults(given)
  judgeRuns(given)
  judgeCalls(given)
  judgeEnds(given)
  return { violations: given.violations, figures: figuresOf(history) }
}

const figuresOf = ({
  calls,
  runs,
  asked,
  troubles,
  departures,
}: History): Record<string, number> => {
  const jobs = new Set(runs.map(({ job }) => job))
  const count = (what: string): number => troubles.filter((trouble) => trouble.what === what).length
  const faults = troubles.filter(({ where }) => where.kind === 'proxy').length
  return {
    'foreground jobs': calls.filter((call) => !isBackground(call)).length,
    results: calls.filter(({ outcome }) => outcome?.kind === 'result').length,
    'background jobs acknowledged': calls.filter(({ outcome }) => outcome?.kind === 'handle')
      .length,
    ...errorsOf(calls),
    runs: runs.length,
    'runs of a job that had run': runs.length - jobs.size,
    'status queries': asked.length,
    'faults of proxies': faults,
    'servers killed': troubles.filter(
      ({ what, where }) => what === 'kill' && where.kind === 'server',
    ).length,
    'servers frozen': count('freeze'),
    'workers killed': troubles.filter(
      ({ what, where }) => what === 'kill' && where.kind === 'worker',
    ).length,
    'workers and clients closed': departures.length,
    'moments of a slow machine': count('slow machine'),
  }
}

const errorsOf = (calls: readonly Call[]): Record<string, number> => {
  const errors: Record<string, number> = {}
  for (const { outcome } of calls) {
    if (outcome?.kind !== 'error') continue
    const name = `errors ${outcome.code.replace('ERR_GEARMAN_', '')}`
    errors[name] = (errors[name] ?? 0) + 1
  }
  return errors
}
