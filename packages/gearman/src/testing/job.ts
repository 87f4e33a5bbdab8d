import { utf8 } from './c-text.js'
import type { Ability, JobFunction } from './job-function.js'
import type { Session } from './session.js'

/** In the order in which they run. */
export const PRIORITIES = ['high', 'normal', 'low'] as const

export type Priority = (typeof PRIORITIES)[number]

/** A job as {@link GearmanServer.jobs} shows it. */
export interface ServerJob {
  readonly handle: string
  /** Name of its function. */
  readonly fn: string
  readonly unique: string
  readonly workload: Buffer
  readonly priority: Priority
  /** Submitted for no client to wait. */
  readonly background: boolean
  /** A worker has it; otherwise it waits in the queue. */
  readonly running: boolean
  /** How many times a worker was lost with it, or gave it back. */
  readonly retries: number
  /** As its worker said, with {@link denominator}; 0 before. */
  readonly numerator: number
  readonly denominator: number
  /** How many submissions wait for its result. */
  readonly clients: number
  /** Its clients are gone, or it was cancelled: it will not run. */
  readonly abandoned: boolean
  /** Not before this time. */
  readonly notBefore: Date | undefined
  /** Of SUBMIT_REDUCE_JOB. */
  readonly reducer: string | undefined
}

/** A submission whose client waits for the result. */
export interface Waiter {
  readonly session: Session
  readonly job: Job
}

/** What a client submits. Text has a character for each byte. */
export interface Order {
  readonly fn: JobFunction
  readonly unique: string
  readonly workload: Buffer
  readonly priority: Priority
  readonly background: boolean
  /** In seconds; 0 for at once. */
  readonly when: number
  readonly reducer: string
}

/** Equal for jobs that may be one; empty for a job that is no other's. `-` stands for the workload. */
export function keyOf(unique: string, workload: Buffer): string {
  return unique === '-' ? workload.toString('latin1') : unique
}

/** A job that was submitted and has not ended. */
export class Job {
  readonly handle: string
  readonly order: Order
  /** As gearmand stores it: at most 63 bytes. */
  readonly unique: string
  /** By which it is found as one that was submitted before. */
  readonly key: string
  readonly waiters: Set<Waiter> = new Set()
  /** Whose it is while it runs. */
  ability: Ability | undefined
  /** The next in its queue. */
  next: Job | undefined
  /** Would be kept over a restart, by a gearmand that keeps jobs. */
  isKept: boolean
  isIgnored = false
  retries = 0
  numerator = 0
  denominator = 0

  constructor(handle: string, order: Order) {
    this.handle = handle
    this.order = order
    this.unique = order.unique.slice(0, 63)
    this.key = keyOf(order.unique, order.workload)
    this.isKept = order.background
  }

  /** Whether it waits for its time. */
  isEarly(now: number): boolean {
    return this.order.when > now
  }

  /** Whether a worker has it, or may take it. */
  isOpen(now: number): boolean {
    return this.ability !== undefined || !(this.isIgnored || this.isEarly(now))
  }

  show(): ServerJob {
    const { fn, workload, priority, background, when, reducer } = this.order
    return {
      handle: this.handle,
      fn: utf8(fn.name),
      unique: utf8(this.unique),
      workload,
      priority,
      background,
      running: this.ability !== undefined,
      retries: this.retries,
      numerator: this.numerator,
      denominator: this.denominator,
      clients: this.waiters.size,
      abandoned: this.isIgnored,
      notBefore: when > 0 ? new Date(when * 1_000) : undefined,
      reducer: reducer === '' ? undefined : utf8(reducer),
    }
  }
}
