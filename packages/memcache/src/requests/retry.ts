import type { BackoffOptions, Fault } from '@glammp/wire'
import type { Request } from './request.js'

// How long the client waits after a failure, and how often it tries again. All waits grow and are
// random as in `backOff` of wire.

/** The rest of a server after a failed connection. */
export const RECONNECT: BackoffOptions = { base: 50, cap: 1_000 }

/**
 * Waits between two probes of a server that was left out, a quarter more or less than `cooldown`.
 */
export function probing(cooldown: number): BackoffOptions {
  return { base: 1.25 * cooldown, cap: 1.25 * Math.max(30_000, cooldown), jitter: 0.4 }
}

/** Milliseconds between two probes of a server that was left out, where no other one is left. */
export const LAST_HOPE = 1_000

/**
 * Milliseconds without a failure after which a server that was left out is trusted like a new one.
 */
export const GOOD_CONDUCT = 60_000

/** Rest of a key whose load in the background failed. */
export const LOAD_REST: BackoffOptions = { base: 500, cap: 60_000, jitter: 0.5 }

/** Waits between two looks at what another one computes. */
export const LOOK: BackoffOptions = { base: 30, cap: 90, jitter: 2 / 3 }

/** Waits between two attempts to release a lock whose answer was lost. */
export const LOCK_RETURN: BackoffOptions = { base: 100, cap: 1_000, jitter: 0.5 }

/**
 * Attempts to release it, and those that find no such lock: what was sent may still be under way.
 */
export const LOCK_RETURNS = { all: 60, absent: 6 }

/** A server runs one crawler at a time: waits between two requests to it. */
export const CRAWLER_BUSY: BackoffOptions = { base: 150, cap: 150, jitter: 0.5 }

/** How often a busy crawler is asked. */
export const CRAWLER_ATTEMPTS = 20

/** How often a counter is counted or else created, if others remove it meanwhile. */
export const COUNTER_ATTEMPTS = 5

/** How often the versions of tags are read or else created, if others remove them meanwhile. */
export const TAG_ATTEMPTS = 5

/** Whether a request that may have been carried out is sent again. @param retries - the option. */
export function isRepeated(
  { repeatable, course }: Request,
  reason: Fault,
  retries: number,
): boolean {
  const { settled, lapsed, attempts } = course
  return !settled && !lapsed && repeatable && reason.kind === 'lost' && attempts < retries
}
