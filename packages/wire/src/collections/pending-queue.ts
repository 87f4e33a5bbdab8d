/**
 * First in, first out, in constant time: what is in flight on a connection, in the order of the
 * answers. A ring of slots that doubles when it is full and halves when it is mostly empty.
 */
export class PendingQueue<T> {
  #slots: (T | undefined)[] = new Array(16).fill(undefined)
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(item: T): void {
    if (this.#size === this.#slots.length) this.#resize(this.#size * 2)
    this.#slots[(this.#head + this.#size) & (this.#slots.length - 1)] = item
    this.#size += 1
  }

  /** The oldest item, which stays. */
  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#slots[this.#head]
  }

  /** Whether the test holds for one of them, the youngest first. */
  some(test: (item: T) => boolean): boolean {
    for (let index = this.#size - 1; index >= 0; index -= 1) {
      const item = this.#slots[(this.#head + index) & (this.#slots.length - 1)]
      if (item !== undefined && test(item)) return true
    }
    return false
  }

  /** The oldest item, taken out. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined
    const item = this.#slots[this.#head]
    this.#slots[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#slots.length - 1)
    this.#size -= 1
    if (this.#slots.length > 1024 && this.#size < this.#slots.length / 8) {
      this.#resize(this.#slots.length / 2)
    }
    return item
  }

  /** Every item, oldest first, taken out. */
  drain(): T[] {
    const items: T[] = []
    for (let item = this.shift(); item !== undefined; item = this.shift()) items.push(item)
    return items
  }

  /** Every item, oldest first. */
  items(): T[] {
    const items: T[] = []
    for (let index = 0; index < this.#size; index += 1) {
      items.push(this.#slots[(this.#head + index) & (this.#slots.length - 1)] as T)
    }
    return items
  }

  #resize(length: number): void {
    const slots: (T | undefined)[] = new Array(length).fill(undefined)
    for (let index = 0; index < this.#size; index += 1) {
      slots[index] = this.#slots[(this.#head + index) & (this.#slots.length - 1)]
    }
    this.#slots = slots
    this.#head = 0
  }
}
