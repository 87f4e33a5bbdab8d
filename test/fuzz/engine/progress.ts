/** What a thread is given. */
export interface Assignment {
  readonly name: string
  readonly milliseconds: number
  readonly seed: number
  /** How many inputs were begun, the length of the last one, and its bytes. */
  readonly progress: SharedArrayBuffer
}

/** What a thread says at its end. */
export interface Outcome {
  readonly runs: number
  /** Places of the code, with how often each ran. */
  readonly reached: number
  /** Inputs that together reach all of them. */
  readonly kept: number
  readonly finding: { readonly input: Uint8Array; readonly problem: string } | undefined
}

/** Bytes before those of the input. */
export const PROGRESS_HEAD = 8
