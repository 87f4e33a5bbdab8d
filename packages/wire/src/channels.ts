import type { TracingChannel } from 'node:diagnostics_channel'

/** True while anybody listens; costs next to nothing, so it is asked for every call. */
export function isWatched(channel: TracingChannel<unknown, object>): boolean {
  // TracingChannel has a property for this from Node 20.13 on.
  return (
    channel.start.hasSubscribers ||
    channel.asyncEnd.hasSubscribers ||
    channel.error.hasSubscribers ||
    channel.asyncStart.hasSubscribers ||
    channel.end.hasSubscribers
  )
}

/**
 * Publishes a call as `tracePromise` does, but without its result: a subscriber must not see what
 * is in a cache.
 *
 * @param settled - completes the message before `asyncStart` is published.
 */
export function traced<T, M extends { error?: unknown }>(
  channel: TracingChannel<unknown, M>,
  message: M,
  run: () => Promise<T>,
  settled: () => void,
): Promise<T> {
  const done = (): void => {
    channel.asyncStart.publish(message)
    channel.asyncEnd.publish(message)
  }
  const call = channel.start.runStores(message, run)
  channel.end.publish(message)
  return call.then(
    (value) => {
      settled()
      done()
      return value
    },
    (error: unknown) => {
      settled()
      message.error = error
      channel.error.publish(message)
      done()
      throw error
    },
  )
}
