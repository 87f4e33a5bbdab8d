import { monotonic, nextTick, setImmediate, setTimeout } from '../clock.js'
import { guarded } from '../guarded.js'

/**
 * Something that must be over at some time. Entries hold their own links, so that arming and
 * disarming one costs no allocation: a client does it for every call.
 */
export abstract class Deadline {
  /** Set by {@link Deadlines}. @internal */
  due = 0
  /** @internal */
  armed = 0
  /** @internal */
  slot: Slot | undefined = undefined
  /** @internal */
  earlier: Deadline | undefined = undefined
  /** @internal */
  later: Deadline | undefined = undefined

  /** Called once when the time is over, unless the entry was disarmed before. */
  abstract expire(): void
}

/** Entries that fall due within one resolution. */
interface Slot {
  readonly number: number
  first: Deadline | undefined
  last: Deadline | undefined
}

/** Milliseconds between two turns from which on the process was busy, or frozen. */
const LONG = 50

/** How often the sockets are read before an entry that was armed in a busy turn is judged. */
const TURNS = 3

/**
 * One coarse timer for any number of waits. They are kept by the resolution in which they fall due,
 * and only that one is looked at, whatever their durations.
 *
 * An entry expires one to three resolutions after its time, never early. What is measured is silence:
 * a process that computed for a second must not call late what it had no time to send or to read. So
 * a long turn counts as {@link LONG} milliseconds, unless the one before was long too (one that is
 * always busy would never give up), and the sockets are read {@link TURNS} times before an entry is
 * judged.
 */
export class Deadlines {
  readonly #resolution: number
  readonly #slots: Map<number, Slot> = new Map()
  /** The slot that was used last: calls of one moment and one duration share it. */
  #last: Slot = { number: 0, first: undefined, last: undefined }
  /** Slots up to this number are empty. */
  #done = 0
  #size = 0
  #timer: NodeJS.Timeout | undefined
  #now = 0
  #fresh = false
  #turns = 0
  #turned = 0
  /** Milliseconds that count for nobody. */
  #skipped = 0
  #busy = false

  constructor(resolution = 10) {
    this.#resolution = resolution
  }

  /** How many entries are armed. */
  get size(): number {
    return this.#size
  }

  /** Milliseconds, as `performance.now()` says once a tick. */
  get now(): number {
    return this.#time()
  }

  /** Arms an entry for `milliseconds` from now; an entry is armed once at a time. */
  add(entry: Deadline, milliseconds: number): void {
    if (this.#timer === undefined) this.#start()
    const due = this.#time() + milliseconds
    entry.due = due
    entry.armed = this.#turns
    this.#put(entry, Math.ceil((due - this.#skipped) / this.#resolution))
    this.#size += 1
  }

  /** Disarms an entry; one that is not armed is left alone. */
  remove(entry: Deadline): void {
    const slot = entry.slot
    if (slot === undefined) return
    if (entry.earlier === undefined) slot.first = entry.later
    else entry.earlier.later = entry.later
    if (entry.later === undefined) slot.last = entry.earlier
    else entry.later.earlier = entry.earlier
    entry.slot = undefined
    entry.earlier = undefined
    entry.later = undefined
    this.#size -= 1
    if (slot.first === undefined && slot !== this.#last) this.#slots.delete(slot.number)
  }

  #put(entry: Deadline, number: number): void {
    let slot = this.#last
    if (slot.number !== number || number <= this.#done) slot = this.#slot(number)
    entry.slot = slot
    entry.earlier = slot.last
    if (slot.last === undefined) slot.first = entry
    else slot.last.later = entry
    slot.last = entry
  }

  #slot(wished: number): Slot {
    const number = Math.max(wished, this.#done + 1)
    if (this.#last.first === undefined) this.#slots.delete(this.#last.number)
    let slot = this.#slots.get(number)
    if (slot === undefined) {
      slot = { number, first: undefined, last: undefined }
      this.#slots.set(number, slot)
    }
    this.#last = slot
    return slot
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

  #start(): void {
    this.#turned = this.#time()
    this.#busy = false
    this.#done = this.#numberAt(this.#turned)
    this.#schedule()
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      const number = this.#turn(monotonic())
      // Sockets are polled between here and there.
      setImmediate(() => this.#expireUntil(number))
    }, this.#resolution)
  }

  #turn(now: number): number {
    const passed = now - this.#turned
    this.#busy = passed > LONG && !this.#busy
    if (this.#busy) this.#skipped += passed - LONG
    this.#turned = now
    this.#turns += 1
    return this.#numberAt(now)
  }

  #numberAt(time: number): number {
    return Math.floor((time - this.#skipped) / this.#resolution)
  }

  #expireUntil(number: number): void {
    while (this.#done < number) {
      this.#done += 1
      const slot = this.#slots.get(this.#done)
      if (slot !== undefined) this.#expire(slot, number + 1)
    }
    this.#timer = undefined
    if (this.#size > 0) this.#schedule()
  }

  #expire(slot: Slot, next: number): void {
    for (let entry = slot.first; entry !== undefined; entry = slot.first) {
      const late = entry
      this.remove(late)
      if (this.#turns - late.armed >= TURNS) {
        // What one entry throws must not stop the others.
        guarded(() => late.expire())
      } else {
        this.#put(late, next)
        this.#size += 1
      }
    }
    this.#slots.delete(slot.number)
  }
}

/**
 * Calls back once what has arrived was read: of two immediates, the event loop has polled before
 * the second. A process that was busy, or frozen, finds every server silent and no connection lost
 * before.
 */
export function afterReads(then: () => void): void {
  setImmediate(() => setImmediate(then))
}

/** An entry that calls a function. */
export class Alarm extends Deadline {
  readonly expire: () => void

  constructor(expire: () => void) {
    super()
    this.expire = expire
  }
}

const waits = new Deadlines()

/**
 * A single wait that is as patient with a busy process as all of {@link Deadlines} are.
 *
 * @returns a function that ends it.
 */
export function patiently(milliseconds: number, over: () => void): () => void {
  const wait = new Alarm(over)
  waits.add(wait, milliseconds)
  return () => waits.remove(wait)
}
