/** A place on a ring, and the server that it belongs to. */
export interface Point {
  readonly value: number
  readonly server: number
}

const MOST_SERVERS = 2 ** 16

/** The points of a ring in order; equal ones in the order of their servers, as libmemcached has them. */
export class Continuum {
  readonly #values: Uint32Array
  readonly #servers: Uint16Array

  constructor(points: readonly Point[]) {
    // Both in one number: sorting numbers takes a tenth of the time of sorting objects.
    const count = points.length
    const sorted = new Float64Array(count)
    for (let at = 0; at < count; at += 1) {
      const { value, server } = points[at] as Point
      sorted[at] = value * MOST_SERVERS + server
    }
    sorted.sort()
    this.#values = new Uint32Array(count)
    this.#servers = new Uint16Array(count)
    for (let at = 0; at < count; at += 1) {
      const point = sorted[at] as number
      this.#values[at] = point / MOST_SERVERS
      this.#servers[at] = point % MOST_SERVERS
    }
  }

  /** The server of the first point at or after a hash; past the last the ring starts again. */
  from(hash: number): number {
    const at = this.#firstFrom(hash)
    return this.#servers[at === this.#values.length ? 0 : at] as number
  }

  /** The server of the last point at or before a hash; before the first it is the last of all. */
  before(hash: number): number {
    const at = this.#firstFrom(hash + 1)
    return this.#servers[at === 0 ? this.#values.length - 1 : at - 1] as number
  }

  #firstFrom(hash: number): number {
    const values = this.#values
    let low = 0
    let high = values.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((values[middle] as number) < hash) low = middle + 1
      else high = middle
    }
    return low
  }
}
