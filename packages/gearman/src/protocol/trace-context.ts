/**
 * What a caller sends to the handler of its job with the workload: the headers of a tracing
 * standard, for example W3C's `traceparent` and `tracestate`.
 */
export type TraceContext = Readonly<Record<string, string>>

/** Begins a workload that has a context in front, as JSON up to the next NUL. */
const MARK = '\0glammp.context\0'

const MARK_BYTES: Buffer = Buffer.from(MARK)

/** Puts a context in front of a workload. */
export function withContext(context: TraceContext, data: string | Uint8Array): string | Uint8Array {
  const header = `${MARK}${JSON.stringify(context)}\0`
  return typeof data === 'string' ? header + data : Buffer.concat([Buffer.from(header), data])
}

/** A workload as its client gave it, and the context that came with it. */
export interface CarriedWorkload {
  readonly context: TraceContext | undefined
  readonly workload: Buffer
}

/**
 * Removes the context from a workload; one without, or with something else there, is left
 * unchanged.
 */
export function takeContext(data: Buffer): CarriedWorkload {
  // For nearly all workloads the first byte is enough to tell.
  if (data[0] !== 0 || !data.subarray(0, MARK.length).equals(MARK_BYTES)) {
    return { context: undefined, workload: data }
  }
  const end = data.indexOf(0, MARK.length)
  try {
    const context: unknown = JSON.parse(data.toString('utf8', MARK.length, end))
    if (end !== -1 && isContext(context)) return { context, workload: data.subarray(end + 1) }
  } catch {}
  return { context: undefined, workload: data }
}

/** Whether every entry is text. */
export function isContext(value: unknown): value is TraceContext {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((entry) => typeof entry === 'string')
  )
}
