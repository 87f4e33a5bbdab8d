/**
 * A worker that can be killed: it notes what it does in a file, where a kill loses no line.
 * Arguments: a file, and JSON with the options of the worker, its functions and its first run.
 */
import { openSync, writeSync } from 'node:fs'
import { GearmanWorker, type GearmanWorkerOptions } from '@glammp/gearman'
import { type Note, serve } from './handler.js'

export interface WorkerProcessPlan {
  readonly options: GearmanWorkerOptions<'buffer'>
  readonly functions: readonly string[]
  readonly firstRun: number
}

const [path = '', json = ''] = process.argv.slice(2)
const { options, functions, firstRun } = JSON.parse(json) as WorkerProcessPlan
const file = openSync(path, 'a')
const worker = new GearmanWorker({ ...options, handleSignals: true })
serve(worker, functions, firstRun, (note: Note) => writeSync(file, `${JSON.stringify(note)}\n`))
console.log('working')
await worker.work()
