import { clearTimeout, setTimeout } from '../clock.js'
import { onAbort } from './on-abort.js'

/** How long a `close` waits. */
export interface CloseOptions {
  /**
   * Milliseconds to wait for what is under way; then it is given up.
   * @defaultValue none: as long as it takes
   */
  readonly timeout?: number | undefined
  /** Gives up what is under way as soon as it aborts. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Waits for an end, and no longer than its caller does.
 *
 * @param force Brings the end about when `timeout` is over or the signal aborts; is told which.
 */
export async function endWithin(
  ended: Promise<void>,
  { timeout, signal }: CloseOptions,
  force: (why: string) => void | Promise<void>,
): Promise<void> {
  let forget = (): void => {}
  const forced = new Promise<void>((resolve, reject) => {
    const leave = (why: string): void => {
      forget()
      Promise.resolve(force(why)).then(resolve, reject)
    }
    const timer =
      timeout === undefined
        ? undefined
        : setTimeout(() => leave(`left after ${timeout} ms`), timeout)
    const aborted = (): void => leave('left, for its signal aborted')
    const unlisten = signal === undefined ? () => {} : onAbort(signal, aborted)
    forget = () => {
      clearTimeout(timer)
      unlisten()
    }
    if (signal?.aborted) aborted()
  })
  try {
    await Promise.race([ended, forced])
  } finally {
    forget()
  }
}
