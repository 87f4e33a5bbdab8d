/** What the process holds after a collection: all of it, and of that the objects, in MB. */
export interface Held {
  readonly resident: number
  readonly heap: number
}

/** Collects what can be collected first; needs `node --expose-gc`. */
export async function held(): Promise<Held> {
  for (let pass = 0; pass < 3; pass += 1) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  return { resident: rss / 1e6, heap: (heapUsed + external) / 1e6 }
}
