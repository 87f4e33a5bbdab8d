import type { Call, Run } from '../history.js'
import { type Case, isBackground, ms, named, TAIL } from './case.js'

/** Ids from here on are those of the proofs. */
const LAST_JOB = 1_000_000

/** What was acknowledged is run; what is run was sent, and twice only for a reason. */
export const judgeRuns = (given: Case): void => {
  for (const run of given.history.runs) judgeOrigin(given, run)
  for (const call of given.history.calls) {
    judgeRepeats(given, call)
    if (isBackground(call)) judgeAcknowledged(given, call)
  }
  for (const departure of given.history.departures) {
    if (departure.who !== 'worker') continue
    for (const run of given.history.runs) {
      if (run.worker !== departure.index || run.life !== departure.life) continue
      judgeDeparture(given, run, departure)
    }
  }
}

const judgeOrigin = (given: Case, run: Run): void => {
  const { job, handle } = run
  if (job >= LAST_JOB) return
  const call = given.callOf(job)
  if (call === undefined || call.begun > run.begun) {
    given.accuse(`run ${run.run} has a workload that nobody sent (job ${job})`)
    return
  }
  // The same handle names no other job while its server lives.
  const place = given.place(handle)
  if (place === undefined) {
    given.accuse(`run ${run.run} has the handle ${handle}, of none of the servers`)
    return
  }
  const own = given.groupOf(call)
  for (const other of given.history.calls) {
    if (other.handle === undefined || own.includes(other)) continue
    const { server, local } = given.place(other.handle) ?? {}
    if (server !== place.server || local !== place.local) continue
    const from = Math.min(other.begun, run.begun)
    if (given.killed(server, from, Math.max(other.ended ?? 0, run.begun))) continue
    given.accuse(`${named(other)} was told the handle of job ${job}: ${handle}`)
  }
}

const judgeRepeats = (given: Case, call: Call): void => {
  const runs = given.runsOf(call.job.id)
  for (const [index, run] of runs.entries()) {
    const next = runs[index + 1]
    if (next === undefined) break
    if (wasTaken(given, run, next) || wasSentAgain(given, call)) continue
    given.accuse(
      `${named(call)} ran again: run ${run.run} on worker ${run.worker} from ${ms(run.begun)} ${run.how ?? ''}, then run ${next.run} on worker ${next.worker} from ${ms(next.begun)}; nothing had happened to the first`,
    )
  }
}

/** The worker lost the job, or its result did not arrive. */
const wasTaken = (given: Case, run: Run, next: Run): boolean => {
  const until = Math.min(next.begun, (run.ended ?? Number.POSITIVE_INFINITY) + TAIL)
  return given.troubles(run.begun, until, given.ofHolder(run)).length > 0
}

/** The caller allowed it, and something happened to its connection. */
const wasSentAgain = (given: Case, call: Call): boolean => {
  if (call.retries === 0) return false
  return (
    given.troubles(call.begun, call.ended ?? Number.POSITIVE_INFINITY, given.ofCaller(call))
      .length > 0
  )
}

const judgeAcknowledged = (given: Case, call: Call): void => {
  if (call.outcome?.kind !== 'handle' || call.handle === undefined) return
  const server = given.place(call.handle)?.server
  if (server === undefined) {
    given.accuse(`${named(call)} was told the handle ${call.handle}, of none of its servers`)
    return
  }
  // A job that was joined to an earlier one ends with that.
  const done = given
    .groupOf(call)
    .flatMap(({ job }) => given.runsOf(job.id))
    .some(
      ({ how, ended }) => how !== undefined && how !== 'lost' && (ended ?? 0) + TAIL >= call.begun,
    )
  if (done) return
  const { persistent } = given.program.servers[server] ?? {}
  if (!persistent && given.killed(server, call.begun, Number.POSITIVE_INFINITY)) return
  given.accuse(
    `${named(call)} was acknowledged at ${ms(call.ended ?? 0)} by server ${server}${persistent ? ', which keeps jobs' : ''}, and never run to its end`,
  )
}

const judgeDeparture = (
  given: Case,
  run: Run,
  { begun, ended = Number.POSITIVE_INFINITY, timeout }: Case['history']['departures'][number],
): void => {
  const who = `worker ${run.worker}`
  if (run.begun > ended) {
    given.accuse(`${who} began run ${run.run} when it was closed`)
    return
  }
  if (timeout !== undefined || run.begun > begun || (run.ended ?? begun) < begun) return
  const troubled = given.troubles(run.begun, ended, given.ofHolder(run)).length > 0
  if (!troubled && (run.how === undefined || run.how === 'lost' || (run.ended ?? 0) > ended)) {
    given.accuse(`${who} left at ${ms(ended)} without finishing run ${run.run} of job ${run.job}`)
  }
}
