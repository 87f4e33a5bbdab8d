import { monotonic, nextTick, setImmediate, setTimeout } from './clock.js'
import { guarded } from './guarded.js'

/**
 * Something that must be over at some time. Entries hold their own links, so that arming and
 * disarming one costs no allocation: a client does it for every call.
 */
export abstract class Deadline {
  /** Set by {@link Deadlines}. @internal */
  due = 0
  /** @internal */
  lane: Lane | undefined = undefined
  /** @internal */
  earlier: Deadline | undefined = undefined
  /** @internal */
  later: Deadline | undefined = undefined

  /** Called once when the time has come, unless the entry was disarmed before. */
  abstract expire(): void
}

/** Entries of one duration: the order of arming is the order of falling due. */
interface Lane {
  first: Deadline | undefined
  last: Deadline | undefined
}

/**
 * One coarse timer for any number of waits. Durations are few (a client's `timeout`, a handful of
 * per-call ones), so there is a queue a duration and only the heads are looked at.
 *
 * An entry expires one to three resolutions after its time, never early, and never before the
 * sockets were read once more after its time: a process that was busy for a second must not call
 * late what has arrived meanwhile.
 */
export class Deadlines {
  readonly #resolution: number
  readonly #lanes = new Map<number, Lane>()
  #armed = 0
  #timer: NodeJS.Timeout | undefined
  #now = 0
  #fresh = false

  constructor(resolution = 10) {
    this.#resolution = resolution
  }

  /** How many entries are armed. */
  get size(): number {
    return this.#armed
  }

  /** Milliseconds, as `performance.now()` says once a tick. */
  get now(): number {
    return this.#time()
  }

  /** Arms an entry for `milliseconds` from now; an entry is armed once at a time. */
  add(entry: Deadline, milliseconds: number): void {
    let lane = this.#lanes.get(milliseconds)
    if (lane === undefined) {
      lane = { first: undefined, last: undefined }
      this.#lanes.set(milliseconds, lane)
    }
    entry.due = this.#time() + milliseconds
    entry.lane = lane
    entry.earlier = lane.last
    if (lane.last === undefined) lane.first = entry
    else lane.last.later = entry
    lane.last = entry
    this.#armed += 1
    if (this.#timer === undefined) this.#schedule()
  }

  /** Disarms an entry; one that is not armed is left alone. */
  remove(entry: Deadline): void {
    const lane = entry.lane
    if (lane === undefined) return
    if (entry.earlier === undefined) lane.first = entry.later
    else entry.earlier.later = entry.later
    if (entry.later === undefined) lane.last = entry.earlier
    else entry.later.earlier = entry.earlier
    entry.lane = undefined
    entry.earlier = undefined
    entry.later = undefined
    this.#armed -= 1
  }

  // Reading the clock costs as much as encoding a request, so one reading serves a whole tick.
  #time(): number {
    if (!this.#fresh) {
      this.#now = monotonic()
      this.#fresh = true
      nextTick(() => {
        this.#fresh = false
      })
    }
    return this.#now
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      // Sockets are polled between here and there: see the class comment.
      setImmediate(() => {
        this.#expireUntil(monotonic() - this.#resolution)
      })
    }, this.#resolution)
  }

  // `time` lies one resolution back, so that nothing that fell due during the poll is judged.
  #expireUntil(time: number): void {
    try {
      for (const [milliseconds, lane] of this.#lanes) {
        for (let entry = lane.first; entry !== undefined && entry.due <= time; entry = lane.first) {
          this.remove(entry)
          guarded(() => entry.expire())
        }
        if (lane.first === undefined) this.#lanes.delete(milliseconds)
      }
    } finally {
      // What one entry throws must not take the time from all others.
      this.#timer = undefined
      if (this.#armed > 0) this.#schedule()
    }
  }
}
