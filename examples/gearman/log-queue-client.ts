/**
 * The asynchronous client: leaves ten log records to the queue and does not wait for them.
 *
 *     npx tsx examples/gearman/log-queue-client.ts
 */
import { GearmanClient } from '@glammp/gearman'
import { logQueue } from './log-queue.js'

const client = new GearmanClient()

for (let i = 0; i < 10; i++) {
  const log = {
    data: new Date().toLocaleString('en-GB', { dateStyle: 'full', timeStyle: 'medium' }),
    msg: `O Ivo andou de patins ${i} vez(es)`,
  }
  // Resolves when gearmand has the job: it is safe there, whether or not a worker runs.
  const handle = await client.doBackground(logQueue, log)
  console.log(`${handle} queued`)
}

await client.close()
