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

const realTick = process.nextTick

/** The real `process.nextTick`. */
export const nextTick: typeof process.nextTick = realTick.bind(process)

/**
 * Runs what belongs to Node and takes `process.nextTick` as it finds it, such as a socket: a fake one
 * would keep it waiting.
 */
export function onRealTicks<T>(run: () => T): T {
  const { nextTick: found } = process
  if (found === realTick) return run()
  process.nextTick = realTick
  try {
    return run()
  } finally {
    process.nextTick = found
  }
}

/** Calls back again and again by the real clock, and keeps no process alive; what it returns ends it. */
export function every(milliseconds: number, callback: () => void): () => void {
  let timer: NodeJS.Timeout
  const wait = (): void => {
    timer = setTimeout(() => {
      wait()
      callback()
    }, milliseconds)
    timer.unref()
  }
  wait()
  return () => clearTimeout(timer)
}

/** The real `performance.now`: milliseconds on a clock that nobody sets. */
export const monotonic: () => number = performance.now.bind(performance)

/** Resolves after so many milliseconds, by the real clock. */
export const sleep: typeof promised.setTimeout = promised.setTimeout
