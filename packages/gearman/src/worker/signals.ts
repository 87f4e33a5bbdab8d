const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/**
 * Callbacks for a signal: one listener for all, because Node warns of a leak from the eleventh on.
 */
const leaving: Set<() => void> = new Set()

/**
 * Calls `leave` on the first SIGTERM or SIGINT. The second one finds no listener any more and ends
 * the process, as a person who presses Ctrl-C twice expects.
 *
 * @returns A function that removes it.
 */
export function onTermination(leave: () => void): () => void {
  // The same function may be given twice.
  const own = (): void => leave()
  if (leaving.size === 0) for (const signal of SIGNALS) process.on(signal, heard)
  leaving.add(own)
  return () => {
    if (leaving.delete(own) && leaving.size === 0) unlisten()
  }
}

function heard(): void {
  const all = [...leaving]
  leaving.clear()
  unlisten()
  for (const leave of all) leave()
}

function unlisten(): void {
  for (const signal of SIGNALS) process.removeListener(signal, heard)
}
