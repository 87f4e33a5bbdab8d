import { writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Row } from './rows.js'
import type { Measurement } from './scenario.js'

export interface RowResult {
  readonly row: Row
  /** The subject that is ours. */
  readonly own: string
  readonly results: ReadonlyMap<string, readonly Measurement[]>
}

export interface Conditions {
  readonly rounds: number
  readonly milliseconds: number
  readonly versions: Readonly<Record<string, string>>
  /** Whether this is the whole benchmark, worth keeping. */
  readonly save: boolean
}

/** Prints the tables with their ratios; the whole benchmark is also written to RESULTS.md. */
export async function report(results: readonly RowResult[], conditions: Conditions): Promise<void> {
  const text = document(results, conditions)
  process.stdout.write(text)
  if (conditions.save) await writeFile(join(import.meta.dirname, 'RESULTS.md'), text)
}

function document(results: readonly RowResult[], conditions: Conditions): string {
  const { rounds, milliseconds, versions } = conditions
  const cache = results.filter(({ row }) => !row.jobs)
  const jobs = results.filter(({ row }) => row.jobs)
  return `# Benchmark

Node ${process.version} on ${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB; ${Object.values(versions).join('; ')}.
Server and client share the machine. Everybody is measured in turn, ${rounds} rounds of
${milliseconds} ms in processes of their own; figures are medians. Ratios are of medians.

${cache.length > 0 ? `## memcached: operations a second\n\n${table(cache)}\n` : ''}
${jobs.length > 0 ? `## Gearman: jobs a second, \`gearmand -t 1\`, worker with 16 jobs at a time\n\nPeers are answered by abraxas's worker, ours by ours, raw sockets by raw sockets.\n\n${table(jobs)}\n` : ''}
## Targets

${targets(results)}
`
}

function table(results: readonly RowResult[]): string {
  const subjects = [...new Set(results.flatMap(({ results: measured }) => [...measured.keys()]))]
  const head = `| | ${subjects.map(label).join(' | ')} |\n|---|${subjects.map(() => '---:').join('|')}|`
  const lines = results.map(({ row, results: measured }) => {
    const cells = subjects.map((subject) => {
      const value = throughput(measured.get(subject))
      const cpu = median((measured.get(subject) ?? []).map((one) => one.cpu))
      return value === undefined ? '' : `${thousands(value)} (${cpu?.toFixed(1)} µs)`
    })
    return `| ${row.name} | ${cells.join(' | ')} |`
  })
  return `${head}\n${lines.join('\n')}\n\nIn brackets: processor time of the client an operation.`
}

function targets(results: readonly RowResult[]): string {
  const lines = results.flatMap((result) => [...judge(result)])
  return `| | target | measured | |\n|---|---:|---:|---|\n${lines.join('\n')}`
}

function* judge({ row, own, results }: RowResult): Generator<string> {
  const ours = throughput(results.get(own)) ?? 0
  const peers = row.peers.flatMap((peer) => throughput(results.get(peer)) ?? [])
  const raw = throughput(results.get('raw'))
  const line = (what: string, target: number, ratio: number): string =>
    `| ${row.name}: ${what} | ${target} | ${ratio.toFixed(2)} | ${ratio >= target ? 'pass' : 'miss'} |`
  if (row.best !== undefined && peers.length > 0) {
    yield line('times the best peer', row.best, ours / Math.max(...peers))
  }
  if (row.ceiling !== undefined && raw !== undefined) {
    yield line('of the raw sockets', row.ceiling, ours / raw)
  }
}

function throughput(measured: readonly Measurement[] | undefined): number | undefined {
  return median((measured ?? []).map((one) => one.throughput))
}

function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)]
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

function label(subject: string): string {
  if (subject === 'raw') return 'raw sockets'
  return subject.startsWith('glammp') ? 'glammp' : subject
}
