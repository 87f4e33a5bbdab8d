import { performance } from 'node:perf_hooks'
import timers from 'node:timers'
import promised from 'node:timers/promises'

// Taken when the module is loaded: a test's fake timers, put in place later, must not stop a client that waits
// for a real server.

/** The real `setTimeout`. */
export const setTimeout: typeof timers.setTimeout = timers.setTimeout

/** The real `clearTimeout`. */
export const clearTimeout: typeof timers.clearTimeout = timers.clearTimeout

/** The real `setImmediate`. */
export const setImmediate: typeof timers.setImmediate = timers.setImmediate

/** The real `process.nextTick`. */
export const nextTick: typeof process.nextTick = process.nextTick.bind(process)

/** The real `performance.now`: milliseconds on a clock that nobody sets. */
export const monotonic: () => number = performance.now.bind(performance)

/** Resolves after so many milliseconds, by the real clock. */
export const sleep: typeof promised.setTimeout = promised.setTimeout
