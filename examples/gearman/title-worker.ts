/**
 * The synchronous worker: serves the function `title` until Ctrl-C or SIGTERM, then finishes the
 * job that it has and leaves.
 *
 *     npx tsx examples/gearman/title-worker.ts
 */
import { GearmanWorker } from '@glammp/gearman'

const worker = new GearmanWorker({ handleSignals: true })

worker.addFunction('title', (job) => ucwords(job.workload().toLowerCase()))

console.log('title: waiting for jobs')
await worker.work() // PHP: while ($worker->work());

/** PHP's ucwords(): the first letter after white space in upper case. Here É counts as a letter. */
function ucwords(text: string): string {
  return text.replace(/(?<!\S)\p{Ll}/gu, (letter) => letter.toUpperCase())
}
