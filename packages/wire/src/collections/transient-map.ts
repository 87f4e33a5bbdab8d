/** Keys held at most, in addition to twice those that have a value. */
const LEAST = 512

/**
 * A Map for entries that come and go all the time, with text of any length or objects as keys.
 *
 * Deleting from a Map makes V8 move its entries to a new table from time to time, and the old table
 * points to the new one for as long as it exists. Once one of them has been promoted to the old
 * generation, it keeps all that follow alive, with whatever they held: each minor garbage
 * collection then copies what should be garbage, at several times the cost of the work itself. So
 * nothing is deleted here: a key loses its value, and when many keys have no value, a new Map takes
 * over those that have one.
 */
export class TransientMap<K, V extends object> {
  #map = new Map<K, V | undefined>()
  #limit = LEAST

  get(key: K): V | undefined {
    return this.#map.get(key)
  }

  set(key: K, value: V): void {
    this.#map.set(key, value)
    if (this.#map.size > this.#limit) this.#renew()
  }

  /** The key must have a value. */
  delete(key: K): void {
    this.#map.set(key, undefined)
  }

  /** All values, in the order in which their keys first came. */
  values(): V[] {
    const values: V[] = []
    for (const value of this.#map.values()) if (value !== undefined) values.push(value)
    return values
  }

  #renew(): void {
    const map = new Map<K, V | undefined>()
    for (const [key, value] of this.#map) if (value !== undefined) map.set(key, value)
    this.#map = map
    this.#limit = Math.max(LEAST, 2 * map.size)
  }
}
