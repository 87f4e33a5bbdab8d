/** Items that leave a Set before another takes over. */
const MOST_GONE = 256

/**
 * A Set for items that come and go all the time, for the reason that {@link TransientMap} gives:
 * before there are many tables in a row, its items move to a new Set.
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
    // Also for a large Set, this costs no more than adding its items did.
    if (this.#gone >= MOST_GONE && this.#gone >= this.#set.size) {
      this.#set = new Set(this.#set)
      this.#gone = 0
    }
    return true
  }

  /** Takes out all items that are in it now. */
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
