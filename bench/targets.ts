import type { RowResult } from './contest.js'
import { median } from './median.js'
import type { Measurement } from './scenario.js'

/** A target with what was measured. */
export interface Verdict {
  readonly what: string
  readonly target: string
  readonly measured: string
  readonly pass: boolean
}

/** Name under which ours takes part. */
export const OWN = 'glammp'

/** Judges every row that has a target. */
export function judgeRows(results: readonly RowResult[]): Verdict[] {
  const rows = new Map(results.map((result) => [result.row.name, result]))
  return results.flatMap((result) => [...judge(result, rows)])
}

function* judge(
  { row, results }: RowResult,
  rows: ReadonlyMap<string, RowResult>,
): Generator<Verdict> {
  const ours = throughputOf(results.get(OWN)) ?? 0
  const peers = row.peers.flatMap((peer) => throughputOf(results.get(peer)) ?? [])
  const raw = throughputOf(results.get('raw'))
  if (row.best !== undefined && peers.length > 0) {
    yield atLeast(`${row.name}: times the best peer`, row.best, ours / Math.max(...peers))
  }
  if (row.ceiling !== undefined && raw !== undefined) {
    yield atLeast(`${row.name}: of the raw sockets`, row.ceiling, ours / raw)
  }
  if (row.keeps !== undefined) {
    const before = throughputOf(rows.get(row.keeps.row)?.results.get(OWN))
    const what = `${row.name}: of ${row.keeps.row}`
    if (before !== undefined) yield atLeast(what, row.keeps.share, ours / before)
  }
}

function atLeast(what: string, target: number, ratio: number): Verdict {
  const pass = ratio >= target
  return { what, target: `at least ${target}`, measured: ratio.toFixed(2), pass }
}

/** A verdict on a number that must not be larger. */
export function atMost(what: string, limit: number, measured: number, unit: string): Verdict {
  const text = `${measured.toFixed(measured < 10 ? 2 : 0)} ${unit}`.trim()
  return { what, target: `under ${limit} ${unit}`.trim(), measured: text, pass: measured < limit }
}

/** Operations a second, the median of the rounds. */
export function throughputOf(measured: readonly Measurement[] | undefined): number | undefined {
  return median((measured ?? []).map((one) => one.throughput))
}
