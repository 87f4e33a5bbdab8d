import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { type Assignment, type Outcome, PROGRESS_HEAD } from './engine/progress.js'
import { targets } from './targets/index.js'

const USAGE = `npm run fuzz -- [options]
  --minutes N   for each decoder; 1 unless said
  --only NAME   one decoder; a comma between several
  --seed N      of the changes to the inputs; by the clock unless said
  --list        their names`

/** Milliseconds without another input after which a decoder hangs. */
const HANG = 15_000
/** Megabytes of the heap of a thread. */
const HEAP = 512
const LONGEST_INPUT = 1 << 20

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    only: { type: 'string' },
    seed: { type: 'string' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const names = targets.map(({ name }) => name)
const wanted = values.only?.split(',') ?? names
const unknown = wanted.filter((name) => !names.includes(name))
if (values.help || values.list) {
  console.log(values.list ? names.join('\n') : USAGE)
} else if (unknown.length > 0) {
  console.error(`no decoder ${unknown.join(', ')}; there are ${names.join(', ')}`)
  process.exitCode = 1
} else {
  const seed = Number(values.seed ?? Date.now() % 2 ** 31)
  console.log(`seed ${seed}, ${values.minutes} minutes each`)
  for (const name of wanted) if (!(await fuzz(name, seed))) process.exitCode = 1
}

async function fuzz(name: string, seed: number): Promise<boolean> {
  const progress = new SharedArrayBuffer(PROGRESS_HEAD + LONGEST_INPUT)
  const milliseconds = Number(values.minutes) * 60_000
  const workerData: Assignment = { name, milliseconds, seed, progress }
  const thread = new Worker(new URL('./engine/thread.ts', import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: HEAP },
  })
  const counters = new Int32Array(progress, 0, 2)
  let seen = -1
  let outcome: Outcome | undefined
  let problem: string | undefined
  const watch = setInterval(() => {
    const now = Atomics.load(counters, 0)
    // Loading takes longer on a busy machine.
    if (now === seen && now > 0) {
      problem = `nothing more for ${HANG} ms`
      void thread.terminate()
    }
    seen = now
  }, HANG)
  await new Promise<void>((resolve) => {
    thread.on('message', (message: Outcome) => {
      outcome = message
    })
    thread.on('error', (error) => {
      problem ??= String(error)
    })
    thread.on('exit', () => resolve())
  })
  clearInterval(watch)
  const runs = outcome?.runs ?? Atomics.load(counters, 0)
  const finding = outcome?.finding
  problem ??= finding?.problem
  if (problem === undefined && outcome !== undefined) {
    const { reached, kept } = outcome
    console.log(`${name}: ${runs} inputs, ${reached} places reached by ${kept} of them, no finding`)
    return true
  }
  const last = new Uint8Array(progress, PROGRESS_HEAD, Math.min(counters[1] ?? 0, LONGEST_INPUT))
  const input = Buffer.from(finding?.input ?? last)
  const file = join(mkdtempSync(join(tmpdir(), 'glammp-fuzz-')), `${name}.bin`)
  writeFileSync(file, input)
  console.log(`${name}: FOUND after ${runs} inputs: ${problem}`)
  console.log(`  ${input.length} bytes in ${file}: ${input.toString('base64').slice(0, 400)}`)
  return false
}
