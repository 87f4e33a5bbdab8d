import { performance } from 'node:perf_hooks'
import timers from 'node:timers'
import promised from 'node:timers/promises'

// Taken when the module is loaded: a test's fake timers, installed later, must not stop a client
// that waits for a real server.

/** The real `setTimeout`. */
export const setTimeout: typeof timers.setTimeout = timers.setTimeout

/** The real `clearTimeout`. */
export const clearTimeout: typeof timers.clearTimeout = timers.clearTimeout

/** The real `setImmediate`. */
export const setImmediate: typeof timers.setImmediate = timers.setImmediate

/** The real `queueMicrotask`. */
export const queueMicrotask: typeof globalThis.queueMicrotask =
  globalThis.queueMicrotask.bind(globalThis)

const realTick = process.nextTick

/** The real `process.nextTick`. */
export const nextTick: typeof process.nextTick = realTick.bind(process)

/**
 * Runs code of Node that uses the current `process.nextTick`, such as a socket's: a fake one would
 * keep it waiting.
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

/**
 * Calls back at an interval of the real clock, without keeping the process alive; what it returns
 * ends it.
 */
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

/** The real `performance.now`: milliseconds on a monotonic clock. */
export const monotonic: () => number = performance.now.bind(performance)

/** Resolves after a number of milliseconds, by the real clock. */
export const sleep: typeof promised.setTimeout = promised.setTimeout
