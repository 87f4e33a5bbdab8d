import { afterReads, Fault, nextTick } from '@glammp/wire'
import type { Request } from '../requests/request.js'
import type { SessionPool } from './connection/pool.js'
import type { Session, SessionOwner } from './connection/session.js'
import { Leftovers } from './order/leftovers.js'
import { LoneSession } from './order/lone-session.js'
import { RequestOrder } from './order/request-order.js'

/** The server that requests are sent to. */
export interface BatchOwner extends SessionOwner {
  /** No connection could be opened for the request. */
  unsent(request: Request, reason: Fault): void
  /** True if the server may close the connection instead of an answer to this command. */
  isStrange(request: Request): boolean
  /** Opens a connection that is not one of the pool. @throws Fault */
  openAside(): Promise<Session>
  /**
   * Resolves to true when the server has answered on a connection that is open, to false if it is
   * silent.
   */
  lives(): Promise<boolean>
}

/**
 * Requests on their way to the connections of one server. The requests of one tick become a batch
 * and leave in one write: on the borrowed connection while that takes more, else on another that is
 * borrowed, and given back when nothing is in flight on it. While there is none, the next batch
 * fills, so load makes batches larger by itself. No request overtakes another of its key.
 */
export class Batch {
  readonly #pool: SessionPool
  readonly #owner: BatchOwner
  readonly #leftovers: Leftovers
  readonly #order: RequestOrder
  readonly #lone: LoneSession
  #batch: Request[] = []
  #leaving = false
  /** The one that was borrowed last, while it is borrowed. */
  #session: Session | undefined

  constructor(pool: SessionPool, owner: BatchOwner) {
    this.#pool = pool
    this.#owner = owner
    this.#leftovers = new Leftovers({
      lives: () => owner.lives(),
      released: () => this.#released(),
    })
    this.#order = new RequestOrder(this.#leftovers)
    this.#lone = new LoneSession({
      open: () => owner.openAside(),
      ready: () => this.#released(),
      failed: (request, reason) => {
        this.#order.forget(request)
        if (request.course.settled) owner.dropped(request)
        else owner.unsent(request, reason)
      },
    })
  }

  /** Takes a request, which leaves after this tick or waits for a connection. */
  push(request: Request): void {
    this.#batch.push(request)
    this.#leaveSoon()
  }

  /** Takes a request that was lost; it leaves before all that have not left yet. */
  repeat(request: Request): void {
    this.#order.repeat(request)
    this.#leaveSoon()
  }

  /** A request was answered: requests that were held back for it may leave. */
  answered(request: Request): void {
    this.#order.answered(request)
    if (this.#order.isDue) this.#leaveSoon()
  }

  /** A connection was given up with changes in flight; see {@link SessionOwner.abandoned}. */
  abandoned(changes: readonly Request[], end: (gone: () => void) => () => void): void {
    this.#leftovers.add(changes, end)
  }

  /** Stops waiting for connections that were given up, and for the one that a request had for itself. */
  close(): void {
    this.#leftovers.drop()
    this.#lone.close()
  }

  /** Closes the connection that one request has for itself. */
  drop(reason: Fault): void {
    this.#lone.drop(reason)
  }

  /** True for a connection that is not one of the pool. */
  isAside(session: Session): boolean {
    return this.#lone.is(session)
  }

  /** Lets go of all that has not left yet. */
  drain(): Request[] {
    const requests = [...this.#order.take(), ...this.#batch]
    this.#batch = []
    return requests
  }

  /** Opens a connection for what may come, unless something is on its way already. */
  warm(): void {
    if (this.#leaving) return
    this.#leaving = true
    void this.#borrow()
  }

  /** Takes a session back on which nothing is in flight any more. */
  giveBack(session: Session): void {
    if (this.#session === session) this.#session = undefined
    this.#order.finished(session)
    if (this.#order.isDue) this.#leaveSoon()
    if (this.#lone.is(session)) this.#lone.end()
    else this.#pool.giveBack(session)
  }

  #released(): void {
    this.#order.released()
    if (this.#order.isDue) this.#leaveSoon()
  }

  #leaveSoon(): void {
    if (this.#leaving) return
    this.#leaving = true
    // After the microtasks of this tick: every request that its promises make joins the batch.
    nextTick(() => this.#leave(false))
  }

  #leave(hasRead: boolean): void {
    const session = this.#session
    // After what is in flight: two connections would mean smaller writes on each, and another
    // thread of the server awake (64 gets in flight: 440,000/s on two, 660,000/s on one).
    if (!session?.takesMore) void this.#borrow()
    else if (!session.silent) this.#send(session)
    else if (hasRead) void this.#borrow()
    else afterReads(() => this.#leave(true))
  }

  async #borrow(): Promise<void> {
    const session = await this.#pool.borrow()
    if (session instanceof Fault) {
      for (const request of this.#take()) this.#owner.unsent(request, session)
      return
    }
    this.#session = session
    this.#send(session)
  }

  #send(session: Session): void {
    const order = this.#order
    const wanted: Request[] = []
    const batch = this.#take()
    let isFree = order.begin(session)
    let readsPass = !isFree && order.isFreeToRead
    for (const request of batch) {
      if (request.course.settled) this.#drop(request)
      else if (request.word !== undefined && this.#owner.isStrange(request)) {
        this.#sendAlone(request, wanted.at(-1))
        isFree = order.begin(session)
        readsPass = false
      } else if (isFree || (readsPass && request.readOnly) || order.allows(request)) {
        wanted.push(request)
      } else readsPass = false
    }
    const inFlight = wanted.length > 0 ? session.send(wanted, this.#owner) : !session.idle
    if (inFlight) order.sent(session)
    else this.giveBack(session)
  }

  #sendAlone(request: Request, before: Request | undefined): void {
    const session = this.#lone.for(request)
    if (session === undefined || before !== undefined) this.#order.hold(request, before)
    else if (this.#order.allowsAlone(request)) {
      this.#order.sent(session)
      if (!session.send([request], this.#owner)) this.giveBack(session)
    }
  }

  #drop(request: Request): void {
    this.#lone.leave(request)
    this.#owner.dropped(request)
  }

  #take(): Request[] {
    const batch = this.#order.isDue ? [...this.#order.take(), ...this.#batch] : this.#batch
    this.#batch = []
    this.#leaving = false
    return batch
  }
}
