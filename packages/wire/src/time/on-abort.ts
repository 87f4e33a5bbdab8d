import { TransientSet } from '../collections/transient-set.js'
import { guarded } from '../guarded.js'

interface Waiting {
  readonly callbacks: TransientSet<() => void>
  readonly listener: () => void
}

const waiting = new WeakMap<AbortSignal, Waiting>()

/**
 * Calls back when the signal aborts. However many calls share a signal, it carries one listener:
 * Node warns of a leak from the eleventh on.
 *
 * @returns a function that undoes it.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let entry = waiting.get(signal)
  if (entry === undefined) {
    const callbacks = new TransientSet<() => void>()
    const listener = (): void => {
      waiting.delete(signal)
      // A callback may undo another one.
      for (const call of [...callbacks]) if (callbacks.has(call)) guarded(call)
    }
    entry = { callbacks, listener }
    signal.addEventListener('abort', listener, { once: true })
    waiting.set(signal, entry)
  }
  const { callbacks, listener } = entry
  callbacks.add(callback)
  return () => {
    callbacks.delete(callback)
    if (callbacks.size > 0 || waiting.get(signal)?.callbacks !== callbacks) return
    waiting.delete(signal)
    try {
      signal.removeEventListener('abort', listener)
    } catch {
      // A signal of another implementation: the listener that it keeps then does nothing.
    }
  }
}

/** Why a signal has aborted; for a signal of another implementation, what its getter throws. */
export function reasonOf(signal: AbortSignal | undefined): unknown {
  try {
    return signal?.reason
  } catch (error) {
    return error
  }
}

/** Waits for work until the signal aborts, then rejects with its reason; the work goes on. */
export function orAborted<T>(work: T | Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return Promise.resolve(work)
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) reject(reasonOf(signal))
    const release = onAbort(signal, () => reject(reasonOf(signal)))
    Promise.resolve(work).then(resolve, reject).finally(release)
  })
}
