import type { ServerAddress } from '@glammp/wire'
import { oneAtATime } from './modula.js'

/**
 * Rendezvous hashing: every server has a score for a key, and of any set of servers the one with
 * the highest takes it. So processes that see the same servers agree whatever they saw before, a
 * server that leaves the set moves only its own keys, and a set needs no preparation.
 */
export class Ranking {
  readonly #seeds: readonly number[]
  readonly #weights: readonly number[]

  constructor(servers: readonly ServerAddress[]) {
    this.#seeds = servers.map(({ name }) => mixed(oneAtATime(name)))
    this.#weights = servers.map(({ weight }) => weight)
  }

  /**
   * @param among - positions of servers in the list.
   * @returns the position of the key's server; `undefined` if there is none to choose from.
   */
  pick(key: string, among: readonly number[]): number | undefined {
    const hash = oneAtATime(key)
    let best: number | undefined
    let highest = Number.NEGATIVE_INFINITY
    for (const position of among) {
      const share = (mixed((this.#seeds[position] as number) ^ hash) + 1) / 2 ** 32
      // A server with twice the weight of another wins twice as often.
      const score = Math.log(share) / (this.#weights[position] as number)
      if (best !== undefined && score <= highest) continue
      best = position
      highest = score
    }
    return best
  }
}

/** The end of MurmurHash3: each bit of the number changes half of the others. */
function mixed(number: number): number {
  const first = Math.imul(number ^ (number >>> 16), 0x85ebca6b)
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2ae35)
  return (second ^ (second >>> 16)) >>> 0
}
