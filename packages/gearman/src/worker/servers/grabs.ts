import { afterReads, clearTimeout, setTimeout } from '@glammp/wire'
import type { Link } from '../../link/link.js'
import { bare, PacketType } from '../../protocol/packet.js'
import { MalformedPacketError } from '../../protocol/packet-decoder.js'

/** Answered by JOB_ASSIGN_UNIQ, or with a reducer by JOB_ASSIGN_ALL (gearmand 0.25 or newer). */
const ALL = bare(PacketType.GRAB_JOB_ALL)
/** What Perl's Gearman::Server answers to a packet that it does not know. */
const UNKNOWN_TO_PERL = 'server_error'
/** Answered by JOB_ASSIGN: all that Perl's Gearman::Server knows. */
const PLAIN = bare(PacketType.GRAB_JOB)

/** Milliseconds after which the slots of grabs that are not answered serve other servers. */
const LATE = 1_000

/**
 * The grabs of a connection that are not answered yet. Each holds a slot of the worker, which a
 * server that hangs must not keep from others: if no answer comes, the slots are lent. A job that
 * arrives all the same is run when there is a slot again.
 */
export class Grabs {
  readonly #link: Link
  readonly #time: number
  readonly #lend: (grabs: number) => void
  /** What asks this server for a job. */
  packet: string = ALL
  #isRefused = false
  #inFlight = 0
  /** How many of them have lent their slots. */
  #lent = 0
  #timer: NodeJS.Timeout | undefined

  /**
   * @param timeout - milliseconds that gearmand may take for an answer.
   * @param lend - called for grabs that no longer hold a slot.
   */
  constructor(link: Link, timeout: number, lend: (grabs: number) => void) {
    this.#link = link
    this.#time = Math.min(LATE, timeout)
    this.#lend = lend
  }

  /** Whether the server is Perl's Gearman::Server, as far as that is known. */
  get isPerl(): boolean {
    return this.packet === PLAIN
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** One was sent. */
  sent(): void {
    this.#inFlight += 1
    if (this.#timer === undefined) this.#expect()
  }

  /**
   * One was answered: what answers none would give the worker more jobs than it has slots.
   *
   * @returns Whether its slot was lent.
   */
  answered(): boolean {
    if (this.#inFlight === 0) throw new MalformedPacketError('an answer to a grab never sent')
    this.#inFlight -= 1
    if (this.#lent === 0) return false
    this.#lent -= 1
    return true
  }

  /**
   * The server answered by an ERROR.
   *
   * @returns true if it answers so to packets that it does not know, and all that it knows work.
   */
  refused(code: string | undefined): boolean {
    if (code !== UNKNOWN_TO_PERL) return false
    if (this.isPerl) return true
    this.#isRefused = this.#inFlight > 0
    return false
  }

  /** The connection is lost: returns how many still held their slots. */
  lost(): number {
    // Another server may have its place next.
    this.packet = this.#isRefused ? PLAIN : ALL
    this.#isRefused = false
    const kept = this.#inFlight - this.#lent
    this.#inFlight = 0
    this.#lent = 0
    clearTimeout(this.#timer)
    this.#timer = undefined
    return kept
  }

  // A timer that sleeps: a worker that is repeatedly woken for nothing must cost next to nothing.
  #expect(): void {
    const { connection, heard } = this.#link
    this.#timer = setTimeout(() => {
      // A process that was busy all the time must read before it judges.
      afterReads(() => {
        if (this.#link.connection === connection) this.#judge(heard)
      })
    }, this.#time)
    this.#timer.unref()
  }

  #judge(heard: number): void {
    this.#timer = undefined
    const kept = this.#inFlight - this.#lent
    if (kept === 0) return
    if (this.#link.heard !== heard) {
      this.#expect()
      return
    }
    this.#lent = this.#inFlight
    this.#lend(kept)
  }
}
