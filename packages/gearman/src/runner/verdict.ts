/** What a process tells its supervisor if starting it again would not help. */
const VERDICT = 'glammp-worker: final'

/** A handler may end its process with any exit code, so that the code alone says nothing. */
export function isVerdict(message: unknown): boolean {
  return message === VERDICT
}

/** Tells the supervisor; resolves when it was told, or has ended. */
export function tellVerdict(): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve()
    else process.send(VERDICT, () => resolve())
  })
}
