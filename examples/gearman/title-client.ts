/**
 * The synchronous client: gives the function `title` a sentence and waits for the result.
 *
 *     npx tsx examples/gearman/title-client.ts
 *
 * Start title-worker.ts in another terminal: until there is a worker, the job waits in gearmand.
 */
import { GearmanClient } from '@glammp/gearman'

// PHP's addServer() without arguments: the servers of GEARMAN_SERVERS, or else localhost:4730.
const client = new GearmanClient()

console.log(await client.do('title', 'o Ivo andava de PATINS!!!'))

await client.close()
