import { abortSignal, type Checks, milliseconds, OptionRules } from '@glammp/wire'
import type { Request } from '../requests/request.js'
import type { Fleet } from '../servers/fleet.js'
import type { Changes } from './changes.js'
import type { KeyOrder } from './key-order.js'
import { Turn } from './turn.js'

/** Options of every call. */
export interface CallOptions {
  /** Milliseconds for this call, instead of the client's `timeout`. */
  readonly timeout?: number | undefined
  /** Rejects the call with the signal's reason. What was sent may still be carried out. */
  readonly signal?: AbortSignal | undefined
}

/** The known options of every call and their valid values. */
export const CALL_CHECKS: Checks<CallOptions> = { timeout: milliseconds, signal: abortSignal }

const CALL_RULES = new OptionRules<CallOptions>(CALL_CHECKS)

/** @throws TypeError or RangeError for invalid options. */
export function checkCall(command: string, options: CallOptions | undefined): void {
  if (options !== undefined) CALL_RULES.check(command, options)
}

/** What is needed to send a request to a server. */
export interface RouteContext {
  readonly fleet: Fleet
  /** Milliseconds for a call. */
  readonly timeout: number
  /** Called for every key that a command may change. */
  readonly changes: Changes
  /** Order among the commands of one key. */
  readonly keyOrder: KeyOrder
}

/** Gives a request to the server of its key. */
export function route<T>(
  context: RouteContext,
  wireKey: string,
  request: Request<T>,
  options: CallOptions | undefined,
): Promise<T> {
  const turn = context.keyOrder.of(wireKey)
  const answer =
    turn === undefined
      ? routeNow(context, wireKey, request, options)
      : routeAfter(turn, context, wireKey, request, options)
  // A request that is not repeatable changes the item, or may.
  if (!request.repeatable && request.key !== undefined) context.changes.tell(request.key, answer)
  return answer
}

// Functions of their own: a closure costs every call of the function around it.
function routeAfter<T>(
  turn: Promise<void>,
  context: RouteContext,
  wireKey: string,
  request: Request<T>,
  options: CallOptions | undefined,
): Promise<T> {
  const own = new Turn(context, wireKey, request, options)
  return own.orLate(turn.then(() => routeNow(context, wireKey, request, own.begin())))
}

function submitWhen<T>(
  ready: Promise<void>,
  { fleet, keyOrder }: RouteContext,
  wireKey: string,
  request: Request<T>,
  timeout: number,
  signal: AbortSignal | undefined,
): Promise<T> {
  return keyOrder.take(wireKey, async () => {
    await ready
    return () => submit(fleet, wireKey, request, timeout, signal)
  })
}

/** As {@link route}, for a request whose turn it is, where the caller has told of the change. */
export function routeNow<T>(
  context: RouteContext,
  wireKey: string,
  request: Request<T>,
  options: CallOptions | undefined,
): Promise<T> {
  const { fleet } = context
  const timeout = timeoutOf(context, options)
  const signal = options?.signal
  const ready = fleet.ready(signal)
  if (ready === undefined) return submit(fleet, wireKey, request, timeout, signal)
  return submitWhen(ready, context, wireKey, request, timeout, signal)
}

function submit<T>(
  fleet: Fleet,
  wireKey: string,
  request: Request<T>,
  timeout: number,
  signal: AbortSignal | undefined,
): Promise<T> {
  // A request that must not go to another server goes to its own even while that is ejected.
  const server = request.movable ? fleet.serverOf(wireKey) : fleet.homeOf(wireKey)
  return server.submit(request, timeout, signal)
}

/** Milliseconds for a call, whose options were checked. */
export function timeoutOf(context: RouteContext, options: CallOptions | undefined): number {
  return options?.timeout ?? context.timeout
}
