/**
 * The six calls: three priorities, each waiting for the result or in the background.
 *
 *     npx tsx examples/gearman/priorities.ts
 *
 * Start title-worker.ts in another terminal. When several jobs wait, gearmand gives a free worker
 * one of high priority first, one of low priority last.
 */
import { GearmanClient } from '@glammp/gearman'

const client = new GearmanClient()

// Synchronous: each resolves to the result.
console.log('do:', await client.do('title', 'uma frase qualquer'))
console.log('doHigh:', await client.doHigh('title', 'uma frase qualquer'))
console.log('doLow:', await client.doLow('title', 'uma frase qualquer'))

// Asynchronous: each resolves to the handle of the job.
console.log('doBackground:', await client.doBackground('title', 'uma frase qualquer'))
console.log('doHighBackground:', await client.doHighBackground('title', 'uma frase qualquer'))
console.log('doLowBackground:', await client.doLowBackground('title', 'uma frase qualquer'))

await client.close()
