/**
 * Both together: a page that always comes from the cache, while background jobs keep it fresh.
 *
 *     npx tsx examples/both/refresh-in-background.ts
 *
 * A request takes the page from memcached. Is it older than a second, the request gets it all the
 * same, and leaves a job behind that makes it anew. For clarity the web side and the worker are one
 * program here; they share nothing but memcached and gearmand and could be on two machines.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { GearmanClient, GearmanWorker } from '@glammp/gearman'
import { MemcacheClient } from '@glammp/memcache'
import { EstadosDatabase } from '../database.js'

interface Page {
  readonly html: string
  readonly madeAt: number
}

const memcache = new MemcacheClient()
const database = new EstadosDatabase()

/** What takes long and nobody shall wait for: all states, read from the database. */
function makePage(): Page {
  const html = `${database.list().length} estados`
  return { html, madeAt: Date.now() }
}

// The worker: "atualização de cache".
const worker = new GearmanWorker()
worker.addFunction('atualiza_pagina', async (job) => {
  const key = job.workload()
  await memcache.set(key, makePage(), 100)
  console.log(`worker: ${key} is made anew`)
})
const working = worker.work()

// The web side.
const client = new GearmanClient()

async function request(): Promise<void> {
  const page = await memcache.wrap('pagina:estados', makePage, { ttl: 100 })
  const age = Date.now() - page.madeAt
  console.log(`request: ${page.html}, made ${Math.round(age / 1000)} s ago`)
  if (age > 1000) {
    // Equal `unique` ids are one job while it waits or runs: a thousand requests leave one behind.
    await client.doBackground('atualiza_pagina', 'pagina:estados', { unique: 'pagina:estados' })
  }
}

await memcache.delete('pagina:estados') // so that it is the same when run again
await request() // from the database: the cache is empty
database.remove('SC')
await sleep(2000)
await request() // the old page, at once; a job makes it anew
await sleep(500)
await request() // the new page

await client.close()
await worker.close()
await working
await memcache.close()
database.close()
