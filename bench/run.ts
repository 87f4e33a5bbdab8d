import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { HELP } from '../scripts/servers.mjs'
import { serversAreEmbedded } from '../test/support/server-source.js'
import { type ContestOptions, contest, type Entrant, type RowResult } from './contest.js'
import { measureCurves, mostServers, ownLast } from './curves.js'
import { judgeLimits } from './limits.js'
import { installPeers } from './peers.js'
import { draw } from './plots.js'
import { comparisonTable, latencyTable, machine, throughputTable, verdictTable } from './report.js'
import { cacheRows, defaultRows, jobRows, type Row } from './rows.js'
import { startCaches, versions } from './servers.js'
import { judgeRows, OWN } from './targets.js'

const USAGE = `npm run bench -- [options]
  --quick           a few rows, one round, two peers: under a minute
  --only TEXT       rows whose name has the text; nothing is written to RESULTS.md
  --against DIR     ours of this checkout beside ours of another one
  --plots           the curves alone
  --scale           what docs/scale.md is made of, alone
  --limits          memory, ring, import and size alone
  --rounds N        5 unless said
  --milliseconds N  of a turn; 500 unless said`

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    against: { type: 'string' },
    plots: { type: 'boolean', default: false },
    scale: { type: 'boolean', default: false },
    limits: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    milliseconds: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(USAGE)
  process.exit(0)
}
if (serversAreEmbedded) {
  console.error(`memcached and gearmand themselves are measured:\n${HELP}`)
  process.exit(1)
}
if (values.scale) {
  await import('./scale.js')
  process.exit(0)
}
const { quick, only, against } = values
const complete = !quick && only === undefined && against === undefined
const partial = values.plots || values.limits
const rounds = Number(values.rounds ?? (quick ? 1 : 5))
const milliseconds = Number(values.milliseconds ?? (quick ? 250 : 500))

function wanted(row: Row): boolean {
  if (partial) return false
  return row.name.includes(only ?? '') && (!quick || row.quick === true)
}

function entrants(row: Row): Entrant[] {
  const jobs = row.scenario.buffers ? 'glammp-gearman-buffers' : 'glammp-gearman'
  const subject = row.gearmand === undefined ? 'glammp' : jobs
  if (against !== undefined) {
    const there = { name: 'there', subject, checkout: resolve(against) }
    return [{ name: 'here', subject }, there]
  }
  const peers = quick ? row.peers.slice(0, 2) : row.peers
  const raw = row.raw ? [{ name: 'raw', subject: 'raw' }] : []
  return [...raw, { name: OWN, subject }, ...peers.map((name) => ({ name, subject: name }))]
}

async function measureRows(rows: readonly Row[], options: ContestOptions): Promise<RowResult[]> {
  const results: RowResult[] = []
  for (const row of rows.filter(wanted)) results.push(await contest(row, entrants(row), options))
  return results
}

if (against === undefined) installPeers()
else execFileSync('node', ['scripts/setup.mjs'], { cwd: against, stdio: 'inherit' })
const started = performance.now()
const caches = await startCaches(3)
const warmUp = quick ? 250 : 1_500
const options = { rounds, milliseconds, warmUp, caches: caches.map(({ address }) => address) }
const cache = await measureRows(cacheRows, options)
const jobs = await measureRows(jobRows, options)
const defaults = complete || only !== undefined ? await measureRows(defaultRows, options) : []
const all = [...cache, ...jobs, ...defaults]

const sections: string[] = []
if (against !== undefined) {
  sections.push(comparisonTable(all, 'here', 'there'))
} else {
  const note = `Everybody is measured in turn, ${rounds} rounds of ${milliseconds} ms after ${warmUp} ms to warm up, each in a process of its own; figures are medians, ratios are of medians. In brackets: processor time of the client for one operation.`
  sections.push('# Benchmark', machine(await versions()), note)
  const section = (title: string, rows: readonly RowResult[]): void => {
    if (rows.length > 0) sections.push(`## ${title}`, throughputTable(rows))
  }
  section('memcached: operations a second', cache)
  section('Gearman: jobs a second, `gearmand -t 1`', jobs)
  section('Gearman: jobs a second, as gearmand comes', defaults)
  if (jobs.length > 0) {
    sections.push(
      "A worker process runs 16 jobs at a time: abraxas's for the peers, ours for ours, raw sockets for raw sockets. Nobody takes the jobs of doBackground: gearmand has `--hashtable-buckets 1000003` there, so that a long queue costs it no more than a short one.",
    )
  }
  const complaints = all.flatMap((result) => result.complaints)
  if (complaints.length > 0) {
    const list = complaints.map((complaint) => `- ${complaint}`).join('\n')
    sections.push(
      `Who failed began anew, twice at most, and counts with the rounds that it ended:\n\n${list}`,
    )
  }
  const timed = all.filter(({ latencies }) => latencies.size > 0)
  if (timed.length > 0) {
    sections.push('## Latency at half the throughput, p50 / p99', latencyTable(timed))
    sections.push(
      'Each at half of what it reaches itself; calls start at their time whether others are late or not.',
    )
  }
  const limits = only === undefined && !values.plots ? await judgeLimits(quick) : []
  const verdicts = [...judgeRows(all), ...limits]
  if (verdicts.length > 0) sections.push('## Targets', verdictTable(verdicts))
}
if ((complete && !partial) || values.plots) {
  const many = await startCaches(mostServers, false)
  const addresses = many.map(({ address }) => address)
  const curveOptions = {
    ...options,
    rounds: Math.min(rounds, 3),
    milliseconds: milliseconds * 0.6,
    warmUp: 500,
  }
  const plots = await measureCurves((row) => ownLast(entrants(row)), curveOptions, addresses)
  await Promise.all(many.map((server) => server.stop()))
  await draw(plots)
  const images = plots.map(({ title, file }) => `![${title}](results/${file}.svg)`)
  sections.push('## Curves', images.join('\n\n'))
}
await Promise.all(caches.map((server) => server.stop()))
const text = `${sections.join('\n\n')}\n`
process.stdout.write(text)
if (complete && !partial) await writeFile(join(import.meta.dirname, 'RESULTS.md'), text)
process.stderr.write(`${Math.round((performance.now() - started) / 1_000)} s\n`)
