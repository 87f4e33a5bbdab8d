import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Histogram } from './histogram.js'

const of = (durations: readonly number[]): Histogram => {
  const histogram = new Histogram()
  for (const duration of durations) histogram.record(duration)
  return histogram
}

test('an empty one has zeros', () => {
  expect(new Histogram().summary()).toEqual({
    count: 0,
    sum: 0,
    p50: 0,
    p90: 0,
    p99: 0,
    max: 0,
    buckets: [],
  })
})

describe('quantiles', () => {
  test('are at most a quarter too much, and never too little', () => {
    const duration = fc.double({ min: 0.01, max: 100_000, noNaN: true })
    fc.assert(
      fc.property(fc.array(duration, { minLength: 1, maxLength: 200 }), (durations) => {
        const sorted = [...durations].sort((a, b) => a - b)
        const { p50, p90, p99, max } = of(durations).summary()
        for (const [share, quantile] of [
          [0.5, p50],
          [0.9, p90],
          [0.99, p99],
        ] as const) {
          const exact = sorted[Math.ceil(sorted.length * share) - 1] ?? 0
          expect(quantile).toBeGreaterThanOrEqual(exact)
          expect(quantile).toBeLessThanOrEqual(exact * 1.25 + 0.001)
        }
        expect(max).toBe(sorted.at(-1))
      }),
    )
  })
})

test('every duration is in one bucket, between its bound and the one before', () => {
  for (let microseconds = 0; microseconds < 10_000; microseconds += 1) {
    const { buckets } = of([(microseconds + 0.5) / 1_000]).summary()
    expect(buckets).toHaveLength(1)
    expect(buckets[0]?.[0]).toBeGreaterThan(microseconds / 1_000)
  }
})

test('what is out of range counts at the ends', () => {
  const { count, buckets, max } = of([-1, 0, 1e9, Number.MAX_VALUE]).summary()
  expect(count).toBe(4)
  expect(buckets.map(([, times]) => times)).toEqual([2, 2])
  expect(max).toBe(Number.MAX_VALUE)
})

test('two together are what one would be', () => {
  const both = of([1, 2, 3])
  both.add(of([4, 500]))
  expect(both.summary()).toEqual(of([1, 2, 3, 4, 500]).summary())
})
