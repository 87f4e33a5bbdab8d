import { type Connection, type Fault, TransientSet } from '@glammp/wire'
import type { GearmanError } from '../../errors.js'
import { failure } from '../../link/failure.js'
import { encode, PacketType } from '../../protocol/packet.js'

/** A job as gearmand assigned it. */
export interface Assignment {
  /** gearmand's own part of the handle. */
  readonly handle: string
  /** The function, as the text of its bytes. */
  readonly wireName: string
  /** The unique, as the text of its bytes. */
  readonly unique: string
  /** The reducer of a reduce job, as the text of its bytes. */
  readonly reducer: string | undefined
  readonly data: Buffer
}

/** The part of a running job that its connection needs. */
export interface RunningJob {
  readonly wireName: string
  /** Its connection is lost, or is about to be closed. */
  lose(reason: GearmanError): void
}

const UNSENT: Promise<boolean> = Promise.resolve(false)

/** Bytes of data after which a write is due within the tick: a handler may send without a pause. */
const FLUSH_SIZE = 65_536

/**
 * The one connection that jobs came from. gearmand takes a job's packets from there only: from
 * another connection they are answered with JOB_NOT_FOUND, and once it is lost the job is queued
 * again.
 */
export class JobConnection {
  /** Name of the server. */
  readonly name: string
  readonly #connection: Connection
  readonly #jobs = new TransientSet<RunningJob>()
  readonly #ended: (job: RunningJob) => void
  readonly #isPerl: boolean
  #unsent = 0

  /** @param isPerl - the server is Perl's Gearman::Server. */
  constructor(
    name: string,
    connection: Connection,
    isPerl: boolean,
    ended: (job: RunningJob) => void,
  ) {
    this.name = name
    this.#connection = connection
    this.#isPerl = isPerl
    this.#ended = ended
  }

  /** How many jobs have no final packet yet. */
  get size(): number {
    return this.#jobs.size
  }

  /** Whether a job of this function has no final packet yet. */
  runs(wireName: string): boolean {
    for (const job of this.#jobs) if (job.wireName === wireName) return true
    return false
  }

  started(job: RunningJob): void {
    this.#jobs.add(job)
  }

  /** The final packet of a job was sent. */
  ended(job: RunningJob): void {
    if (this.#jobs.delete(job)) this.#ended(job)
  }

  /**
   * Sends a packet about a job that goes on: with the other packets of this tick, or at once if a
   * client waits for it, because the handler may compute until the tick ends.
   *
   * @returns true once the kernel took it, false if the connection is lost.
   */
  report(
    type: PacketType,
    args: string,
    data: string | Uint8Array | undefined,
    atOnce: boolean,
  ): Promise<boolean> {
    const connection = this.#connection
    if (connection.reason !== undefined) return UNSENT
    encode(connection.output, type, args, data)
    this.#unsent += data === undefined ? 0 : data.length
    const sent = connection.sent()
    if (atOnce || this.#unsent > FLUSH_SIZE) {
      this.#unsent = 0
      connection.flush()
    }
    return sent
  }

  /**
   * Sends the final packet of a job with the others of this tick; false if the connection is lost.
   */
  finish(type: PacketType, args: string, data: string | Uint8Array | undefined): boolean {
    const connection = this.#connection
    if (connection.reason !== undefined) return false
    encode(connection.output, type, args, data)
    // To that server a job goes on after its exception; gearmand would answer JOB_NOT_FOUND.
    if (this.#isPerl && type === PacketType.WORK_EXCEPTION) {
      encode(connection.output, PacketType.WORK_FAIL, args)
    }
    connection.flushSoon()
    return true
  }

  /** True once the kernel took what was sent so far, false where the connection closed before. */
  sent(): Promise<boolean> {
    return this.#connection.sent()
  }

  /** Tells every job that its result no longer counts. */
  lost(reason: Fault): void {
    const error = failure(reason, { what: 'the worker connection', server: this.name })
    const jobs = this.#jobs.drain()
    for (const job of jobs) job.lose(error)
  }
}
