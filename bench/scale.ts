import { readFileSync } from 'node:fs'
import type { Held } from './limits/memory.js'
import { probe, type RingFigures } from './limits.js'
import { machine } from './report.js'
import { startCaches, versions } from './servers.js'

/** Real servers; as many as one machine carries beside what is measured. */
const REAL = 100
/** The talk's loads. */
const TALK = { requests: 300_000, servers: 805, bytes: 28e12, jobs: 12e6, jobServers: 60 }
/** Bytes of an item: what the talk does not say. */
const ITEM = 1_000
/** Seconds that items live in the gutter. */
const GUTTER_TTL = 10

interface FleetFigures {
  readonly servers: number
  readonly open: number
  readonly connect: number
  readonly before: Held
  readonly connected: Held
  readonly many: readonly { servers: number; cpu: number; time: number }[]
}

/**
 * Share of reads that a gutter answers: a key read `rate * p` times a second is filled by its first
 * read and answered for `ttl` seconds, so its share is x / (1 + x) with x = rate * p * ttl.
 *
 * @param items - keys of the lost server, whose popularity is that of Zipf's law with exponent 1.
 */
function gutterHits(rate: number, ttl: number, items: number): number {
  let norm = 0
  for (let rank = 1; rank <= items; rank += 1) norm += 1 / rank
  let hits = 0
  for (let rank = 1; rank <= items; rank += 1) {
    const share = 1 / rank / norm
    const expected = rate * share * ttl
    hits += share * (expected / (1 + expected))
  }
  return hits
}

function residentOf(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1_000
}

function print(head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  const rule = line(head.map((_, at) => (at === 0 ? '---' : '---:')))
  console.log(`\n${line(head)}\n${rule}\n${rows.map(line).join('\n')}`)
}

async function rings(): Promise<void> {
  const rows: string[][] = []
  for (const distribution of ['ketama', 'ketama-fixed', 'modula']) {
    for (const count of [10, 30, 100, 300, 1_000]) {
      const found = await probe<RingFigures>('ring', count, distribution)
      const { build, lookup, deviation, busiest, moved } = found
      rows.push([
        `${distribution}, ${count}`,
        `${build.toFixed(0)} ms`,
        `${lookup.toFixed(2)} µs`,
        `${(deviation * 100).toFixed(1)} %`,
        busiest.toFixed(2),
        `${(moved * 100).toFixed(2)} %`,
        `${(100 / (count + 1)).toFixed(2)} %`,
      ])
    }
  }
  const head = [
    'servers',
    'built',
    'lookup',
    'deviation',
    'busiest',
    'moved by one more',
    '1/(n+1)',
  ]
  print(head, rows)
}

async function fleet(): Promise<void> {
  const servers = await startCaches(REAL, false)
  try {
    const idle = residentOf(servers[0]?.pid)
    const found = await probe<FleetFigures>('../scale/fleet', servers.map((s) => s.address).join())
    const each = (found.connected.resident - found.before.resident) / found.open
    const heap = (found.connected.heap - found.before.heap) / found.open
    print(
      ['client of real servers', String(REAL), `times 8.05: ${TALK.servers}`],
      [
        ['connections', found.open, Math.round((found.open * TALK.servers) / REAL)],
        [
          'to connect to all, ms',
          found.connect.toFixed(0),
          ((found.connect * TALK.servers) / REAL).toFixed(0),
        ],
        ['resident MB more', (each * REAL).toFixed(1), (each * TALK.servers).toFixed(0)],
        ['heap MB more', (heap * REAL).toFixed(1), (heap * TALK.servers).toFixed(0)],
      ],
    )
    console.log(`\nan idle memcached (-t 1 -m 64): ${idle.toFixed(1)} MB resident`)
    print(
      ['getMany of 100 over', 'servers asked, n(1-(1-1/n)^100)', 'µs of CPU a call', 'µs a call'],
      found.many.map(({ servers: n, cpu, time }) => [
        n,
        (n * (1 - (1 - 1 / n) ** 100)).toFixed(1),
        cpu.toFixed(0),
        time.toFixed(0),
      ]),
    )
    const herd = await probe<{ reads: number; plain: number; leased: number }>(
      '../scale/herd',
      servers[0]?.address ?? '',
    )
    console.log(
      `\n${herd.reads} reads of one missing key by 50 clients within one load: ${herd.plain} loads by get and set, ${herd.leased} by wrap`,
    )
  } finally {
    await Promise.all(servers.map((server) => server.stop()))
  }
}

function talk(): void {
  const rate = TALK.requests / TALK.servers
  const bytes = TALK.bytes / TALK.servers
  const items = bytes / ITEM
  const hits = gutterHits(rate, GUTTER_TTL, items)
  const jobs = TALK.jobs / 86_400
  print(
    ['the talk', 'figure', 'formula'],
    [
      ['requests a second and server', rate.toFixed(0), '300,000 / 805'],
      ['bytes a server', `${(bytes / 1e9).toFixed(1)} GB`, '28 TB / 805'],
      ['items a server of 1,000 bytes', `${(items / 1e6).toFixed(1)} million`, 'bytes / 1,000'],
      ['loads of one lost server, no failover', `${rate.toFixed(0)} /s`, 'all its reads'],
      ['the same with a gutter of 10 s', `${(rate * (1 - hits)).toFixed(0)} /s`, 'see text'],
      ['share that the gutter answers', `${(hits * 100).toFixed(0)} %`, 'see text'],
      ['jobs a second, all', jobs.toFixed(0), '12,000,000 / 86,400'],
      ['jobs a second and server', (jobs / TALK.jobServers).toFixed(1), 'the same / 60'],
    ],
  )
}

console.log(machine(await versions()))
talk()
await rings()
await fleet()
