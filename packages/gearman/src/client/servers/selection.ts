/** The part of a server that selection needs. */
export interface Candidate {
  readonly name: string
  readonly weight: number
  /** It failed and has not answered since: others are preferred. */
  readonly down: boolean
}

/**
 * Chooses the server of a job. Jobs without a key are spread by weight; those with equal keys go to
 * equal servers, in every process that lists the same servers, in whatever order.
 */
export class Selection<T extends Candidate> {
  readonly #candidates: T[] = []
  readonly #credit: number[] = []

  get candidates(): readonly T[] {
    return this.#candidates
  }

  add(candidate: T): void {
    this.#candidates.push(candidate)
    this.#credit.push(0)
  }

  /**
   * The server for a job, one that is down only where no other is left; `undefined` if all are
   * excluded.
   */
  pick(key: string | undefined, excluded: ReadonlySet<unknown> | undefined): T | undefined {
    const only = this.#candidates[0]
    if (this.#candidates.length === 1 && excluded === undefined) return only
    return this.#choose(key, excluded, false) ?? this.#choose(key, excluded, true)
  }

  #choose(
    key: string | undefined,
    excluded: ReadonlySet<unknown> | undefined,
    down: boolean,
  ): T | undefined {
    let best = -1
    let bestScore = -Infinity
    let total = 0
    for (const [index, candidate] of this.#candidates.entries()) {
      if (candidate.down !== down || excluded?.has(candidate)) continue
      total += candidate.weight
      // Without a key, each saves up its weight and the richest pays the round: an even order.
      const score =
        key === undefined
          ? (this.#credit[index] ?? 0) + candidate.weight
          : rendezvousScore(key, candidate)
      if (key === undefined) this.#credit[index] = score
      if (score > bestScore) {
        best = index
        bestScore = score
      }
    }
    if (best === -1) return undefined
    if (key === undefined) this.#credit[best] = bestScore - total
    return this.#candidates[best]
  }
}

/** Highest random weight: a removed server moves only its own keys, in shares by weight. */
function rendezvousScore(key: string, candidate: Candidate): number {
  const uniform = (hash(`${candidate.name}\0${key}`) + 0.5) / 2 ** 32
  return -candidate.weight / Math.log(uniform)
}

/** FNV-1a, then mixed once more: its high bits alone hardly differ between short similar keys. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}
