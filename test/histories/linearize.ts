/** What may have happened to one key, at one moment between its start and its end. */
export interface Action<State> {
  readonly start: number
  /** Infinity: it may still happen after everything else. */
  readonly end: number
  /** Whether it has happened; else it may have. */
  readonly happened: boolean
  /** Positions of actions that cannot come after it. */
  readonly behind: readonly number[]
  /** It changes no state in which it can happen, and no other asks if it came before. */
  readonly onlyLooks?: boolean
  /**
   * The states that it may lead to; none if it cannot have happened in this one.
   *
   * @param before - whether the action at this position has come before it.
   */
  apply(state: State, before: (position: number) => boolean): readonly State[]
}

/** `undecided`: the search was given up. */
type Verdict = 'linearizable' | 'undecided' | 'impossible'

export interface Found {
  readonly verdict: Verdict
  /** The most actions that fit one order: the first that does not is near their end. */
  readonly longest: readonly number[]
}

/**
 * Whether there is an order of the actions that fits their times and leads from the first state to
 * the last, each action seeing what those before it did: the search of Wing and Gong, which does
 * not look twice at the same state after the same actions (Lowe).
 */
export const linearize = <State>(
  actions: readonly Action<State>[],
  initial: State,
  nameOf: (state: State) => string,
  limit = 300_000,
): Found => new Search(actions, nameOf, limit).run(initial)

class Search<State> {
  readonly #actions: readonly Action<State>[]
  readonly #nameOf: (state: State) => string
  readonly #seen = new Set<string>()
  readonly #done: boolean[]
  readonly #order: number[] = []
  /** Positions by their start: those that must happen, and all of them. */
  readonly #needed: readonly number[]
  readonly #all: readonly number[]
  #longest: readonly number[] = []
  #left: number

  constructor(actions: readonly Action<State>[], nameOf: (state: State) => string, limit: number) {
    this.#actions = actions
    this.#nameOf = nameOf
    this.#left = limit
    this.#done = actions.map(() => false)
    const positions = actions.map((_, position) => position)
    const at = (position: number): Action<State> => actions[position] as Action<State>
    this.#needed = positions.filter((position) => at(position).happened)
    // What must happen soon comes first, what may never happen last.
    const urgency = ({ happened, end }: Action<State>): number => (happened ? end : Infinity)
    this.#all = positions.sort(
      (one, other) => urgency(at(one)) - urgency(at(other)) || at(one).start - at(other).start,
    )
  }

  run(initial: State): Found {
    const fits = this.#search(initial, this.#needed.length, 0, 0n)
    const verdict = fits ? 'linearizable' : this.#left <= 0 ? 'undecided' : 'impossible'
    return { verdict, longest: this.#longest }
  }

  /**
   * @param open - how many of the needed are not done.
   * @param latest - the latest start of those that are done.
   * @param mask - those that are done.
   */
  #search(state: State, open: number, latest: number, mask: bigint): boolean {
    if (this.#order.length > this.#longest.length) this.#longest = [...this.#order]
    if (open === 0) return true
    const name = `${mask.toString(36)} ${this.#nameOf(state)}`
    if (this.#seen.has(name)) return false
    this.#seen.add(name)
    this.#left -= 1
    if (this.#left <= 0) return false
    const before = (other: number): boolean => this.#done[other] === true
    const moves = this.#moves(latest)
    const isSame = (other: State): boolean => this.#nameOf(other) === this.#nameOf(state)
    const go = (position: number, next: State): boolean => {
      const { happened, start } = this.#actions[position] as Action<State>
      this.#done[position] = true
      this.#order.push(position)
      const done = mask | (1n << BigInt(position))
      const fits = this.#search(next, happened ? open - 1 : open, Math.max(latest, start), done)
      this.#order.pop()
      this.#done[position] = false
      return fits
    }
    // What only looks, and sees this state, may as well come now: no other order is better. A change
    // that leaves this state as it is would change another, and the order may need that.
    for (const position of moves) {
      const { happened, start, onlyLooks, apply } = this.#actions[position] as Action<State>
      if (!happened || onlyLooks !== true || this.#closes(start, latest)) continue
      if (apply(state, before).length > 0) return go(position, state)
    }
    for (const position of moves) {
      const { happened, apply } = this.#actions[position] as Action<State>
      for (const next of apply(state, before)) {
        // What need not happen and changes nothing need not be tried.
        if (!happened && isSame(next)) continue
        if (go(position, next)) return true
        if (this.#left <= 0) return false
      }
    }
    return false
  }

  /** Those that may come next. */
  #moves(latest: number): readonly number[] {
    const first = this.#firstEnd()
    return this.#all.filter((position) => {
      const { start, end, behind } = this.#actions[position] as Action<State>
      if (this.#done[position] || start > first || end < latest) return false
      return behind.every((other) => this.#done[other])
    })
  }

  /** Whether something that need not happen can no longer, once an action of this start is done. */
  #closes(start: number, latest: number): boolean {
    return this.#actions.some(
      ({ happened, end }, position) =>
        !happened && !this.#done[position] && end >= latest && end < start,
    )
  }

  #firstEnd(): number {
    let first = Number.POSITIVE_INFINITY
    for (const position of this.#needed) {
      if (this.#done[position]) continue
      first = Math.min(first, (this.#actions[position] as Action<State>).end)
    }
    return first
  }
}
