import type { JobPlan, Work } from '../program/program.js'

// Workloads, results and pieces of data say whose they are, and their bytes can belong to nothing else.

/** What a message belongs to; `run` and `index` are 0 in a workload. */
interface Mark {
  readonly kind: 'order' | 'result' | 'data' | 'warning'
  readonly job: number
  readonly run: number
  readonly index: number
}

export interface Message extends Mark {
  /** In a workload: what the handler shall do. */
  readonly work?: Work
}

const BLOCK_SIZE = 1 << 20
const LONGEST = 200_000

/** Bytes without a pattern: each mark has its filling from another place of it. */
const block = ((): Buffer => {
  const bytes = Buffer.alloc(BLOCK_SIZE)
  let state = 1
  for (let index = 0; index < BLOCK_SIZE; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    bytes[index] = state >>> 24
  }
  return bytes
})()

const filling = ({ kind, job, run, index }: Mark, size: number): Buffer => {
  let place = kind.length
  for (const part of [job, run, index]) place = Math.imul(place ^ part, 0x01000193)
  const start = (place >>> 0) % (BLOCK_SIZE - LONGEST)
  return block.subarray(start, start + size)
}

export const seal = (message: Message, size: number): Buffer => {
  const head = JSON.stringify({ ...message, size })
  return Buffer.concat([Buffer.from(`${head}\n`), filling(message, size)])
}

export const orderOf = ({ id, work, size }: JobPlan): Buffer =>
  seal({ kind: 'order', job: id, run: 0, index: 0, work }, size)

/** Undefined for bytes that no `seal` made. */
export const open = (bytes: Buffer): Message | undefined => {
  const end = bytes.indexOf(0x0a)
  if (end < 0) return undefined
  try {
    const message = JSON.parse(bytes.toString('utf8', 0, end)) as Message & { size: number }
    const rest = bytes.subarray(end + 1)
    return rest.equals(filling(message, message.size)) ? message : undefined
  } catch {
    return undefined
  }
}

/** Progress has only two numbers: the job with the step, and the run. */
export const STEPS = 1_000

export const thrownText = (job: number, run: number): string => `job ${job} in run ${run} throws`
