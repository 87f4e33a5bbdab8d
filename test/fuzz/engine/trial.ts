import { shownError, type Target } from './target.js'

/** Milliseconds that reading an input may take, after which it counts as a hang. */
const LONGEST = 1_000

/** What an allocation of Buffers may take beyond the input, unless the target says otherwise. */
const MEMORY = 4 << 20
const MEMORY_A_BYTE = 64

/** Bytes of the Buffers that were asked for since it was set to 0. */
let allocated = 0

/** Counts the bytes of all Buffers that the process allocates from here on. */
export function countBuffers(): void {
  for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
    const original = Buffer[name]
    Buffer[name] = (size: number, ...rest: []) => {
      allocated += size
      return original(size, ...rest)
    }
  }
}

/** Has a target read an input. @returns what is wrong; `undefined` for nothing. */
export async function trial(target: Target, input: Buffer): Promise<string | undefined> {
  allocated = 0
  const begin = performance.now()
  try {
    // What is read must not be changed by the reader, nor by the next input.
    const result = target.run(Buffer.from(input))
    if (result !== undefined) await result
  } catch (error) {
    return shownError(error)
  }
  const bound = target.memory?.(input) ?? MEMORY + MEMORY_A_BYTE * input.length
  if (allocated > bound) return `over ${bound} bytes of Buffers allocated`
  if (performance.now() - begin <= LONGEST) return undefined
  return (await isSlow(target, input)) ? `over ${LONGEST} ms` : undefined
}

// The machine may have been busy: only what is slow each time is.
async function isSlowOnce(target: Target, input: Buffer): Promise<boolean> {
  const begin = performance.now()
  await target.run(Buffer.from(input))
  return performance.now() - begin > LONGEST
}

async function isSlow(target: Target, input: Buffer): Promise<boolean> {
  return (await isSlowOnce(target, input)) && (await isSlowOnce(target, input))
}
