import { cpus, totalmem } from 'node:os'
import type { RowResult } from './contest.js'
import { median } from './median.js'
import type { Measurement } from './scenario.js'
import { throughputOf, type Verdict } from './targets.js'

/** What the figures depend on. */
export function machine(versions: readonly string[]): string {
  const [cpu] = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  const date = new Date().toISOString().slice(0, 10)
  return `${date}, Node ${process.version} on ${cpus().length} cores (${cpu?.model.trim()}), ${memory} GiB; ${versions.join('; ')}. Servers and clients share the machine.`
}

/** Operations a second of everybody, with the processor time of the client for one. */
export function throughputTable(results: readonly RowResult[]): string {
  return table(results, ({ results: measured }, name) => {
    const value = throughputOf(measured.get(name))
    const cpu = median((measured.get(name) ?? []).map((one) => one.cpu)) ?? 0
    return value === undefined ? '' : `${thousands(value)} (${cpu.toFixed(1)} µs)`
  })
}

/** p50 and p99 of everybody at half of its own throughput. */
export function latencyTable(results: readonly RowResult[]): string {
  const timed = results.filter(({ latencies }) => latencies.size > 0)
  return table(timed, ({ latencies }, name) => {
    const measured = latencies.get(name)
    if (measured === undefined) return ''
    const at = (which: 'p50' | 'p99'): string => milliseconds(measured.map((one) => one[which]))
    return `${at('p50')} / ${at('p99')}`
  })
}

export function verdictTable(verdicts: readonly Verdict[]): string {
  const lines = verdicts.map(
    ({ what, target, measured, pass }) =>
      `| ${what} | ${target} | ${measured} | ${pass ? 'pass' : '**MISS**'} |`,
  )
  return `| | target | measured | |\n|---|---:|---:|---|\n${lines.join('\n')}`
}

/** A table of every row by everybody who took part in any. */
function table(
  results: readonly RowResult[],
  cell: (result: RowResult, name: string) => string,
): string {
  const names = [...new Set(results.flatMap((result) => [...result.results.keys()]))]
  const lines = results.map((result) => {
    const cells = names.map((name) => cell(result, name))
    return `| ${result.row.name} | ${cells.join(' | ')} |`
  })
  const head = names.map((name) => (name === 'raw' ? 'raw sockets' : name))
  return `| | ${head.join(' | ')} |\n|---|${names.map(() => '---:').join('|')}|\n${lines.join('\n')}`
}

/** Two checkouts beside each other, with the range of the ratios of single rounds. */
export function comparisonTable(
  results: readonly RowResult[],
  here: string,
  there: string,
): string {
  const lines = results.map(({ row, results: measured }) => {
    const one = measured.get(here)
    const other = measured.get(there)
    const cells = [one, other].map((list) => thousands(throughputOf(list) ?? 0))
    const [ratio, low, high] = ratios(one ?? [], other ?? []).map((value) => value.toFixed(2))
    const cpu = [one, other].map((list) => median((list ?? []).map((each) => each.cpu))?.toFixed(2))
    return `| ${row.name} | ${cells.join(' | ')} | ${ratio} (${low} to ${high}) | ${cpu.join(' / ')} µs |`
  })
  const head = `| | ${here} | ${there} | ratio | processor time |`
  return `${head}\n|---|---:|---:|---:|---:|\n${lines.join('\n')}`
}

function ratios(one: readonly Measurement[], other: readonly Measurement[]): number[] {
  const rounds = one.map(({ throughput }, at) => throughput / (other[at]?.throughput ?? Number.NaN))
  return [median(rounds) ?? Number.NaN, Math.min(...rounds), Math.max(...rounds)]
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

function milliseconds(values: readonly number[]): string {
  const value = median(values) ?? 0
  return `${value < 1 ? value.toFixed(2) : value.toFixed(1)} ms`
}
