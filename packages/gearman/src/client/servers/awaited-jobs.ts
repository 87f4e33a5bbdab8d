import { TransientMap } from '@glammp/wire'
import { withoutNuls } from '../../names/handle.js'
import { PacketType } from '../../protocol/packet.js'
import type { Submission } from './submission.js'

/** Jobs of one handle: nearly always one; several if equal uniques met on this connection. */
type Waiters = Submission | { readonly all: Submission[]; turn: number }

/** The acknowledged jobs of a connection whose results are waited for, by their handles. */
export class AwaitedJobs {
  #jobs = new TransientMap<string, Waiters>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** gearmand has acknowledged a job. */
  expect(submission: Submission, handle: string): void {
    const waiters = this.#jobs.get(handle)
    if (waiters === undefined) {
      if (submission.settled) return
      this.#jobs.set(handle, submission)
      this.#size += 1
    } else if ('all' in waiters) {
      waiters.all.push(submission)
    } else {
      this.#jobs.set(handle, { all: [waiters, submission], turn: 0 })
    }
  }

  /** A WORK packet came. */
  worked(type: PacketType, args: readonly string[], data: Buffer): void {
    const handle = withoutNuls(args[0] ?? '')
    const waiters = this.#jobs.get(handle)
    // Already over: a second final packet (after a cancel), or the caller has given up.
    if (waiters === undefined) return
    const final = isFinal(type)
    if (final) this.#delete(handle)
    if (!('all' in waiters)) {
      waiters.worked(type, args, data)
    } else if (final) {
      for (const submission of waiters.all) submission.worked(type, args, data)
    } else {
      // One packet comes for each waiter.
      waiters.all[waiters.turn++ % waiters.all.length]?.worked(type, args, data)
    }
  }

  /** The caller of a job has its result. */
  release(submission: unknown, handle: string): void {
    const waiters = this.#jobs.get(handle)
    if (waiters === undefined) return
    // One of several stays: gearmand sends each packet as often as there are waiters, so that their
    // order must be kept.
    if (waiters === submission || ('all' in waiters && waiters.all.every(isSettled))) {
      this.#delete(handle)
    }
  }

  /** All of them, taken out. */
  drain(): Submission[] {
    const all = this.#jobs
      .values()
      .flatMap((waiters) => ('all' in waiters ? waiters.all : [waiters]))
    this.#jobs = new TransientMap()
    this.#size = 0
    return all
  }

  #delete(handle: string): void {
    this.#jobs.delete(handle)
    this.#size -= 1
  }
}

function isFinal(type: PacketType): boolean {
  return (
    type === PacketType.WORK_COMPLETE ||
    type === PacketType.WORK_FAIL ||
    type === PacketType.WORK_EXCEPTION
  )
}

function isSettled(submission: Submission): boolean {
  return submission.settled
}
