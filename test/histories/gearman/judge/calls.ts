import type { Asked, Call, Failure } from '../history.js'
import { STEPS } from '../play/message.js'
import type { NodePlan } from '../program/program.js'
import { type Case, isBackground, ms, named, TAIL } from './case.js'

/** Milliseconds that a call may take longer than it says, on a machine that is not slow. */
const MARGIN = 300

/** Milliseconds before a job is sent again, at most. */
const RESEND = 3_600

/** As the package's documents have it: bytes on the way that cannot be seen moving. */
const HELD = { from: 65_536, most: 6 * 1_048_576, rate: 200 }

/** A server that failed may be left alone for this long. */
const REST = 2_000

const CODES = ['CLOSED', 'NO_SERVER', 'CONNECTION', 'TIMEOUT', 'JOB_FAILED', 'JOB_EXCEPTION'].map(
  (word) => `ERR_GEARMAN_${word}`,
)

/** Every call ends in its time, and fails only for a reason and with an error of the package. */
export const judgeCalls = (given: Case): void => {
  for (const call of given.history.calls) {
    const who = named(call)
    if (call.outcome?.kind === 'error') {
      judgeFailure(given, call, who, call.outcome)
      judgeLostResult(given, call, call.outcome)
    }
    judgeTime(given, call, who, isBackground(call) ? undefined : call.timeout)
  }
  for (const asked of given.history.asked) {
    const who = `${asked.how} of job ${asked.job} by client ${asked.client}`
    if (asked.ended === undefined) given.accuse(`${who} never ended`)
    if (asked.failure !== undefined) judgeFailure(given, asked, who, asked.failure)
    judgeTime(given, asked, who, undefined)
    judgeAnswer(given, asked, who)
  }
}

const judgeFailure = (given: Case, call: Call | Asked, who: string, failure: Failure): void => {
  const { own, code, message, server } = failure
  const what = `${who} failed at ${ms(call.ended ?? 0)} with ${code} "${message}"`
  if (!own || !CODES.includes(code)) {
    given.accuse(what)
    return
  }
  const { begun, ended = Number.POSITIVE_INFINITY } = call
  if (code === 'ERR_GEARMAN_CLOSED') {
    const left = given.history.departures.some(
      (each) =>
        each.who === 'client' &&
        each.index === call.client &&
        each.life === call.life &&
        each.begun <= ended,
    )
    if (!left) given.accuse(`${what}, but its client was open`)
    return
  }
  if (code === 'ERR_GEARMAN_NO_SERVER') {
    const plan = given.program.clients[call.client]
    const well = given.program.servers.findIndex(
      (_, index) =>
        plan?.ways[index] !== 'none' &&
        given.troubles(begun - REST, ended, given.ofNode(plan, index)).length === 0,
    )
    if (well >= 0) given.accuse(`${what}, but nothing had happened to server ${well}`)
    return
  }
  if (server === undefined || !given.history.addresses.has(server)) {
    given.accuse(`${what}, which names no server`)
  }
  if (code.startsWith('ERR_GEARMAN_JOB')) return
  const ownLimit = 'job' in call && message.includes('no result within')
  if (ownLimit) return
  if (given.troubles(begun - TAIL, ended, given.ofCaller(call)).length === 0) {
    given.accuse(`${what}, but nothing had happened to its connections`)
  }
}

/** A result that was sent, with nothing in its way, must not be missed. */
const judgeLostResult = (given: Case, call: Call, { code }: Failure): void => {
  if (code.startsWith('ERR_GEARMAN_JOB') || isBackground(call)) return
  const { begun, ended = 0 } = call
  if (given.troubles(begun - TAIL, ended, given.ofCaller(call)).length > 0) return
  for (const run of given.runsOf(call.job.id)) {
    if (run.how === undefined || run.how === 'lost' || (run.ended ?? ended) + TAIL > ended) continue
    if (given.troubles(run.begun, ended, given.ofHolder(run)).length > 0) continue
    given.accuse(
      `${named(call)} failed with ${code}, but run ${run.run} was done ${ms(ended - (run.ended ?? 0))} before`,
    )
  }
}

const judgeTime = (
  given: Case,
  call: Call | Asked,
  who: string,
  ownLimit: number | undefined,
): void => {
  const { begun, ended } = call
  if (ended === undefined) return
  const foreground = 'method' in call && !isBackground(call)
  if (foreground && ownLimit === undefined) return
  const plan = given.program.clients[call.client]
  const limit = Math.min(
    ownLimit ?? Number.POSITIVE_INFINITY,
    foreground ? Number.POSITIVE_INFINITY : answerLimit(given, call, plan),
  )
  const allowed = limit + MARGIN + given.history.busy(begun, ended)
  if (ended - begun > allowed)
    given.accuse(`${who} took ${ms(ended - begun)} where ${ms(allowed)} are allowed`)
}

/** The time for an answer of gearmand: silence counts, so it begins anew while bytes are held up. */
const answerLimit = (given: Case, call: Call | Asked, plan: NodePlan | undefined): number => {
  const { begun, ended = begun } = call
  const timeout = plan?.timeout ?? 0
  const attempts = 'retries' in call ? call.retries : 0
  const moving = given
    .troubles(begun, ended, given.ofCaller(call))
    .reduce((last, { until }) => Math.max(last, Math.min(until, ended)), begun)
  let bytes = 0
  for (const other of given.history.calls) {
    const isNear =
      other.client === call.client && other.begun <= ended && (other.ended ?? ended) >= begun
    if (isNear) bytes += other.job.size
  }
  const held = bytes <= HELD.from ? 0 : Math.min(bytes, HELD.most) / HELD.rate
  return moving - begun + timeout + held + attempts * (timeout + held + RESEND)
}

/** A status is that of the job that was asked about. */
const judgeAnswer = (given: Case, asked: Asked, who: string): void => {
  const { answer, handle, how, begun, ended = begun } = asked
  const call = given.callOf(asked.job)
  if (answer === undefined || call === undefined || handle === undefined) return
  const server = given.place(handle)?.server ?? -1
  // After a restart a handle may name another job, as the documents say.
  if (how === 'jobStatus' && given.killed(server, call.begun, ended)) return
  const own = given.groupOf(call).map(({ job }) => job.id)
  const job = Math.floor(answer.numerator / STEPS)
  if (answer.known && answer.denominator > 0) {
    const run = given.run(answer.denominator)
    if (!own.includes(job) || run?.job !== job) given.accuse(`${who} was that of job ${job}`)
  }
  if (answer.known || how !== 'jobStatus') return
  const over = own.some((id) =>
    given.runsOf(id).some((run) => (run.ended ?? run.begun) <= ended + TAIL),
  )
  if (!over) given.accuse(`${who}: unknown, though it was acknowledged and is not done`)
}
