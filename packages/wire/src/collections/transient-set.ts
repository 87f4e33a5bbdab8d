/** Items that leave a Set before another takes over. */
const MOST_GONE = 256

/**
 * A Set for what comes and goes all the time, for the reason that {@link TransientMap} gives: before
 * the tables that follow one another become many, those that are in it go to a new Set.
 */
export class TransientSet<T> implements Iterable<T> {
  #set = new Set<T>()
  #gone = 0

  get size(): number {
    return this.#set.size
  }

  has(item: T): boolean {
    return this.#set.has(item)
  }

  add(item: T): void {
    this.#set.add(item)
  }

  /** @returns whether it was there. */
  delete(item: T): boolean {
    if (!this.#set.delete(item)) return false
    this.#gone += 1
    // Also for a large one, it costs no more than each to have come.
    if (this.#gone >= MOST_GONE && this.#gone >= this.#set.size) {
      this.#set = new Set(this.#set)
      this.#gone = 0
    }
    return true
  }

  /** Those that are there now, taken out. */
  drain(): T[] {
    const all = [...this.#set]
    this.#set = new Set()
    this.#gone = 0
    return all
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#set.values()
  }
}
