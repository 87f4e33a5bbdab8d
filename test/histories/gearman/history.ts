import type { JobPlan, Method, Program } from './program/program.js'

// What happened when a program ran. All times are milliseconds from its start.

export interface History {
  readonly program: Program
  /** The server behind each address, by which handles and errors name it. */
  readonly addresses: ReadonlyMap<string, number>
  readonly calls: readonly Call[]
  readonly runs: readonly Run[]
  readonly asked: readonly Asked[]
  readonly troubles: readonly Trouble[]
  /** Milliseconds of a time in which the program's process was busy, or had no processor. */
  readonly busy: (from: number, until: number) => number
  readonly departures: readonly Departure[]
  /** What each had to show once all was well again. */
  readonly proofs: readonly Proof[]
  /** Errors that nobody handled. */
  readonly unhandled: readonly string[]
  /** When all faults were over. */
  readonly healed: number
}

/** A job that a client submitted. */
export interface Call {
  readonly job: JobPlan
  readonly client: number
  /** How many clients had that place before. */
  readonly life: number
  readonly method: Method
  readonly timeout: number | undefined
  readonly retries: number
  readonly begun: number
  /** Not before the end for those that tell no handle earlier. */
  handle: string | undefined
  ended: number | undefined
  outcome: Outcome | undefined
  /** What the caller was told, in order. */
  readonly seen: Seen[]
}

export type Outcome =
  | { readonly kind: 'result'; readonly job: number; readonly run: number }
  /** Bytes that nobody has sent. */
  | { readonly kind: 'garbage' }
  | { readonly kind: 'handle' }
  | ({ readonly kind: 'error' } & Failure)

export interface Failure {
  /** Whether it is one of the package's errors. */
  readonly own: boolean
  readonly code: string
  readonly message: string
  readonly server: string | undefined
  /** What the handler threw. */
  readonly thrown: string | undefined
}

/** `end`: an event that says that the task is over. */
export type Seen =
  | {
      readonly what: 'data' | 'warning' | 'status'
      readonly job: number
      readonly run: number
      readonly index: number
    }
  | { readonly what: 'garbage' }
  | { readonly what: 'end' }

/** One run of a handler. */
export interface Run {
  readonly run: number
  readonly worker: number
  readonly life: number
  /** 0 for a workload that nobody has sent. */
  readonly job: number
  readonly handle: string
  readonly begun: number
  /** When the handler was done, and how: `lost` if it gave up because its connection was lost. */
  ended: number | undefined
  how: 'complete' | 'exception' | 'fail' | 'lost' | undefined
}

export interface Asked {
  readonly client: number
  readonly life: number
  readonly how: 'jobStatus' | 'jobStatusByUnique' | 'ping'
  readonly job: number
  readonly handle: string | undefined
  readonly begun: number
  ended: number | undefined
  failure: Failure | undefined
  answer: Answer | undefined
}

interface Answer {
  readonly known: boolean
  readonly running: boolean
  readonly numerator: number
  readonly denominator: number
}

/** Something that went wrong on purpose, or a machine that was too slow. */
export interface Trouble {
  readonly what: string
  readonly where: Place
  readonly from: number
  until: number
}

export type Place =
  | { readonly kind: 'proxy'; readonly proxy: number }
  /** `killed`: it forgets what is not in its file. */
  | { readonly kind: 'server'; readonly server: number; readonly killed: boolean }
  | { readonly kind: 'worker'; readonly worker: number }
  | { readonly kind: 'client'; readonly client: number }

/** A worker or client that was closed. */
export interface Departure {
  readonly who: 'worker' | 'client'
  readonly index: number
  readonly life: number
  readonly begun: number
  ended: number | undefined
  /** Why it went wrong. */
  failure: string | undefined
  readonly timeout: number | undefined
}

export interface Proof {
  readonly what: string
  /** Undefined if it was right. */
  readonly failure: string | undefined
  readonly took: number
}
