import type { EventEmitter } from 'node:events'
import { nextTick } from './clock.js'

/**
 * Runs a function of a user, such as a listener, in the middle of our own work. What it throws is the
 * process's uncaught exception, as with any listener, once our work of this tick is done: it changes
 * nothing of ours.
 */
export function guarded(callback: () => void): void {
  try {
    callback()
  } catch (error) {
    nextTick(rethrow, error)
  }
}

/** Tells all listeners of an event, each {@link guarded}: one that throws keeps no other from hearing. */
export function tell(emitter: object, event: string, ...args: unknown[]): void {
  for (const listener of (emitter as EventEmitter).rawListeners(event)) {
    guarded(() => Reflect.apply(listener, emitter, args))
  }
}

function rethrow(error: unknown): never {
  throw error
}
