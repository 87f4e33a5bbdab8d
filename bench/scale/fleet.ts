import { MemcacheClient } from '@glammp/memcache'
import { held } from '../limits/memory.js'

// A child process: what a client of many real servers holds, and what getMany costs over them.
const servers = (process.argv[2] ?? '').split(',')
const CALLS = 400

async function getMany(count: number): Promise<{ servers: number; cpu: number; time: number }> {
  const client = new MemcacheClient({ servers: servers.slice(0, count), timeout: 10_000 })
  const keys = Array.from({ length: 100 }, (_, at) => `many:${at}`)
  await client.setMany(keys.map((key) => [key, 'v'.repeat(100)] as const))
  for (let call = 0; call < 100; call += 1) await client.getMany(keys)
  const before = process.cpuUsage()
  const started = performance.now()
  for (let call = 0; call < CALLS; call += 1) await client.getMany(keys)
  const time = ((performance.now() - started) * 1_000) / CALLS
  const { user, system } = process.cpuUsage(before)
  await client.close()
  return { servers: count, cpu: (user + system) / CALLS, time }
}

const before = await held()
const client = new MemcacheClient({ servers, timeout: 10_000, connectTimeout: 10_000 })
const started = performance.now()
await client.connect()
const connect = performance.now() - started
const connected = await held()
const { open } = client.metrics().connections
await client.close()
// The first thousands of calls run cold, whatever the number of servers.
for (const count of [1, 10, servers.length]) await getMany(count)
const many: { servers: number; cpu: number; time: number }[] = []
for (const count of [1, 3, 10, 30, servers.length]) many.push(await getMany(count))
const result = { servers: servers.length, open, connect, before, connected, many }
process.stdout.write(`${JSON.stringify(result)}\n`)
