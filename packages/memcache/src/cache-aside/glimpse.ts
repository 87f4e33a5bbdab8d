import type { Key } from '../key.js'
import type { GlanceOwner } from '../leases/glance.js'
import type { Seen } from '../requests/look.js'
import type { WrappedItem } from '../values/envelope.js'
import { Flight } from './flight.js'
import type { Search } from './search.js'
import type { WrapPlan } from './wrap-options.js'

/** Where a first look leads. */
export interface Roads {
  /** @returns the value. */
  hit(glimpse: Glimpse, seen: Seen<WrappedItem>): unknown
  search(glimpse: Glimpse, run: (search: Search) => Promise<void>): Promise<unknown>
}

/**
 * A flight of one key, with its first look; if more must be done than returning a value, it goes on
 * by itself. A hit costs only this one object besides the request.
 */
export class Glimpse extends Flight implements GlanceOwner {
  readonly load: () => unknown
  readonly plan: WrapPlan
  readonly #roads: Roads
  #failure: { readonly reason: unknown } | undefined
  #looked = false

  constructor(
    key: Key,
    id: string,
    owner: object,
    load: () => unknown,
    plan: WrapPlan,
    roads: Roads,
  ) {
    super(key, id, plan.tags, owner)
    this.load = load
    this.plan = plan
    this.#roads = roads
  }

  hit(seen: Seen<WrappedItem>): unknown {
    return this.#roads.hit(this, seen)
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
    const run = (search: Search): Promise<void> =>
      failure === undefined ? search.run([this], this.#looked) : search.goOn(this, failure.reason)
    return this.#roads.search(this, run)
  }
}

/** What the caller gets for what a first look gave. */
export function goOn(found: unknown): unknown {
  return found instanceof Glimpse ? found.goOn() : found
}
