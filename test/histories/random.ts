/** A 32 bit state that passes through all its values (mulberry32). */
const next = (state: number): number => (state + 0x6d2b79f5) | 0

const mixed = (state: number): number => {
  let bits = Math.imul(state ^ (state >>> 15), state | 1)
  bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
  return (bits ^ (bits >>> 14)) >>> 0
}

/** Everything that a program draws; the same seed draws the same. */
export class Random {
  #state: number

  constructor(seed: number) {
    // Neighbouring seeds begin far from each other.
    this.#state = mixed(next(seed))
  }

  /** From 0 up to, but not, 1. */
  fraction(): number {
    this.#state = next(this.#state)
    return mixed(this.#state) / 2 ** 32
  }

  /** A whole number, both ends included. */
  between(first: number, last: number): number {
    return first + Math.floor(this.fraction() * (last - first + 1))
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  pick<T>(list: readonly [T, ...T[]]): T
  pick<T>(list: readonly T[]): T
  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('there is nothing to pick from')
    return list[this.between(0, list.length - 1)] as T
  }

  /** One of the names, each as often as its weight says. */
  weighted<Name extends string>(weights: Readonly<Partial<Record<Name, number>>>): Name {
    const entries = Object.entries(weights) as [Name, number][]
    let left = this.fraction() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [name, weight] of entries) {
      left -= weight
      if (left < 0) return name
    }
    return (entries.at(-1) as [Name, number])[0]
  }

  times<T>(count: number, make: (position: number) => T): T[] {
    return Array.from({ length: count }, (_, position) => make(position))
  }
}
