import { codeOf, Deadline, type Output } from '@glammp/wire'
import type { MemcacheErrorDetails } from '../errors.js'
import type { Key } from '../key.js'
import type { Protocol } from '../protocol/protocol.js'
import type { Reply } from '../protocol/reply.js'

/** The owner above, which keeps a request's time and place. */
export interface RequestOwner {
  /** The time is over. */
  expired(request: Request): void
}

/** Called when a request has been settled. */
export interface RequestObserver {
  settled(request: Request): void
}

/** The {@link Request.word} of what reads and touches: twemproxy does not know it. */
export const GET_AND_TOUCH = 'gat'

/** The part of a server that a request needs. */
export interface RequestServer {
  submit<T>(request: Request<T>, timeout: number): Promise<T>
}

/**
 * What becomes of a request: the promise of its caller, its time and place, its outcome. One class
 * for all of them: the many fields of a base class would be written in a shape of its own for every
 * kind of request, which costs ten times as much.
 */
export class Course<T = unknown> extends Deadline {
  readonly promise: Promise<T>
  /** Name of the server that it was given to. */
  server: string | undefined = undefined
  /** Final replies that are still to come; set anew by each encoding. */
  awaited = 1
  /** The promise is resolved or rejected. */
  settled = false
  /** The time is over, but replies may still come. */
  lapsed = false
  /** How often it was sent again. */
  attempts = 0
  /** How often it went to another server than the one of its key. */
  moves = 0
  /** When it was given to its own server, once another was asked; on the clock of `performance.now()`. */
  since: number | undefined = undefined
  owner: RequestOwner | undefined = undefined
  /** One of a list: if its server has enough to do, it waits instead of being refused. */
  patient = false
  /** Milliseconds that it had when a server took it, until `due`. */
  allowance = 0
  observer: RequestObserver | undefined = undefined
  /** Keys that were found; -1 if the command reads none. */
  hits = -1
  /** Bytes of the values that it sends or has received. */
  bytes = 0
  /** Its outcome, if it did not fail and reads no keys. */
  result = 'done'
  /** `code` or name of the error that it failed with. */
  errorCode: string | undefined = undefined
  /** Removes the listener from an AbortSignal. */
  release: (() => void) | undefined = undefined
  readonly #request: Request<T>
  // Taking anything keeps Course<boolean> a Course<unknown>; `succeed` checks the type.
  readonly #resolve: (value: never) => void
  readonly #reject: (reason: unknown) => void

  constructor(request: Request<T>) {
    super()
    this.#request = request
    this.promise = new Promise<T>(capture)
    this.#resolve = captured.resolve
    this.#reject = captured.reject
  }

  expire(): void {
    this.owner?.expired(this.#request)
  }

  succeed(value: T): void {
    if (this.settled) return
    this.#settle()
    this.#resolve(value as never)
  }

  fail(reason: unknown): void {
    if (this.settled) return
    this.errorCode = codeOf(reason)
    this.#settle()
    this.#reject(reason)
  }

  #settle(): void {
    this.settled = true
    this.release?.()
    this.observer?.settled(this.#request)
  }
}

/**
 * One command on its way: what to send, and how to read the replies. It settles once. After that
 * its replies, should they still come, are counted and dropped, so that they can never reach
 * another request.
 */
export abstract class Request<T = unknown> {
  /** The name of the client's method, for errors. */
  readonly command: string
  /** The caller's key, if the command has one. */
  readonly key: Key | undefined
  readonly course: Course<T>

  constructor(command: string, key: Key | undefined) {
    this.command = command
    this.key = key
    this.course = new Course(this)
  }

  /** What its caller gets. */
  get promise(): Promise<T> {
    return this.course.promise
  }

  /** When its time is over, on the clock of `performance.now()`. */
  get due(): number {
    return this.course.due
  }

  /** True if sending it twice has the same effect as sending it once. */
  abstract get repeatable(): boolean

  /** True if it changes no item: two of them may go in any order. */
  get readOnly(): boolean {
    return false
  }

  /** True if it affects every item of its server. */
  get sweeps(): boolean {
    return false
  }

  /**
   * The word of a command that not every server knows: it has a connection of its own until the
   * server has answered one with this word.
   */
  get word(): string | undefined {
    return undefined
  }

  /** True if a data block follows the command line. */
  get carriesBlock(): boolean {
    return false
  }

  /** True if another server may take it while the one of its keys cannot be reached. */
  get movable(): boolean {
    return false
  }

  /** Its keys as they are sent; empty if it concerns no items, or all of them. */
  get wireKeys(): readonly string[] {
    return []
  }

  /** True for a part of another call: it is neither counted nor published as a call of its own. */
  get aside(): boolean {
    return false
  }

  get keyCount(): number {
    return this.key === undefined ? this.wireKeys.length : 1
  }

  /** Its outcome as a word, once it is settled. */
  get outcome(): string {
    const { errorCode, hits, result } = this.course
    if (errorCode !== undefined) return errorCode
    if (hits < 0) return result
    if (hits === 0) return 'miss'
    return hits === this.keyCount ? 'hit' : 'partial'
  }

  /**
   * Sends its keys to several servers instead of one, and settles when all have answered.
   *
   * @param places - which positions of {@link wireKeys} each server takes.
   * @param timeout - milliseconds for each part.
   */
  async divide(
    _places: ReadonlyMap<RequestServer, readonly number[]>,
    _timeout: number,
  ): Promise<void> {
    throw new TypeError(`${this.command} has one key`)
  }

  /** The server that takes it keeps items no longer than this number of seconds. */
  limitTtl(_seconds: number): void {}

  /**
   * Appends the request in its protocol; returns how many final replies will come.
   *
   * @throws KeyFault, with nothing appended, if the protocol cannot carry a key.
   */
  abstract encode(protocol: Protocol, out: Output): number

  /**
   * Takes one reply. What it throws becomes the failure of this request only, except for a Fault:
   * that says that the connection is out of step.
   */
  abstract accept(reply: Reply): void

  /** A reply came after the promise had been settled. */
  late(_reply: Reply): void {}

  /** The details of this request for an error. */
  details(): MemcacheErrorDetails {
    return { server: this.course.server, command: this.command, key: this.key }
  }

  succeed(value: T): void {
    this.course.succeed(value)
  }

  fail(reason: unknown): void {
    this.course.fail(reason)
  }

  /** Counts as failed, but gives its caller something to go on with. */
  protected failWith(reason: unknown, value: T): void {
    this.course.errorCode = codeOf(reason)
    this.succeed(value)
  }
}

// A promise hands out its two ends through a callback; one shared callback spares every request
// a closure of its own.
const captured: { resolve: (value: never) => void; reject: (reason: unknown) => void } = {
  resolve: () => {},
  reject: () => {},
}
function capture(resolve: (value: never) => void, reject: (reason: unknown) => void): void {
  captured.resolve = resolve
  captured.reject = reject
}
