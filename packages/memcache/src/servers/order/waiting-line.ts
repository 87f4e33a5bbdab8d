import { type Deadlines, Fault, PendingQueue } from '@glammp/wire'
import type { Request, RequestOwner } from '../../requests/request.js'
import { failure } from '../connection/failure.js'
import { WaitingKeys } from './waiting-keys.js'

/**
 * Where the requests of long lists wait while their server is busy. A later request for a key that
 * waits here waits behind it. The time of a request starts again at each answer of the server: a
 * list is given up when no more answers come, not because it is long.
 */
export class WaitingLine implements RequestOwner {
  readonly #deadlines: Deadlines
  readonly #requests = new PendingQueue<Request>()
  readonly #keys = new WaitingKeys()
  /** When the server last answered. */
  #progress = 0

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines
  }

  /** Requests that wait; some of them may be settled. */
  get size(): number {
    return this.#requests.size
  }

  /** True if the request must not pass, because it has a key that waits. */
  concerns(request: Request): boolean {
    return this.#keys.concern(request)
  }

  /** @param timeout - milliseconds without an answer from the server after which it is given up. */
  push(request: Request, timeout: number): void {
    request.course.owner = this
    request.course.allowance = timeout
    this.#deadlines.add(request.course, timeout)
    this.#requests.push(request)
    this.#keys.add(request)
  }

  /**
   * The next one that is still needed, with the milliseconds that it has from now on in
   * `allowance`.
   */
  shift(): Request | undefined {
    for (let request = this.#next(); request !== undefined; request = this.#next()) {
      const left = this.#left(request)
      if (left <= 0) this.#giveUp(request)
      if (request.course.settled) continue
      // All of one list have the same: they share a lane of the deadlines.
      if (this.#progress <= request.course.due - request.course.allowance)
        request.course.allowance = Math.ceil(left)
      return request
    }
    return undefined
  }

  /** The server has answered. */
  progressed(): void {
    this.#progress = this.#deadlines.now
  }

  expired(request: Request): void {
    if (request.course.settled) return
    const left = this.#left(request)
    if (left <= 0) this.#giveUp(request)
    else this.#deadlines.add(request.course, Math.ceil(left))
  }

  #next(): Request | undefined {
    const request = this.#requests.shift()
    if (request === undefined) return undefined
    this.#deadlines.remove(request.course)
    request.course.owner = undefined
    this.#keys.delete(request)
    return request
  }

  // `due` is that much after its start, or behind the answer from which it was counted anew.
  #left({ course }: Request): number {
    const { due, allowance } = course
    return Math.max(due, this.#progress + allowance) - this.#deadlines.now
  }

  #giveUp(request: Request): void {
    const fault = new Fault('timeout', 'no answer came while it waited for its turn')
    request.fail(failure(fault, request.details()))
  }
}
