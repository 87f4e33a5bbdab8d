import { type BackoffOptions, backOff } from '@glammp/wire'

// How long clients, workers and the runner wait after a failure, and how often they try again. All
// waits grow and are random as in `backOff` of wire.

/** How long other servers are preferred after a failed attempt of a client to connect. */
export const SERVER_REST: BackoffOptions = { base: 100, cap: 2_000 }

/** Waits of a worker before it connects again. */
export const RECONNECT: BackoffOptions = { base: 100, cap: 3_000 }

/** Waits before a job that may have arrived is sent again. */
const RESEND: BackoffOptions = { base: 200, cap: 2_400, jitter: 0.5 }

/**
 * The wait before a job that may have arrived is sent again; `undefined` if it is not sent again.
 *
 * @param resent - how often it was sent again before.
 * @param retries - the option.
 */
export function resendWait(resent: number, retries: number): number | undefined {
  return resent < retries ? backOff(resent, RESEND) : undefined
}

/** Wake-ups in a row that may be for nothing. */
const MAX_FRUITLESS = 8
/** Pauses after more of them: with 100 ms, a worker with four slots used 1.2 % of a core. */
const FRUITLESS: BackoffOptions = { base: 2, cap: 250, jitter: 0.2 }

/** Milliseconds to pause after a number of wake-ups for nothing. */
export function wakeUpPause(fruitless: number): number {
  return fruitless <= MAX_FRUITLESS ? 0 : backOff(fruitless - MAX_FRUITLESS - 1, FRUITLESS)
}

/** Waits before a process of the runner that ended is started again. */
export const RESTART: BackoffOptions = { base: 1_000, cap: 30_000, jitter: 0.9 }
/** The wait if it could not be started at all; trying that again costs next to nothing. */
export const NEXT_START: BackoffOptions = { base: 1_500, cap: 1_500, jitter: 0.5 }
/** Milliseconds after which a process that ends counts as one that was working. */
export const HEALTHY = 10_000
