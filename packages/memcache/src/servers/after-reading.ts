import { setImmediate } from '@glammp/wire'

/**
 * Calls back when the sockets were read once more. A process that was busy, or frozen, finds every
 * server silent and no connection lost, while answers and ends wait in its sockets.
 */
export function afterReading(then: () => void): void {
  // The first immediate may still belong to the round that was busy; the sockets are read before the second.
  setImmediate(() => setImmediate(then))
}
