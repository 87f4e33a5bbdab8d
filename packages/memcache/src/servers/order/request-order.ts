import type { Request } from '../../requests/request.js'
import type { Session } from '../connection/session.js'
import type { Leftovers } from './leftovers.js'
import { WaitingKeys } from './waiting-keys.js'

/**
 * Ensures that the requests of one key take effect in the order in which they were made, however
 * many connections carry them: a request that would overtake another is held back until that is
 * answered or lost. Requests on one connection, and those that only read, need not wait.
 */
export class RequestOrder {
  readonly #leftovers: Leftovers
  /** Sessions with requests in flight; a few. */
  readonly #out: Session[] = []
  /** Those of them that a batch is not sent on. */
  #others: readonly Session[] = []
  /** In flight, with held requests waiting for them. */
  readonly #awaited = new Set<Request>()
  readonly #keys = new WaitingKeys()
  /** Sent once, lost, and to be sent again: they were made before all that are held. */
  #again: Request[] = []
  #held: Request[] = []
  #isDue = false

  /** @param leftovers - of connections that may still deliver something. */
  constructor(leftovers: Leftovers) {
    this.#leftovers = leftovers
  }

  /** True if held requests, or those to be sent again, may leave now. */
  get isDue(): boolean {
    return this.#isDue
  }

  /** The requests are in flight on the session. */
  sent(session: Session): void {
    if (!this.#out.includes(session)) this.#out.push(session)
  }

  /** Nothing is in flight on the session any more. */
  finished(session: Session): void {
    const place = this.#out.indexOf(session)
    if (place === -1) return
    const last = this.#out.pop() as Session
    if (last !== session) this.#out[place] = last
    if (this.#held.length > 0) this.#isDue = true
  }

  /** Requests that were held back may be checked again. */
  released(): void {
    if (this.#held.length > 0) this.#isDue = true
  }

  /** The request was answered. */
  answered(request: Request): void {
    if (this.#awaited.size > 0 && this.#awaited.delete(request)) this.#isDue = true
  }

  /** The request was lost, and will be sent again. */
  repeat(request: Request): void {
    this.#again.push(request)
    this.#isDue = true
  }

  /** Requests to be checked again before the others, in their order. */
  take(): Request[] {
    const requests = [...this.#again, ...this.#held]
    this.#again = []
    this.#held = []
    this.#keys.clear()
    this.#awaited.clear()
    this.#isDue = false
    return requests
  }

  /** A batch is about to leave on the session. @returns true if every request may leave. */
  begin(session: Session): boolean {
    const { length } = this.#out
    const isAlone = length === 0 || (length === 1 && this.#out[0] === session)
    this.#others = isAlone ? NONE : this.#out.filter((other) => other !== session)
    return isAlone && this.#held.length === 0 && this.#leftovers.none
  }

  /** True if all requests that only read may leave, until something is held back. */
  get isFreeToRead(): boolean {
    return this.#held.length === 0 && this.#others.every((other) => other.onlyReads)
  }

  /** True if the request may leave; else it is held back. */
  allows(request: Request): boolean {
    const mustWait =
      this.#keys.concern(request) || this.#leftovers.concern(request) || this.#isBlocked(request)
    if (!mustWait) return true
    this.hold(request)
    return false
  }

  /** As {@link allows}, on a connection of its own. */
  allowsAlone(request: Request): boolean {
    this.#others = [...this.#out]
    return this.allows(request)
  }

  /** Holds the request back, until `before` is answered if that is given. */
  hold(request: Request, before?: Request): void {
    this.#held.push(request)
    this.#keys.add(request)
    if (before !== undefined) this.#awaited.add(before)
  }

  /** A request that is held back has been taken over by somebody else. */
  forget(request: Request): void {
    const place = this.#held.indexOf(request)
    if (place === -1) return
    this.#held.splice(place, 1)
    this.#keys.delete(request)
  }

  #isBlocked(request: Request): boolean {
    for (const other of this.#others) {
      const blocker = other.blocker(request)
      if (blocker === undefined) continue
      this.#awaited.add(blocker)
      return true
    }
    return false
  }
}

const NONE: readonly Session[] = []
