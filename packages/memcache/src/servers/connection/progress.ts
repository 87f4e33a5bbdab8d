import { clearTimeout, monotonic, setTimeout } from '@glammp/wire'

/** Milliseconds between two checks of what is still to be sent. */
const LOOK = 50

/** Bytes that may be on their way, unseen, when the last has left the process: two sockets' buffers. */
const UNSEEN = 8_388_608

/** Bytes of a reply from which on it counts as large. */
const LARGE = 8_192

/**
 * Bytes of replies from which on they count as moving: a server that drips fewer within a time limit
 * would keep a call for days.
 */
const SLOWEST = 1_024

/** How far the bytes to send have come. */
interface Sending {
  /** Changes while bytes leave; 0 when all have left. */
  readonly unsent: number
}

/**
 * When bytes last moved on a connection, as far as large values are concerned: a time limit
 * measures silence, and not how long a large value takes on a slow line. Small replies are not a
 * reason to wait longer for those after them.
 */
export class Progress {
  /** When something arrived, or was sent after a pause. */
  active = 0
  /** Bytes of a reply, lately. */
  replySize = 0
  /** Bytes that came since the last final reply. */
  unfinished = 0
  /** When the last of so many bytes came in, or a reply ended; and bytes since then. */
  #movedAt = 0
  #since = 0
  #sending: Sending | undefined
  #timer: NodeJS.Timeout | undefined
  #unsent = 0
  #bytes = 0
  #began = 0
  /** When bytes were last seen to leave; later than now while the last ones may be on their way. */
  #wentAt = Number.NEGATIVE_INFINITY

  /** Something is sent after a pause. */
  begin(): void {
    this.active = monotonic()
    this.#moved(this.active)
  }

  /** Bytes came in, and completed this number of replies. */
  received(bytes: number, replies: number): void {
    this.active = monotonic()
    this.unfinished += bytes
    this.#since += bytes
    if (this.#since >= SLOWEST || replies > 0) this.#moved(this.active)
    if (replies <= 0) return
    this.replySize += (this.unfinished / replies - this.replySize) / 4
    this.unfinished = 0
  }

  /** More was written than the kernel took immediately. */
  wrote(bytes: number, sending: Sending): void {
    this.#bytes += bytes
    this.#unsent = sending.unsent
    if (this.#sending !== undefined) return
    this.#sending = sending
    this.#began = monotonic()
    this.#wentAt = Math.max(this.#wentAt, this.#began)
    this.#lookLater()
  }

  /**
   * Milliseconds that are left of a time limit which begins when bytes of a large value last moved;
   * none if there is no large value. The kernel takes bytes by the megabyte, so that it looks
   * silent in between: while it has not taken all, the limit is twice as long.
   */
  restOf(limit: number): number {
    const now = monotonic()
    this.#look(now)
    const isReading = this.unfinished > 0 || this.replySize >= LARGE
    const readUntil = isReading ? this.#movedAt + limit : now
    const isSending = this.#sending !== undefined
    const sentUntil = Math.min(this.#wentAt, now) + (isSending ? 2 : 1) * limit
    return Math.max(readUntil, sentUntil, now) - now
  }

  /** Stops checking. */
  stop(): void {
    this.#sending = undefined
    clearTimeout(this.#timer)
  }

  #moved(now: number): void {
    this.#movedAt = now
    this.#since = 0
  }

  #lookLater(): void {
    this.#timer = setTimeout(() => {
      this.#look(monotonic())
      if (this.#sending !== undefined) this.#lookLater()
    }, LOOK)
    this.#timer.unref()
  }

  #look(now: number): void {
    if (this.#sending === undefined) return
    const { unsent } = this.#sending
    if (unsent === this.#unsent) return
    this.#unsent = unsent
    this.#wentAt = now
    if (unsent > 0) return
    // The last bytes leave as fast as the others did.
    this.#wentAt += (now - this.#began) * Math.min(1, UNSEEN / this.#bytes)
    this.#bytes = 0
    this.stop()
  }
}
