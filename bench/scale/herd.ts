import { setTimeout as sleep } from 'node:timers/promises'
import { MemcacheClient } from '@glammp/memcache'

// A child process: one hot key that is missing, asked for by many clients, with and without leases.
const [server = ''] = process.argv.slice(2)
const CLIENTS = 50
const READS = 20
/** Milliseconds of one computation. */
const LOAD = 100

type Read = (client: MemcacheClient, load: () => Promise<string>) => Promise<unknown>

async function loads(read: Read): Promise<number> {
  const clients = Array.from({ length: CLIENTS }, () => new MemcacheClient(server))
  await Promise.all(clients.map((client) => client.connect()))
  await clients[0]?.delete('hot')
  let count = 0
  const load = async (): Promise<string> => {
    count += 1
    await sleep(LOAD)
    return 'value'
  }
  // Every client asks once in five milliseconds: all of it within one computation.
  const reader = async (client: MemcacheClient): Promise<void> => {
    const answers: Promise<unknown>[] = []
    for (let turn = 0; turn < READS; turn += 1) {
      answers.push(read(client, load))
      await sleep(LOAD / READS)
    }
    await Promise.all(answers)
  }
  await Promise.all(clients.map(reader))
  await Promise.all(clients.map((client) => client.close()))
  return count
}

const plain = await loads(async (client, load) => {
  const found = await client.get('hot')
  if (found !== undefined) return found
  const value = await load()
  await client.set('hot', value, 60)
  return value
})
const leased = await loads((client, load) => client.wrap('hot', load, { ttl: 60 }))
process.stdout.write(`${JSON.stringify({ reads: CLIENTS * READS, plain, leased })}\n`)
