interface Waiting {
  readonly callbacks: Set<() => void>
  readonly listener: () => void
}

const waiting = new WeakMap<AbortSignal, Waiting>()

/**
 * Calls back when the signal aborts. However many calls share a signal, it carries one listener:
 * Node warns of a leak from the eleventh on.
 *
 * @returns undoes it.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let entry = waiting.get(signal)
  if (entry === undefined) {
    const callbacks = new Set<() => void>()
    const listener = (): void => {
      waiting.delete(signal)
      for (const call of callbacks) call()
    }
    entry = { callbacks, listener }
    waiting.set(signal, entry)
    signal.addEventListener('abort', listener, { once: true })
  }
  const { callbacks, listener } = entry
  callbacks.add(callback)
  return () => {
    callbacks.delete(callback)
    if (callbacks.size > 0 || signal.aborted) return
    signal.removeEventListener('abort', listener)
    if (waiting.get(signal)?.callbacks === callbacks) waiting.delete(signal)
  }
}
