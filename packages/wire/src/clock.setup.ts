import { vi } from 'vitest'

// For unit tests: the clock is the one that the process has at the time, so that fake timers move it.
vi.mock('./clock.js', async (original) => {
  const real = await original<typeof import('./clock.js')>()
  return {
    ...real,
    setTimeout: (then: () => void, wait: number) => globalThis.setTimeout(then, wait),
    clearTimeout: (timer: NodeJS.Timeout) => globalThis.clearTimeout(timer),
    setImmediate: (then: () => void) => globalThis.setImmediate(then),
    monotonic: () => performance.now(),
    sleep: (wait: number, value?: unknown) =>
      new Promise((resolve) => globalThis.setTimeout(resolve, wait, value)),
    every: (wait: number, then: () => void) => {
      const timer = globalThis.setInterval(then, wait)
      timer.unref()
      return () => globalThis.clearInterval(timer)
    },
  }
})
