/**
 * The job API, client side: starts a background job and asks again and again how far it is.
 *
 *     npx tsx examples/gearman/job-status-client.ts
 *
 * Start job-status-worker.ts in another terminal.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { GearmanClient } from '@glammp/gearman'

const client = new GearmanClient()

let handle: string
try {
  handle = await client.doBackground('title', 'o PHp')
} catch (error) {
  // What returnCode() != GEARMAN_SUCCESS is in PHP.
  console.error('Job com problemas', error)
  process.exit(1)
}

let done = false
do {
  await sleep(400)
  const status = await client.jobStatus(handle)
  if (!status.known) done = true // gearmand has forgotten it: the job is over
  if (status.running) {
    console.log(`Executando: passo ${status.numerator} de ${status.denominator}`)
  }
} while (!done)

await client.close()
