/** Keys watched at most; the one that waits longest goes first. */
const MOST = 1_000

interface Sight {
  readonly cas: string
  readonly since: number
}

/**
 * Remembers since when each key's win token has been out. The server hands a token out once and
 * never takes it back: if the winner has died, an item that it should have replaced keeps saying
 * `Z` until it expires. Who has seen the same item in that state for longer than a lease may
 * take the token away.
 */
export class TokenWatch {
  readonly #sights = new Map<string, Sight>()

  /** True where this cas token of the key was first seen over `milliseconds` ago. */
  isOverdue(wireKey: string, cas: string, milliseconds: number): boolean {
    const now = performance.now()
    const sight = this.#sights.get(wireKey)
    if (sight?.cas === cas) return now - sight.since > milliseconds
    this.#sights.delete(wireKey)
    this.#sights.set(wireKey, { cas, since: now })
    if (this.#sights.size > MOST) {
      const [oldest] = this.#sights.keys()
      if (oldest !== undefined) this.#sights.delete(oldest)
    }
    return false
  }
}
