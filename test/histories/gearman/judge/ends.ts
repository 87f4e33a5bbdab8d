import type { Departure } from '../history.js'
import { type Case, ms } from './case.js'

/** Milliseconds for what a departure does besides waiting. */
const MARGIN = 1_500

/** Everybody leaves in time, nothing is left, and all work again once all is well. */
export const judgeEnds = (given: Case): void => {
  for (const departure of given.history.departures) judgeDeparture(given, departure)
  for (const { what, failure } of given.history.proofs) {
    if (failure !== undefined) given.accuse(`when all was well: ${what}: ${failure}`)
  }
  for (const error of given.history.unhandled) given.accuse(error)
}

const judgeDeparture = (given: Case, departure: Departure): void => {
  const { who, index, life, begun, ended, failure, timeout } = departure
  if (failure !== undefined) given.accuse(failure)
  if (ended === undefined) {
    given.accuse(`the close of ${who} ${index} never ended`)
    return
  }
  const plan = given.program[who === 'worker' ? 'workers' : 'clients'][index]
  let busy = begun
  // A drain waits for what runs, and for results on a line that is disturbed.
  for (const trouble of given.troubles(begun, ended, given.ofNode(plan))) {
    busy = Math.max(busy, Math.min(trouble.until, ended))
  }
  if (who === 'worker') {
    for (const run of given.history.runs) {
      if (run.worker === index && run.life === life) busy = Math.max(busy, run.ended ?? 0)
    }
  }
  const patience = (plan?.timeout ?? 0) * 2 + MARGIN
  const allowed = (timeout ?? busy - begun + patience) + MARGIN + given.history.busy(begun, ended)
  if (ended - begun > allowed) {
    given.accuse(
      `the close of ${who} ${index} took ${ms(ended - begun)} where ${ms(allowed)} are allowed`,
    )
  }
}
