import type { Call, Seen } from '../history.js'
import { thrownText } from '../play/message.js'
import { type Case, isBackground, named } from './case.js'

type Part = Extract<Seen, { run: number }>

/** Each call ends once, with what a run of its own job sent, all of it and in order. */
export const judgeResults = (given: Case): void => {
  for (const call of given.history.calls) {
    if (call.outcome === undefined) given.accuse(`${named(call)} never ended`)
    judgeOutcome(given, call)
    judgeParts(given, call)
    judgeEnds(given, call)
  }
  judgeTwins(given)
}

const judgeOutcome = (given: Case, call: Call): void => {
  const { outcome } = call
  const own = new Set(given.groupOf(call).map(({ job }) => job.id))
  const who = named(call)
  if (outcome?.kind === 'garbage') given.accuse(`${who} has a result that nobody sent`)
  if (outcome?.kind === 'handle' && !isBackground(call)) given.accuse(`${who} has no result`)
  if (outcome?.kind === 'result') {
    if (isBackground(call)) given.accuse(`${who} has a result, though it is in the background`)
    if (!own.has(outcome.job)) given.accuse(`${who} has the result of job ${outcome.job}`)
    const run = given.run(outcome.run)
    if (run?.job !== outcome.job || run.how !== 'complete') {
      given.accuse(`${who} has the result of run ${outcome.run}, which sent none`)
    }
  }
  if (outcome?.kind !== 'error') return
  const runs = [...own].flatMap((id) => given.runsOf(id))
  if (outcome.code === 'ERR_GEARMAN_JOB_FAILED' && !runs.some(({ how }) => how === 'fail')) {
    given.accuse(`${who} failed, but none of its runs did`)
  }
  if (outcome.code !== 'ERR_GEARMAN_JOB_EXCEPTION') return
  const threw = runs.filter(({ how }) => how === 'exception')
  if (!threw.some(({ job, run }) => thrownText(job, run) === outcome.thrown)) {
    given.accuse(`${who} has the exception of none of its runs: ${outcome.thrown}`)
  }
}

const judgeParts = (given: Case, call: Call): void => {
  const who = named(call)
  const parts = call.seen.filter((seen): seen is Part => 'run' in seen)
  if (call.seen.some(({ what }) => what === 'garbage'))
    given.accuse(`${who} saw bytes that nobody sent`)
  if (isBackground(call) && parts.length > 0) given.accuse(`${who} saw parts of a result`)
  const own = new Set(given.groupOf(call).map(({ job }) => job.id))
  const stranger = parts.find(({ job }) => !own.has(job))
  if (stranger !== undefined) given.accuse(`${who} saw ${stranger.what} of job ${stranger.job}`)

  const alone = own.size === 1
  // A loop reads its data later than the events come.
  const lanes = call.method === 'loop' ? ['data', 'status,warning'] : ['data,status,warning']
  for (const lane of lanes) {
    const runs = parts.filter(({ what }) => lane.includes(what)).map(({ run }) => run)
    const changes = runs.filter((run, index) => run !== runs[index - 1])
    if (new Set(changes).size < changes.length)
      given.accuse(`${who} saw parts of several runs mixed`)
  }
  for (const what of ['data', 'status', 'warning'] as const) {
    const next = new Map<number, number>()
    for (const { run, index } of parts.filter((part) => part.what === what)) {
      // One that joined a job in its course sees the rest.
      const expected = next.get(run) ?? (alone ? 0 : index)
      if (index !== expected)
        given.accuse(`${who} saw ${what} ${index} of run ${run} where ${expected} was due`)
      next.set(run, index + 1)
    }
    judgeCompleteness(given, call, what, next, alone)
  }
}

/** Who has the result has seen all that was sent before it. */
const judgeCompleteness = (
  given: Case,
  call: Call,
  what: Part['what'],
  next: ReadonlyMap<number, number>,
  alone: boolean,
): void => {
  if (call.outcome?.kind !== 'result') return
  const work = given.callOf(call.outcome.job)?.job.work
  const sent = { data: work?.data, status: work?.status, warning: work?.warnings }[what] ?? 0
  const seen = next.get(call.outcome.run) ?? (alone ? 0 : sent)
  if (seen !== sent) {
    given.accuse(`${named(call)} has its result, but saw ${seen} of ${sent} ${what} before`)
  }
}

const judgeEnds = (given: Case, call: Call): void => {
  if (call.method !== 'submit' && call.method !== 'loop') return
  const ends = call.seen.filter(({ what }) => what === 'end').length
  if (call.outcome !== undefined && ends !== 1)
    given.accuse(`${named(call)} told its end ${ends} times`)
  if (call.method === 'submit' && ends > 0 && call.seen.at(-1)?.what !== 'end') {
    given.accuse(`${named(call)} told more after its end`)
  }
}

/** Jobs that gearmand made one, by the same handle, have the same result. */
const judgeTwins = (given: Case): void => {
  const first = new Map<string, Call>()
  for (const call of given.history.calls) {
    if (call.outcome?.kind !== 'result' || call.handle === undefined) continue
    const place = given.place(call.handle)
    if (place === undefined) continue
    const key = `${place.server} ${place.local}`
    const twin = first.get(key)
    first.set(key, call)
    if (twin?.outcome?.kind !== 'result') continue
    const begun = Math.min(twin.begun, call.begun)
    // gearmand counts anew after a restart: the same handle may be another job's.
    if (given.killed(place.server, begun, Math.max(twin.ended ?? 0, call.ended ?? 0))) continue
    if (twin.outcome.run !== call.outcome.run) {
      given.accuse(`${named(call)} and ${named(twin)} share a handle, but not their result`)
    }
  }
}
