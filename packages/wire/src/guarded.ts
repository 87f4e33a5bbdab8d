import type { EventEmitter } from 'node:events'
import { nextTick } from './clock.js'

/**
 * Runs a function of a user, such as a listener, in the middle of our own work. What it throws
 * becomes an uncaught exception of the process, as with any listener, once our work of this tick is
 * done: our own state is not affected.
 */
export function guarded(callback: () => void): void {
  try {
    callback()
  } catch (error) {
    nextTick(rethrow, error)
  }
}

/**
 * Calls all listeners of an event, each {@link guarded}: one that throws does not keep the others
 * from being called.
 */
export function tell(emitter: object, event: string, ...args: unknown[]): void {
  for (const listener of (emitter as EventEmitter).rawListeners(event)) {
    guarded(() => Reflect.apply(listener, emitter, args))
  }
}

function rethrow(error: unknown): never {
  throw error
}
