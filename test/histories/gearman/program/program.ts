// What a seed draws: servers, who uses them, and what happens when. Plain data.

export interface Program {
  readonly servers: readonly ServerPlan[]
  readonly proxies: readonly ProxyPlan[]
  readonly clients: readonly ClientPlan[]
  readonly workers: readonly WorkerPlan[]
  /** In the order of their times. */
  readonly steps: readonly Step[]
}

export interface ServerPlan {
  /** Whether it keeps background jobs in a file (libsqlite3). */
  readonly persistent: boolean
}

interface ProxyPlan {
  readonly server: number
}

/** What a client and a worker have in common. */
export interface NodePlan {
  /** For each server of the program how it is reached: through a proxy, directly, or not at all. */
  readonly ways: readonly Way[]
  readonly timeout: number
  readonly connectTimeout: number
  readonly heartbeat: number | false
}

/** The number of a proxy. */
export type Way = number | 'direct' | 'none'

export type ClientPlan = NodePlan

export interface WorkerPlan extends NodePlan {
  /** Whether it is a process of its own, which can be killed. */
  readonly process: boolean
  readonly concurrency: number
}

/** Milliseconds from the start, and what happens then. */
export type Step = { readonly at: number } & Action

export type Action =
  | CallAction
  | AskAction
  | FaultAction
  | ServerAction
  | WorkerAction
  | CloseAction

export const BACKGROUND = ['doBackground', 'doHighBackground', 'doLowBackground'] as const

/** `loop` is `submit`, its data read by a loop. */
export type Method =
  | 'do'
  | 'doHigh'
  | 'doLow'
  | 'submit'
  | 'loop'
  | 'runTasks'
  | (typeof BACKGROUND)[number]

export interface CallAction {
  readonly kind: 'call'
  readonly client: number
  readonly method: Method
  /** One; more only for `runTasks`. */
  readonly jobs: readonly JobPlan[]
  readonly timeout: number | undefined
  readonly retries: number
}

export interface JobPlan {
  /** From 1; no other job of the program has it. */
  readonly id: number
  readonly fn: string
  /** Jobs of a function with equal ids may be run as one. */
  readonly unique: string | undefined
  /** Bytes of the workload. */
  readonly size: number
  readonly work: Work
}

/** What the handler does. */
export interface Work {
  /** Milliseconds. */
  readonly takes: number
  /** How many of each are sent. */
  readonly data: number
  readonly status: number
  readonly warnings: number
  /** Bytes of each piece of data, and of the result. */
  readonly bytes: number
  readonly ends: 'complete' | 'exception' | 'fail'
}

export interface AskAction {
  readonly kind: 'ask'
  readonly client: number
  readonly how: 'jobStatus' | 'jobStatusByUnique' | 'ping'
  /** A background job; one that was not acknowledged yet is not asked about. */
  readonly job: number
}

export type FaultName =
  | 'delay'
  | 'stall'
  | 'black hole'
  | 'reset'
  | 'half-close'
  | 'cut at byte'
  | 'drip'
  | 'bandwidth'
  | 'refuse'

export interface FaultAction {
  readonly kind: 'fault'
  readonly proxy: number
  readonly fault: FaultName
  readonly direction: 'toServer' | 'toClient' | 'both'
  /** Milliseconds; `reset` and `half-close` take none. */
  readonly lasts: number
  /** Milliseconds of delay, bytes until the cut, bytes of a piece, bytes a millisecond. */
  readonly amount: number
}

/** `kill` is SIGKILL and a restart, `freeze` SIGSTOP and SIGCONT, after so many milliseconds. */
export interface ServerAction {
  readonly kind: 'kill' | 'freeze'
  readonly server: number
  readonly lasts: number
}

/** A process is killed, or a worker closed; another one takes its place after `lasts`. */
export interface WorkerAction {
  readonly kind: 'shoot' | 'drain'
  readonly worker: number
  readonly lasts: number
  /** The time that `close` is given; none: as long as it takes. */
  readonly timeout: number | undefined
}

/** A client is closed amid its calls; another one takes its place at once. */
interface CloseAction {
  readonly kind: 'close'
  readonly client: number
}
