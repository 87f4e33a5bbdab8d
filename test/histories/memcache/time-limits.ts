import { LEASE } from './caller.js'
import type { History } from './judge.js'
import type { Call } from './record.js'

/** Milliseconds that timers are late, and that answers wait for their turn in this process. */
const MARGIN = 60

/** Milliseconds that a call may take. */
export const limitOf = (call: Call, { program }: History): number => {
  const { timeout = 1_000 } = program.clients[call.client]?.options ?? {}
  if (call.op !== 'wrap' && call.op !== 'wrapMany') return timeout + MARGIN
  return 2 * (LEASE + 1) * 1_000 + 6 * timeout + MARGIN
}
