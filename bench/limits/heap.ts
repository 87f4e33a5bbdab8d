import { MemcacheClient } from '@glammp/memcache'
import { held } from './memory.js'

// A child process: whether anything is left of operations that are long over.
const [server = '', few = '', many = ''] = process.argv.slice(2)
const client = new MemcacheClient({ servers: server, timeout: 10_000 })
let done = 0

async function operate(until: number): Promise<void> {
  const caller = async (): Promise<void> => {
    while (done < until) {
      done += 1
      const key = `key:${done % 10_000}`
      if (done % 10 === 0) await client.set(key, 'v'.repeat(100))
      else await client.get(key)
    }
  }
  await Promise.all(Array.from({ length: 256 }, caller))
}

await operate(Number(few))
const early = await held()
await operate(Number(many))
const late = await held()
await client.close()
process.stdout.write(`${JSON.stringify({ early, late })}\n`)
