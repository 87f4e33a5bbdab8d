/** One decoder or reader, and what the fuzzer does with it. */
export interface Target {
  readonly name: string
  /** Valid inputs, to begin with. */
  readonly seeds: readonly (string | Uint8Array)[]
  /** Words of the format. */
  readonly words: readonly string[]
  /** Bytes of the longest input that is made. @defaultValue 4096 */
  readonly longest?: number
  /** The most bytes of Buffers that may be allocated for an input. */
  readonly memory?: (input: Buffer) => number
  /**
   * Reads the input.
   *
   * @throws what should not have happened.
   */
  run(input: Buffer): void | Promise<void>
}

type ErrorClass = abstract new (...args: never[]) => Error

/**
 * What the reading gives; `undefined` if it ends in an error that the reader promises.
 *
 * @throws any other error, with the name of its class.
 */
export function only<T>(promised: readonly ErrorClass[], read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (promised.some((each) => error instanceof each)) return undefined
    throw new Error(`not an error of ours: ${shownError(error)}`, { cause: error })
  }
}

export function shownError(error: unknown): string {
  return error instanceof Error ? `${error.constructor.name}: ${error.message}` : String(error)
}

/**
 * Bytes in pieces: whole, byte by byte, and cut at three places that the bytes themselves choose, so
 * that an input always does the same.
 */
function piecesOf(input: Buffer): Buffer[][] {
  const ways = [[input]]
  if (input.length <= 256) ways.push(Array.from(input, (byte) => Buffer.of(byte)))
  let sum = input.length
  for (const byte of input) sum = (sum * 31 + byte) >>> 0
  for (let turn = 0; turn < 3; turn += 1) {
    const at = sum % (input.length + 1)
    ways.push([input.subarray(0, at), input.subarray(at)].filter(({ length }) => length > 0))
    sum = (Math.imul(sum, 0x9e37_79b1) + turn) >>> 0
  }
  return ways
}

/** @throws if the bytes do not give the same however they are cut. */
export function sameHoweverCut(input: Buffer, told: (pieces: Buffer[]) => readonly string[]): void {
  const [whole = [], ...cut] = piecesOf(input)
  const expected = JSON.stringify(told(whole))
  for (const pieces of cut) {
    const got = JSON.stringify(told(pieces))
    if (got === expected) continue
    const sizes = pieces.map(({ length }) => length).join(', ')
    throw new Error(`cut into ${sizes}: ${got.slice(0, 500)} instead of ${expected.slice(0, 500)}`)
  }
}
