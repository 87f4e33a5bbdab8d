import type { Op } from './program.js'

/** What a call came to. */
type Outcome =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly error: unknown }

/** One run of a function that `wrap` was given. */
export interface Load {
  readonly key: string
  /** The name of its value. */
  readonly name: string
  readonly start: number
  end: number
}

/** One call of a client, as it was made and as it ended; times are of one monotonic clock. */
export interface Call {
  /** In the order in which calls were made. */
  readonly order: number
  readonly client: number
  readonly caller: number
  readonly op: Exclude<Op, 'swap'> | 'cas'
  readonly keys: readonly string[]
  /** Names of what it writes, in the order of its keys. */
  readonly names: readonly string[]
  /** What it counts by or starts a counter with. */
  readonly amount: number
  /** The name of what `gets` had read, for `cas`. */
  readonly expected: string | undefined
  /** When that `gets` was called. */
  readonly expectedSince: number
  readonly loads: Load[]
  readonly start: number
  end: number
  outcome: Outcome | undefined
}

export interface MadeCall extends Pick<Call, 'client' | 'caller' | 'op' | 'keys'> {
  readonly names?: readonly string[]
  readonly amount?: number
  readonly expected?: string | undefined
  readonly expectedSince?: number
}

/** Every call of a program. */
export class Recorder {
  readonly calls: Call[] = []
  /** How many of them have ended. */
  ended = 0

  /** Makes a call, and resolves when it has ended, however it did. */
  async record(made: MadeCall, run: (call: Call) => Promise<unknown>): Promise<Call> {
    const call: Call = {
      names: [],
      amount: 0,
      expected: undefined,
      expectedSince: 0,
      ...made,
      order: this.calls.length,
      loads: [],
      start: performance.now(),
      end: Number.POSITIVE_INFINITY,
      outcome: undefined,
    }
    this.calls.push(call)
    try {
      const value = await run(call)
      call.end = performance.now()
      call.outcome = { kind: 'returned', value }
    } catch (error) {
      call.end = performance.now()
      call.outcome = { kind: 'failed', error }
    }
    this.ended += 1
    return call
  }
}
