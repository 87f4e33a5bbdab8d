import { LEASE } from './caller.js'
import type { History } from './judge.js'
import { familyOf } from './program.js'
import type { Call } from './record.js'

/** Milliseconds that timers are late, and that answers wait for their turn in this process. */
const MARGIN = 60

/** Loads may get between them and their item: then they are sent again, in another two steps. */
const OVERTAKES = new Set<Call['op']>([
  'delete',
  'deleteMany',
  'touch',
  'getAndTouch',
  'invalidate',
])

const LOADED = new Set(['wrapped', 'tagged'])

/**
 * Milliseconds that a call may take. The timeout is for silence: where bytes of larger values move it
 * begins anew, and a value in pieces takes two steps.
 */
export const limitOf = (call: Call, { program, slow }: History): number => {
  const { timeout = 1_000 } = program.clients[call.client]?.options ?? {}
  if (call.op === 'wrap' || call.op === 'wrapMany') {
    return 2 * (LEASE + 1) * 1_000 + 6 * timeout + MARGIN
  }
  const isLarge = program.clients.some(({ callers }) =>
    callers.some((steps) => steps.some(({ size }) => size > 1_000)),
  )
  const overtakes = OVERTAKES.has(call.op) && call.keys.some((key) => LOADED.has(familyOf(key)))
  const steps = (isLarge ? 2 : 1) * (overtakes ? 3 : call.op === 'create' ? 2 : 1)
  const moving = slow
    .filter(({ start, end }) => start <= call.end && end >= call.start)
    .reduce((sum, { start, end }) => sum + Math.min(end, call.end) - Math.max(start, call.start), 0)
  return steps * timeout + (isLarge ? timeout : 0) + moving + MARGIN
}
