import { messageOf } from '@glammp/wire'
import type { GearmanJob, JobHandler } from '../job.js'

/**
 * Runs around every handler of a worker: before `next()`, after it, instead of it. What it returns
 * completes the job, what it throws ends it.
 *
 * @param next - runs what is inside: the next middleware, finally the handler. Call it once.
 */
export type Middleware = (job: GearmanJob<unknown>, next: () => Promise<unknown>) => unknown

/** The handler with the middleware around it, the first one outermost. */
export function around(
  middleware: readonly Middleware[],
  handler: JobHandler<unknown>,
): JobHandler<unknown> {
  if (middleware.length === 0) return handler
  return (job) => {
    const enter = async (depth: number): Promise<unknown> => {
      const layer = middleware[depth]
      if (layer === undefined) return await handler(job)
      let entered = false
      let left = false
      try {
        return await layer(job, () => {
          if (entered) return Promise.reject(new Error('middleware called next() twice'))
          entered = true
          const inner = enter(depth + 1)
          inner.catch((error: unknown) => {
            // Otherwise nobody would know; the job already has its result.
            if (!left) return
            process.emitWarning(
              `middleware of ${job.functionName} did not wait for next(), which threw: ${messageOf(error)}`,
            )
          })
          return inner
        })
      } finally {
        left = true
      }
    }
    return enter(0)
  }
}
