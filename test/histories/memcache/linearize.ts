/** What may have happened to one key, at one moment between its start and its end. */
export interface Action<State> {
  readonly start: number
  /** Infinity: it may still happen after everything else. */
  readonly end: number
  /** Whether it has happened; else it may have. */
  readonly happened: boolean
  /** Positions of actions that cannot come after it. */
  readonly behind: readonly number[]
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
    const first = this.#firstEnd()
    for (const position of this.#all) {
      const action = this.#actions[position] as Action<State>
      if (this.#done[position] || action.start > first || action.end < latest) continue
      if (action.behind.some((other) => !this.#done[other])) continue
      for (const next of action.apply(state, (other) => this.#done[other] === true)) {
        // What need not happen and changes nothing need not be tried.
        if (!action.happened && this.#nameOf(next) === this.#nameOf(state)) continue
        this.#done[position] = true
        this.#order.push(position)
        const rest = action.happened ? open - 1 : open
        const done = mask | (1n << BigInt(position))
        if (this.#search(next, rest, Math.max(latest, action.start), done)) return true
        this.#order.pop()
        this.#done[position] = false
        if (this.#left <= 0) return false
      }
    }
    return false
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
