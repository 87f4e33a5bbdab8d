import type { Request, RequestOwner } from '../../requests/request.js'

/** The requests in flight on one connection, by their keys. */
export class FlightKeys {
  readonly #owner: RequestOwner
  readonly #requests: readonly Request[]
  /** None of them changes anything. */
  readonly onlyReads: boolean
  /** Position of the last request of each key, and of the last that changes it. */
  #last: Map<string, number> | undefined
  readonly #lastChange = new Map<string, number>()
  #lastSweep = -1

  /** @param owner - the owner of the requests while they are in flight. */
  constructor(owner: RequestOwner, requests: readonly Request[]) {
    this.#owner = owner
    this.#requests = requests
    this.onlyReads = requests.every((request) => request.readOnly)
  }

  /**
   * The last request, still in flight, that the other must not overtake: of the same key, and one
   * of the two changes something.
   */
  blocker(request: Request): Request | undefined {
    // As a rule nothing is changed, and the keys need not be looked at.
    if (request.readOnly && this.onlyReads) return undefined
    const found = this.#requests[this.#position(request)]
    return found?.course.owner === this.#owner ? found : undefined
  }

  #position(request: Request): number {
    if (request.sweeps) return this.#requests.length - 1
    this.#last ??= this.#read()
    const keys = request.readOnly ? this.#lastChange : this.#last
    let position = request.wireKeys.length > 0 ? this.#lastSweep : -1
    for (const key of request.wireKeys) position = Math.max(position, keys.get(key) ?? -1)
    return position
  }

  #read(): Map<string, number> {
    const last = new Map<string, number>()
    for (const [position, request] of this.#requests.entries()) {
      if (request.sweeps) this.#lastSweep = position
      for (const key of request.wireKeys) {
        last.set(key, position)
        if (!request.readOnly) this.#lastChange.set(key, position)
      }
    }
    return last
  }
}
