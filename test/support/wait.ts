import { type EventEmitter, once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

export interface WaitOptions {
  /** Milliseconds; 20,000 by default: on a busy machine a process may take ten seconds to start. */
  readonly timeout?: number | undefined
  /** Milliseconds between two looks; 10 by default. */
  readonly interval?: number | undefined
  /** What is waited for, as the error shall say it. */
  readonly what?: string | undefined
}

const DEFAULT_TIMEOUT = 20_000

/**
 * Waits until the predicate answers something true, and resolves with that. A predicate that throws
 * is asked again; its last error is the cause of the error at the end.
 */
export const waitFor = async <T>(
  predicate: () => T | Promise<T>,
  { timeout = DEFAULT_TIMEOUT, interval = 10, what = 'the condition' }: WaitOptions = {},
): Promise<NonNullable<T>> => {
  const end = performance.now() + timeout
  let cause: unknown
  for (;;) {
    try {
      const found = await predicate()
      if (found) return found
      cause = undefined
    } catch (error) {
      cause = error
    }
    if (performance.now() >= end) {
      throw new Error(`waited ${timeout} ms in vain for ${what}`, { cause })
    }
    await sleep(interval)
  }
}

/** Waits for one event and resolves with its first argument; also ends on `error` or the timeout. */
export const waitForEvent = async (
  emitter: EventEmitter,
  event: string,
  { timeout = DEFAULT_TIMEOUT, what = `the event '${event}'` }: WaitOptions = {},
): Promise<unknown> => {
  const signal = AbortSignal.timeout(timeout)
  try {
    const [first] = await once(emitter, event, { signal })
    return first
  } catch (error) {
    if (!signal.aborted) throw error
    throw new Error(`waited ${timeout} ms in vain for ${what}`)
  }
}
