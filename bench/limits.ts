import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, type Options } from 'tsup'
import { run } from '../test/support/process.js'
import { published } from '../tsup.shared.js'
import { say } from './contest.js'
import { lastError } from './last-error.js'
import type { Held } from './limits/memory.js'
import { median } from './median.js'
import { startCaches } from './servers.js'
import { packageUrl } from './subject.js'
import { atMost, type Verdict } from './targets.js'

/** Runs a script of `limits/` and reads what it prints. */
export async function probe<T>(script: string, ...args: readonly (string | number)[]): Promise<T> {
  const flags = ['--expose-gc', '--import', 'tsx', `bench/limits/${script}.ts`]
  const { code, stdout, stderr } = await run(process.execPath, [...flags, ...args.map(String)], {
    timeout: 180_000,
  })
  if (code !== 0) throw new Error(`${script} failed: ${lastError(stderr)}`)
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as T
}

/** The targets that are no throughput. */
export async function judgeLimits(quick: boolean): Promise<Verdict[]> {
  const judges: Record<string, () => Promise<Verdict[]>> = {
    '@glammp/memcache': () => judgeStart('memcache', quick),
    '@glammp/gearman': () => judgeStart('gearman', quick),
    'ring of 1,000 servers': judgeRing,
    'pending calls': judgePending,
    ...(quick ? {} : { 'heap after 5,000,000 operations': judgeHeap }),
  }
  const verdicts: Verdict[] = []
  for (const [what, judge] of Object.entries(judges)) {
    say(what)
    try {
      verdicts.push(...(await judge()))
    } catch (error) {
      verdicts.push({ what, target: 'measured', measured: String(error), pass: false })
    }
  }
  return verdicts
}

async function judgePending(): Promise<Verdict[]> {
  const [server] = await startCaches(1)
  if (server === undefined) return []
  try {
    const found = await probe<{
      before: Held
      during: Held
      after: Held
      refused: string
      answered: number
    }>('pending', server.address, server.pid ?? 0)
    const { before, during, after, refused, answered } = found
    const what = '100,000 calls pending on a stalled server'
    return [
      atMost(`${what}: resident memory more`, 100, during.resident - before.resident, 'MB'),
      atMost(`${what}: heap more`, 100, during.heap - before.heap, 'MB'),
      {
        what: `${what}: one more is`,
        target: 'ERR_MEMCACHE_QUEUE_FULL',
        measured: refused,
        pass: refused === 'ERR_MEMCACHE_QUEUE_FULL',
      },
      {
        what: `${what}: answered once it goes on`,
        target: '100000',
        measured: String(answered),
        pass: answered === 100_000,
      },
      atMost(`${what}: heap more when all are answered`, 5, after.heap - before.heap, 'MB'),
    ]
  } finally {
    await server.stop()
  }
}

async function judgeHeap(): Promise<Verdict[]> {
  const [server] = await startCaches(1)
  if (server === undefined) return []
  try {
    const found = await probe<{ early: Held; late: Held }>(
      'heap',
      server.address,
      100_000,
      5_000_000,
    )
    const grown = found.late.heap - found.early.heap
    return [
      // A tenth of a byte an operation that stayed would be half a megabyte.
      atMost('heap after 5,000,000 operations, over that after 100,000', 0.5, grown, 'MB'),
    ]
  } finally {
    await server.stop()
  }
}

/** What is found of a ring by `limits/ring.ts`. */
export interface RingFigures {
  readonly count: number
  /** Milliseconds until it answers. */
  readonly build: number
  /** Microseconds for a key never seen. */
  readonly lookup: number
  /** Share of the keys that live elsewhere with one server more. */
  readonly moved: number
  /** Standard deviation of the servers' shares, the mean being 1. */
  readonly deviation: number
  /** Largest share, the mean being 1. */
  readonly busiest: number
  readonly keys: number
}

async function judgeRing(): Promise<Verdict[]> {
  const found = await probe<RingFigures>('ring', 1_000)
  const moved = found.moved * 1_001
  const fixed = await probe<RingFigures>('ring', 1_000, 'ketama-fixed')
  const elsewhere = fixed.moved * 1_001
  return [
    atMost('ring of 1,000 servers: built', 500, found.build, 'ms'),
    atMost('ring of 1,000 servers: lookup of a key never seen', 2, found.lookup, 'µs'),
    atMost('ring of 1,000 servers: keys moved by one more, in 1,001sts', 1.5, moved, ''),
    atMost("the same with 'ketama-fixed'", 1.5, elsewhere, ''),
  ]
}

async function judgeStart(name: 'memcache' | 'gearman', quick: boolean): Promise<Verdict[]> {
  const times: number[] = []
  for (let round = 0; round < (quick ? 3 : 11); round += 1) times.push(await importTime(name))
  const size = await minifiedSize(name)
  return [
    atMost(`@glammp/${name}: import`, 40, median(times) ?? 0, 'ms'),
    atMost(`@glammp/${name}: minified, without dependencies`, 60, size / 1_000, 'KB'),
  ]
}

/** Milliseconds to import the package in a process of its own, dependencies included. */
async function importTime(name: 'memcache' | 'gearman'): Promise<number> {
  const url = JSON.stringify(packageUrl(name, undefined))
  const script = `const at = performance.now(); await import(${url}); console.log(performance.now() - at)`
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script])
  return Number(stdout)
}

/** Bytes of what the package's entry pulls in, as a bundler would make it. */
async function minifiedSize(name: 'memcache' | 'gearman'): Promise<number> {
  const outDir = await mkdtemp(join(tmpdir(), 'glammp-size-'))
  try {
    const options: Options = {
      ...published,
      config: false,
      entry: [`packages/${name}/src/index.ts`],
      format: ['esm'],
      external: [/^[^./]/],
      noExternal: ['@glammp/wire'],
      dts: false,
      sourcemap: false,
      minify: true,
      silent: true,
      outDir,
    }
    await build(options)
    const files = await readdir(outDir)
    const sizes = await Promise.all(files.map((file) => stat(join(outDir, file))))
    return sizes.reduce((sum, { size }) => sum + size, 0)
  } finally {
    await rm(outDir, { recursive: true, force: true })
  }
}
