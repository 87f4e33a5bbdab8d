import type { Glancer } from '../commands/glance.js'
import type { Seen } from '../protocol/look.js'
import type { WrappedItem } from '../values/envelope.js'
import type { Flight } from './flight.js'
import type { Search } from './search.js'
import type { WrapPlan } from './wrap-options.js'

/** Where a first look leads. */
export interface Roads {
  /** @returns the value. */
  hit(flight: Flight, seen: Seen<WrappedItem>, plan: WrapPlan): unknown
  search(
    flight: Flight,
    load: () => unknown,
    plan: WrapPlan,
    run: (search: Search) => Promise<void>,
  ): Promise<unknown>
}

/** The first look of a flight; where there is more to do than to hand out a value, it goes on by itself. */
export class Glimpse implements Glancer {
  readonly #roads: Roads
  readonly #flight: Flight
  readonly #load: () => unknown
  readonly #plan: WrapPlan
  #failure: { readonly reason: unknown } | undefined
  #looked = false

  constructor(roads: Roads, flight: Flight, load: () => unknown, plan: WrapPlan) {
    this.#roads = roads
    this.#flight = flight
    this.#load = load
    this.#plan = plan
  }

  hit(seen: Seen<WrappedItem>): unknown {
    return this.#roads.hit(this.#flight, seen, this.#plan)
  }

  miss(): unknown {
    this.#looked = true
    return this
  }

  failed(reason: unknown): unknown {
    this.#failure = { reason }
    return this
  }

  goOn(): Promise<unknown> {
    const failure = this.#failure
    const flight = this.#flight
    const run = (search: Search): Promise<void> =>
      failure === undefined
        ? search.run([flight], this.#looked)
        : search.goOn(flight, failure.reason)
    return this.#roads.search(flight, this.#load, this.#plan, run)
  }
}

/** What the caller gets for what a first look gave. */
export function goOn(found: unknown): unknown {
  return found instanceof Glimpse ? found.goOn() : found
}
