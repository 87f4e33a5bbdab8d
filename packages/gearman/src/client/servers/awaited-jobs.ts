import { TransientMap } from '@glammp/wire'
import { withoutNuls } from '../../names/handle.js'
import { PacketType } from '../../protocol/packet.js'
import type { Submission } from './submission.js'

/** Jobs that are remembered though nobody waits for them any more; the oldest are forgotten first. */
const MAX_ABANDONED = 10_000

/**
 * Who waits for a job, as gearmand counts them: it sends each packet once for each that it has
 * acknowledged on this connection, those that gave up included.
 */
class Waiters {
  readonly #places: (Submission | undefined)[]
  #turn = 0

  constructor(first: Submission | undefined) {
    this.#places = [first]
  }

  get live(): Submission[] {
    return this.#places.filter((submission) => submission !== undefined)
  }

  add(submission: Submission | undefined): void {
    this.#places.push(submission)
  }

  /** One of them has given up; false if it is none of them. */
  remove(submission: unknown): boolean {
    const place = this.#places.indexOf(submission as Submission)
    if (place !== -1) this.#places[place] = undefined
    return place !== -1
  }

  /** Whose packet it is that comes now. */
  next(): Submission | undefined {
    return this.#places[this.#turn++ % this.#places.length]
  }
}

/** The acknowledged jobs of a connection whose results are waited for, by their handles. */
export class AwaitedJobs {
  /** Nearly always one alone; several if equal uniques met on this connection. */
  #jobs = new TransientMap<string, Submission | Waiters>()
  #size = 0
  /** Handles for which nobody waits, and that another submission may still get. */
  readonly #abandoned: Set<string> = new Set()

  /** Jobs that somebody waits for. */
  get size(): number {
    return this.#size
  }

  /** gearmand has acknowledged a job. */
  expect(submission: Submission, handle: string): void {
    const known = this.#jobs.get(handle)
    if (known === undefined) {
      if (submission.settled) {
        this.#giveUp(submission, handle)
        return
      }
      this.#jobs.set(handle, submission)
      this.#size += 1
      return
    }
    const waiters = known instanceof Waiters ? known : new Waiters(known)
    this.#jobs.set(handle, waiters)
    waiters.add(submission.settled ? undefined : submission)
    if (!submission.settled && this.#abandoned.delete(handle)) this.#size += 1
  }

  /** A WORK packet came. */
  worked(type: PacketType, args: readonly string[], data: Buffer): void {
    const handle = withoutNuls(args[0] ?? '')
    const waiters = this.#jobs.get(handle)
    // Already over: a second final packet (after a cancel), or the caller has given up.
    if (waiters === undefined) return
    const final = isFinal(type)
    if (final) {
      this.#jobs.delete(handle)
      if (!this.#abandoned.delete(handle)) this.#size -= 1
    }
    if (!(waiters instanceof Waiters)) {
      waiters.worked(type, args, data)
    } else if (final) {
      for (const submission of waiters.live) submission.worked(type, args, data)
    } else {
      waiters.next()?.worked(type, args, data)
    }
  }

  /** The caller of a job has its result. */
  release(submission: unknown, handle: string): void {
    const known = this.#jobs.get(handle)
    if (known instanceof Waiters) {
      if (!known.remove(submission) || known.live.length > 0) return
      this.#size -= 1
      this.#remember(handle)
    } else if (known !== undefined && known === submission) {
      this.#jobs.delete(handle)
      this.#size -= 1
      this.#giveUp(known, handle)
    }
  }

  /** All of them, taken out. */
  drain(): Submission[] {
    const all = this.#jobs
      .values()
      .flatMap((waiters) => (waiters instanceof Waiters ? waiters.live : [waiters]))
    this.#jobs = new TransientMap()
    this.#abandoned.clear()
    this.#size = 0
    return all
  }

  /** Nobody waits; gearmand goes on sending, and who joins the job gets the packets twice. */
  #giveUp({ order }: Submission, handle: string): void {
    if (order.key === undefined) return
    this.#jobs.set(handle, new Waiters(undefined))
    this.#remember(handle)
  }

  #remember(handle: string): void {
    this.#abandoned.add(handle)
    if (this.#abandoned.size <= MAX_ABANDONED) return
    const [oldest = handle] = this.#abandoned
    this.#abandoned.delete(oldest)
    this.#jobs.delete(oldest)
  }
}

function isFinal(type: PacketType): boolean {
  return (
    type === PacketType.WORK_COMPLETE ||
    type === PacketType.WORK_FAIL ||
    type === PacketType.WORK_EXCEPTION
  )
}
