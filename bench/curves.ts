import { type ContestOptions, contest, type Entrant, type RowResult } from './contest.js'
import { median } from './median.js'
import type { Line, Plot } from './plots.js'
import { allPeers, manyPeers, type Row } from './rows.js'
import type { Measurement } from './scenario.js'
import { OWN } from './targets.js'

/** How something moves with one figure of the scenario. */
interface Curve {
  readonly file: string
  readonly title: string
  readonly x: string
  readonly y: string
  readonly points: readonly { readonly x: number; readonly row: Row }[]
}

function row(name: string, scenario: Row['scenario'], more: Partial<Row> = {}): Row {
  return { name, scenario, peers: allPeers, raw: true, ...more }
}

/** Items of these sizes stay within a few MB a client. */
const keysFor = (size: number): number => (size > 10_000 ? 10 : 100)

const curves: readonly Curve[] = [
  {
    file: 'concurrency',
    title: 'get of 100 bytes by calls in flight',
    x: 'calls in flight',
    y: 'gets a second',
    points: [1, 4, 16, 64, 256, 1_024].map((concurrency) => ({
      x: concurrency,
      row: row(`curve: c=${concurrency}`, { operation: 'get', concurrency, size: 100 }),
    })),
  },
  {
    file: 'size',
    title: 'get by value size, 16 calls in flight',
    x: 'bytes of a value',
    y: 'gets a second',
    points: [10, 100, 1_000, 10_000, 100_000, 1_000_000].map((size) => ({
      x: size,
      row: row(`curve: ${size} bytes`, {
        operation: 'get',
        concurrency: 16,
        size,
        keys: keysFor(size),
      }),
    })),
  },
  {
    file: 'servers',
    title: 'get of 100 bytes by servers, 64 calls in flight, 10,000 keys',
    x: 'servers',
    y: 'gets a second',
    points: [1, 3, 10, 30, 100].map((servers) => ({
      x: servers,
      row: row(
        `curve: ${servers} servers`,
        { operation: 'get', concurrency: 64, size: 100, keys: 10_000 },
        { servers, raw: false },
      ),
    })),
  },
  {
    file: 'get-many',
    title: 'getMany of 100 keys by servers, 4 calls in flight',
    x: 'servers',
    y: 'calls a second',
    points: [1, 10, 100].map((servers) => ({
      x: servers,
      row: row(
        `curve: getMany over ${servers} servers`,
        { operation: 'getMany', concurrency: 4, size: 100 },
        { servers, raw: false, peers: manyPeers },
      ),
    })),
  },
]

/** Most servers that a point needs. */
export const mostServers: number = Math.max(
  ...curves.flatMap(({ points }) => points.map((point) => point.row.servers ?? 1)),
)

/**
 * Measures every curve, with fewer rounds than the tables: their shape is what counts.
 *
 * @param few - the servers as the tables have them.
 * @param many - small ones, for the points that need more.
 */
export async function measureCurves(
  entrants: (row: Row) => Entrant[],
  options: ContestOptions,
  many: readonly string[],
): Promise<Plot[]> {
  const plots: Plot[] = []
  for (const { points, ...labels } of curves) {
    const results: { x: number; result: RowResult }[] = []
    for (const { x, row: one } of points) {
      const caches = one.servers === undefined ? options.caches : many
      results.push({ x, result: await contest(one, entrants(one), { ...options, caches }) })
    }
    const lines = (of: (measured: Measurement) => number): Line[] => linesOf(results, of)
    plots.push({ ...labels, lines: lines(({ throughput }) => throughput) })
    plots.push({
      ...labels,
      file: `${labels.file}-latency`,
      title: `${labels.title}: p99`,
      y: 'milliseconds',
      lines: lines(({ p99 }) => p99),
    })
  }
  return plots
}

function linesOf(
  results: readonly { readonly x: number; readonly result: RowResult }[],
  of: (measured: Measurement) => number,
): Line[] {
  const names = new Set(results.flatMap(({ result }) => [...result.results.keys()]))
  return [...names].flatMap((name) => {
    const points = results.flatMap(({ x, result }) => {
      const value = median((result.results.get(name) ?? []).map(of))
      return value === undefined || value === 0 ? [] : [[x, value] as const]
    })
    return points.length === 0 ? [] : [{ name: name === 'raw' ? 'raw sockets' : name, points }]
  })
}

/** Ours last: its line is drawn over the others. */
export function ownLast(names: readonly Entrant[]): Entrant[] {
  const own = names.filter(({ name }) => name === OWN)
  return [...names.filter(({ name }) => name !== OWN), ...own]
}
