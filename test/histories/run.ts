// Random programs of several clients on real servers with faults; what they saw is judged.
import { readArguments, USAGE, type Wishes } from './arguments.js'
import { runSeeds, type Summary } from './seeds.js'

/** Each is loaded only where it is run. */
const SUBJECTS: Readonly<Record<string, (wishes: Wishes) => Promise<Summary>>> = {
  memcache: async ({ seeds, ...options }) => {
    const { memcache } = await import('./memcache/subject.js')
    return runSeeds(memcache, seeds, { ...options, say: console.log })
  },
  gearman: async ({ seeds, ...options }) => {
    const { gearman } = await import('./gearman/subject.js')
    return runSeeds(gearman, seeds, { ...options, say: console.log })
  },
}

/** Milliseconds in which a process that has nothing left to do must have ended. */
const END = 5_000

const wishes = readWishes()
const begin = performance.now()
let failed = 0
for (const [name, run] of Object.entries(SUBJECTS)) {
  if (wishes.only !== undefined && wishes.only !== name) continue
  const summary = await run(wishes)
  const figures = Object.entries(summary.figures).map(([what, count]) => `${count} ${what}`)
  console.log(`${name}: ${wishes.seeds.length} seeds, ${figures.join(', ')}`)
  console.log(`${name}: ${summary.failed.length} seeds failed ${summary.failed.join(' ')}`)
  failed += summary.failed.length
}
console.log(`${((performance.now() - begin) / 1_000).toFixed(1)} s`)
if (failed > 0) process.exitCode = 1

// It does not keep the process, it only tells what does.
setTimeout(() => {
  console.log('the process does not end:', process.getActiveResourcesInfo().join(' '))
  process.exit(2)
}, END).unref()

function readWishes(): Wishes {
  try {
    const read = readArguments(process.argv.slice(2))
    if (read.only === undefined || read.only in SUBJECTS) return read
    throw new TypeError(`--only is ${Object.keys(SUBJECTS).join(' or ')}, not ${read.only}`)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`)
    process.exit(2)
  }
}
