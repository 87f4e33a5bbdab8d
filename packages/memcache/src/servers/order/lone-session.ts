import type { Fault } from '@glammp/wire'
import type { Request } from '../../requests/request.js'
import type { Session } from '../connection/session.js'

export interface LoneSessionOwner {
  /** @throws Fault if no connection can be opened. */
  open(): Promise<Session>
  /** The connection for the request is open, or the place is free. */
  ready(): void
  /** No connection could be opened for the request. */
  failed(request: Request, reason: Fault): void
}

/**
 * A connection for one request that may cost it: proxies close a connection at a command that they
 * do not know, and the requests of everybody else on it are lost. There is one at a time; it ends
 * with the answer.
 */
export class LoneSession {
  readonly #owner: LoneSessionOwner
  #request: Request | undefined
  #session: Session | undefined

  constructor(owner: LoneSessionOwner) {
    this.#owner = owner
  }

  /**
   * The open connection for this request. `undefined`: it is being opened, or another request has
   * the place; the owner is called when that is over.
   */
  for(request: Request): Session | undefined {
    if (this.#request === undefined) {
      this.#request = request
      void this.#open(request)
    } else if (this.#request === request && this.#session?.reason !== undefined) {
      // It was lost before the request could be sent on it.
      this.#session = undefined
      void this.#open(request)
    }
    return this.#request === request ? this.#session : undefined
  }

  /** True for the connection that {@link for} gave. */
  is(session: Session): boolean {
    return session === this.#session
  }

  /** The request will not be sent. */
  leave(request: Request): void {
    if (this.#request === request) this.end()
  }

  /** Ends the connection, and frees the place. */
  end(): void {
    this.#session?.end()
    this.#session = undefined
    this.#request = undefined
    this.#owner.ready()
  }

  /** Ends the connection of a request that nobody waits for any more, or that is being opened. */
  close(): void {
    this.#session?.end()
    this.#session = undefined
    this.#request = undefined
  }

  /** Closes it at once. */
  drop(reason: Fault): void {
    this.#session?.close(reason)
  }

  async #open(request: Request): Promise<void> {
    let session: Session
    try {
      session = await this.#owner.open()
    } catch (error) {
      if (this.#request !== request) return
      this.#request = undefined
      this.#owner.failed(request, error as Fault)
      this.#owner.ready()
      return
    }
    if (this.#request !== request) {
      session.end()
      return
    }
    this.#session = session
    if (request.course.settled) this.end()
    else this.#owner.ready()
  }
}
