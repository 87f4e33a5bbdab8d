/**
 * The asynchronous worker: writes the log records of the queue, until Ctrl-C or SIGTERM.
 *
 *     npx tsx examples/gearman/log-queue-worker.ts
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { GearmanWorker } from '@glammp/gearman'
import { logQueue } from './log-queue.js'

const worker = new GearmanWorker({ handleSignals: true })

worker.addFunction(logQueue, async (job) => {
  const log = job.workload()
  await sleep(100) // only to show it at work
  console.log(`${log.data} - ${log.msg}`)
})

console.log('log_queue: waiting for jobs')
await worker.work()
