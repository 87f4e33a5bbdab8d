/** Durations of one kind, as numbers that can be logged or sent as they are. */
export interface HistogramSummary {
  /** How many were counted. */
  readonly count: number
  /** Sum of all, in milliseconds. */
  readonly sum: number
  /** Milliseconds that half of them took at most; like all quantiles, up to a quarter too high. */
  readonly p50: number
  /** Milliseconds that nine of ten took at most. */
  readonly p90: number
  /** Milliseconds that 99 of 100 took at most. */
  readonly p99: number
  /** Milliseconds of the longest. */
  readonly max: number
  /**
   * Upper bounds of the buckets in milliseconds, each with how many durations are in its bucket.
   */
  readonly buckets: readonly (readonly [upTo: number, count: number])[]
}

/** Microseconds of the last bucket: 134 seconds. */
const LONGEST = 2 ** 27 - 1
const BUCKETS = 108

/**
 * Counts durations in buckets whose bounds grow by a quarter of a power of two, from 1 microsecond
 * to two minutes. Counting one costs a few shifts; the buckets are never more.
 */
export class Histogram {
  readonly #buckets = new Float64Array(BUCKETS)
  #count = 0
  #sum = 0
  #max = 0
  #last = -1
  #lastBucket = 0

  /** Counts one duration, in milliseconds. */
  record(milliseconds: number): void {
    // All answers of one batch took equally long.
    if (milliseconds !== this.#last) {
      this.#last = milliseconds
      this.#lastBucket = bucketOf(milliseconds)
      if (milliseconds > this.#max) this.#max = milliseconds
    }
    this.#buckets[this.#lastBucket] = (this.#buckets[this.#lastBucket] as number) + 1
    this.#count += 1
    this.#sum += milliseconds
  }

  /** Counts everything that another one has counted. */
  add(other: Histogram): void {
    for (let index = 0; index < BUCKETS; index += 1) {
      this.#buckets[index] = (this.#buckets[index] as number) + (other.#buckets[index] as number)
    }
    this.#count += other.#count
    this.#sum += other.#sum
    this.#max = Math.max(this.#max, other.#max)
  }

  summary(): HistogramSummary {
    const buckets: [number, number][] = []
    for (const [index, count] of this.#buckets.entries()) {
      if (count > 0) buckets.push([upperBound(index), count])
    }
    return {
      count: this.#count,
      sum: this.#sum,
      p50: this.#quantile(0.5, buckets),
      p90: this.#quantile(0.9, buckets),
      p99: this.#quantile(0.99, buckets),
      max: this.#max,
      buckets,
    }
  }

  #quantile(share: number, buckets: readonly (readonly [number, number])[]): number {
    let left = Math.ceil(this.#count * share)
    for (const [upTo, count] of buckets) {
      left -= count
      if (left <= 0) return Math.min(upTo, this.#max)
    }
    return 0
  }
}

// Four buckets for every power of two: the two bits after the highest one say which.
function bucketOf(milliseconds: number): number {
  const microseconds = Math.min(LONGEST, Math.max(0, Math.floor(milliseconds * 1_000)))
  if (microseconds < 4) return microseconds
  const power = 31 - Math.clz32(microseconds)
  return (power - 1) * 4 + ((microseconds >> (power - 2)) & 3)
}

function upperBound(bucket: number): number {
  if (bucket < 4) return (bucket + 1) / 1_000
  const power = (bucket >> 2) + 1
  return ((5 + (bucket & 3)) * 2 ** (power - 2)) / 1_000
}
