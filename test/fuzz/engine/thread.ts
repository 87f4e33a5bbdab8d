import { parentPort, workerData } from 'node:worker_threads'
import { targets } from '../targets/index.js'
import { readCorpus, writeCorpus } from './corpus.js'
import { Fuzzer } from './fuzzer.js'
import { type Assignment, type Outcome, PROGRESS_HEAD } from './progress.js'
import { countBuffers } from './trial.js'

const { name, milliseconds, seed, progress } = workerData as Assignment
const target = targets.find((each) => each.name === name)
if (target === undefined) throw new Error(`no target ${name}`)

countBuffers()
const counters = new Int32Array(progress, 0, 2)
const last = new Uint8Array(progress, PROGRESS_HEAD)
const fuzzer = new Fuzzer(target, seed, (input) => {
  last.set(input.subarray(0, last.length))
  Atomics.store(counters, 1, input.length)
  Atomics.add(counters, 0, 1)
})
const seeds = target.seeds.map((each) =>
  typeof each === 'string' ? Buffer.from(each, 'latin1') : Buffer.from(each),
)
const end = performance.now() + milliseconds
const finding = (await fuzzer.start([...seeds, ...readCorpus(name)])) ?? (await fuzzer.go(end))
const smallest = fuzzer.smallest()
if (finding === undefined) writeCorpus(name, smallest)
const outcome: Outcome = {
  runs: fuzzer.runs,
  reached: fuzzer.reached,
  kept: smallest.length,
  finding,
}
parentPort?.postMessage(outcome)
