import { parseArgs } from 'node:util'
import { run as runProcess } from '../test/support/process.js'
import { installPeers } from './peers.js'
import { type RowResult, report } from './report.js'
import { cacheRows, jobRows, type Row } from './rows.js'
import type { Measurement, Order } from './scenario.js'
import { startCaches, startJobs, versions } from './servers.js'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    milliseconds: { type: 'string' },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log('npm run bench -- [--quick] [--rounds 5] [--milliseconds 1500] [--only TEXT]')
  process.exit(0)
}
const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))
const milliseconds = Number(values.milliseconds ?? (values.quick ? 300 : 1_500))
const wanted = ({ name }: Row): boolean => name.includes(values.only ?? '')

async function measure(order: Order): Promise<Measurement> {
  const args = ['--import', 'tsx', 'bench/measure.ts', JSON.stringify(order)]
  const { code, stdout, stderr } = await runProcess(process.execPath, args, { timeout: 60_000 })
  if (code !== 0) throw new Error(`${order.subject} failed: ${stderr.trim().split('\n').at(-1)}`)
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Measurement
}

/** Everybody in turn, round after round: what slows the machine for a while slows them all. */
async function measureRow(row: Row, caches: readonly string[]): Promise<RowResult> {
  const own = row.jobs ? 'glammp-gearman' : 'glammp'
  const peers = values.quick ? row.peers.slice(0, 2) : row.peers
  const subjects = [...(row.raw ? ['raw'] : []), own, ...peers]
  const results = new Map<string, Measurement[]>(subjects.map((subject) => [subject, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const subject of subjects) {
      process.stderr.write(`\r${row.name}: round ${round + 1} of ${rounds}, ${subject}`.padEnd(78))
      try {
        results.get(subject)?.push(await measureOnce(row, subject, caches))
      } catch (error) {
        process.stderr.write(`\n${row.name}: ${(error as Error).message}\n`)
      }
    }
  }
  return { row, own, results }
}

async function measureOnce(
  row: Row,
  subject: string,
  caches: readonly string[],
): Promise<Measurement> {
  const { scenario } = row
  if (!row.jobs) {
    const servers = caches.slice(0, row.servers ?? 1)
    return measure({ subject, scenario, servers, milliseconds })
  }
  await using stage = await startJobs(row, subject)
  return measure({ subject, scenario, servers: stage.servers, milliseconds })
}

installPeers()
const caches = await startCaches(3)
const addresses = caches.map(({ address }) => address)
const results: RowResult[] = []
for (const row of [...cacheRows, ...jobRows].filter(wanted)) {
  results.push(await measureRow(row, addresses))
}
process.stderr.write('\n')
await Promise.all(caches.map((cache) => cache.stop()))
const complete = !values.quick && values.only === undefined
await report(results, { rounds, milliseconds, versions: await versions(), save: complete })
