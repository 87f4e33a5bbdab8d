import { monotonic, sleep } from '@glammp/wire'
import type { CommandContext } from '../dispatch/context.js'
import { type CallOptions, timeoutOf } from '../dispatch/route.js'
import { Turn } from '../dispatch/turn.js'
import { type Key, keptKey } from '../key.js'
import { lockOf } from './leases.js'

/** Milliseconds between two looks at a lock whose holder is about to store. */
const STORING_WAIT = 10

/** What happens to the load of a key that a command changes. */
export interface Change {
  /** The name of the client's method. */
  readonly command: string
  readonly key: Key
  readonly wireKey: string
  /** Sends the command now, because it is its turn; again if a load got in between. */
  readonly send: (options: CallOptions | undefined) => Promise<boolean>
  /** The load is left alone if the command found no item. */
  readonly onlyIfFound: boolean
  /**
   * It stores: a value that arrives after it finds its item, and the command need not be sent
   * again.
   */
  readonly stores?: boolean
  /** One of a list. */
  readonly patient?: boolean
}

/**
 * Sends a command after which no value may be stored that was loaded before it. The lock of the
 * key is read in the same batch, just before: as a rule nobody loads, and that is all.
 *
 * @returns whether the item was there.
 */
export function overtakeLoad(
  context: CommandContext,
  change: Change,
  options: CallOptions | undefined,
): Promise<boolean> {
  const { fleet, keyOrder } = context
  const key = keptKey(change.key)
  const ready = fleet.ready(options?.signal)
  const done =
    ready === undefined && keyOrder.of(change.wireKey) === undefined
      ? overtakeNow(context, change, options)
      : overtakeInTurn(context, change, ready, options)
  context.changes.tell(key, done)
  return done
}

function overtakeInTurn(
  context: CommandContext,
  change: Change,
  ready: Promise<void> | undefined,
  options: CallOptions | undefined,
): Promise<boolean> {
  const { wireKey } = change
  let turn: Turn | undefined
  const done = context.keyOrder.take(wireKey, async () => {
    await ready
    return () => overtakeNow(context, change, turn === undefined ? options : turn.begin())
  })
  // While the servers are not known there is none whose time runs.
  if (ready !== undefined) return done
  turn = new Turn(context, wireKey, change, options)
  return turn.orLate(done)
}

/** As {@link overtakeLoad}, for a command whose turn it is, where the caller has told of the change. */
export async function overtakeNow(
  context: CommandContext,
  { wireKey, send, onlyIfFound, stores = false, patient = false }: Change,
  options: CallOptions | undefined,
): Promise<boolean> {
  const timeout = timeoutOf(context, options)
  const lock = lockOf(context.fleet.homeOf(wireKey), wireKey, timeout, patient)
  let end: number | undefined
  let wasFound = false
  for (;;) {
    const [held, found] = await Promise.all([lock.read(), send(options)])
    wasFound ||= found
    if (held === undefined || (onlyIfFound && !found)) return wasFound
    if (stores) {
      if (!held.storing) await lock.removeSeen(held)
      return found
    }
    // From here: one of a list may have waited for longer before it was sent.
    end ??= monotonic() + timeout
    const isLate = monotonic() >= end
    if (held.storing && !isLate) await sleep(STORING_WAIT)
    // It has changed nothing yet, and will not: what was sent is valid.
    else if ((await lock.removeSeen(held)) || isLate) return wasFound
  }
}
