import type { Request } from '../../requests/request.js'

/** The keys of the requests that wait: later requests for the same keys must not pass them. */
export class WaitingKeys {
  /** How many requests of each key wait, and how many of those change something. */
  readonly #all = new Map<string, number>()
  readonly #changes = new Map<string, number>()
  #sweeping = 0
  #size = 0

  add(request: Request): void {
    this.#count(request, 1)
  }

  delete(request: Request): void {
    this.#count(request, -1)
  }

  clear(): void {
    this.#all.clear()
    this.#changes.clear()
    this.#sweeping = 0
    this.#size = 0
  }

  /** True if the request would change something for one that waits, or the other way round. */
  concern(request: Request): boolean {
    if (this.#size === 0) return false
    if (this.#sweeping > 0 || request.sweeps) return true
    const keys = request.readOnly ? this.#changes : this.#all
    return request.wireKeys.some((key) => keys.has(key))
  }

  #count(request: Request, step: number): void {
    this.#size += step
    if (request.sweeps) this.#sweeping += step
    for (const key of request.wireKeys) {
      addTo(this.#all, key, step)
      if (!request.readOnly) addTo(this.#changes, key, step)
    }
  }
}

function addTo(counts: Map<string, number>, key: string, step: number): void {
  const count = (counts.get(key) ?? 0) + step
  if (count === 0) counts.delete(key)
  else counts.set(key, count)
}
