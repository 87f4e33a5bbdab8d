type Listener = (what: string) => void

const listeners = new Set<Listener>()

const tell =
  (what: string) =>
  (error: unknown): void => {
    const text = error instanceof Error ? error.stack : error
    for (const listener of listeners) listener(`${what}: ${text}`)
  }
const onRejection = tell('an unhandled rejection')
const onException = tell('an uncaught exception')

/**
 * Collects what nobody handles from now on; what it returns gives it and stops. Programs that run
 * side by side all see it: the process cannot tell whose it is.
 */
export const unhandledBy = (): (() => string[]) => {
  const seen: string[] = []
  const listener: Listener = (what) => seen.push(what)
  if (listeners.size === 0) {
    process.on('unhandledRejection', onRejection)
    process.on('uncaughtException', onException)
  }
  listeners.add(listener)
  return () => {
    if (listeners.delete(listener) && listeners.size === 0) {
      process.off('unhandledRejection', onRejection)
      process.off('uncaughtException', onException)
    }
    return seen
  }
}
