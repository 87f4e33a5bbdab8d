/**
 * The job API, worker side: tells gearmand how far the job is, until Ctrl-C or SIGTERM.
 *
 *     npx tsx examples/gearman/job-status-worker.ts
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { GearmanWorker } from '@glammp/gearman'

const worker = new GearmanWorker({ handleSignals: true })

worker.addFunction('title', async (job) => {
  await job.sendStatus(0, 2)
  await sleep(1000)
  await job.sendStatus(1, 2)
  await sleep(1000)
  await job.sendStatus(2, 2)
  await sleep(1000) // after the end nobody could see the last step: gearmand forgets the job
  return ucwords(job.workload().toLowerCase())
})

console.log('title: waiting for jobs')
await worker.work()

/** PHP's ucwords(): the first letter after white space in upper case. Here É counts as a letter. */
function ucwords(text: string): string {
  return text.replace(/(?<!\S)\p{Ll}/gu, (letter) => letter.toUpperCase())
}
