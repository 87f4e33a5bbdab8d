import { AsyncLocalStorage } from 'node:async_hooks'
import { type Key, keyText } from '../key.js'
import type { Flight } from './flight.js'

const storage = new AsyncLocalStorage<Loading>()

/** Loads under way in this process. */
let running = 0

/**
 * A load under way, as seen by the calls that it makes: it must not wait for itself. Only calls
 * made while a load runs pay for this.
 */
export class Loading {
  readonly #flights: readonly Flight[]
  /** Ids of the leases that it holds. */
  readonly #leases: readonly string[]
  /** The load that called `wrap`. */
  readonly #parent: Loading | undefined

  constructor(flights: readonly Flight[], leases: readonly string[], parent: Loading | undefined) {
    this.#flights = flights
    this.#leases = leases
    this.#parent = parent
  }

  /** The load that the caller is part of, if it is part of one. */
  static get current(): Loading | undefined {
    return running === 0 ? undefined : storage.getStore()
  }

  async run<T>(load: () => Promise<T>): Promise<T> {
    running += 1
    try {
      return await storage.run(this, load)
    } finally {
      running -= 1
      // It costs every promise of the process, in Node.js before 24.
      if (running === 0) storage.disable()
    }
  }

  /** @throws TypeError if the key is being loaded by this load, or by one that called it. */
  enter(key: Key, id: string, owner: object): void {
    for (const { id: own, owner: at } of this.#loaded()) {
      if (own === id && at === owner) throw waitsForItself(key)
    }
  }

  /**
   * From now on the load waits for the flight. @throws TypeError if that one waits for the load.
   */
  waitFor(flight: Flight): void {
    const own = new Set(this.#loaded())
    if (reaches(flight, own, new Set())) throw waitsForItself(flight.key)
    for (const waiting of this.#flights) waiting.waits.add(flight)
  }

  /** True if the lease is held by this load, or by one that called it. */
  holds(lease: string): boolean {
    return this.#leases.includes(lease) || (this.#parent?.holds(lease) ?? false)
  }

  *#loaded(): Generator<Flight> {
    yield* this.#flights
    if (this.#parent !== undefined) yield* this.#parent.#loaded()
  }
}

export function waitsForItself(key: Key): TypeError {
  return new TypeError(`wrap ${keyText(key)}: called by its own load, it would wait for itself`)
}

function reaches(flight: Flight, wanted: ReadonlySet<Flight>, seen: Set<Flight>): boolean {
  if (wanted.has(flight)) return true
  if (flight.settled || seen.has(flight)) return false
  seen.add(flight)
  return [...flight.waits].some((next) => reaches(next, wanted, seen))
}
