const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/**
 * Calls `leave` on the first SIGTERM or SIGINT. The second one finds no listener any more and ends
 * the process, as a person who presses Ctrl-C twice expects.
 *
 * @returns What takes the listeners off.
 */
export function onTermination(leave: () => void): () => void {
  const remove = (): void => {
    for (const signal of SIGNALS) process.removeListener(signal, heard)
  }
  const heard = (): void => {
    remove()
    leave()
  }
  for (const signal of SIGNALS) process.on(signal, heard)
  return remove
}
