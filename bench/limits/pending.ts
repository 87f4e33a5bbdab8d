import { MemcacheClient } from '@glammp/memcache'
import { held } from './memory.js'

// A child process: what 100,000 calls take that wait for a server which does not answer.
const [server = '', pid = ''] = process.argv.slice(2)
const CALLS = 100_000
const client = new MemcacheClient({ servers: server, timeout: 120_000 })
for (let at = 0; at < CALLS; at += 1_000) {
  const some = Array.from({ length: 1_000 }, (_, index) => client.set(`key:${at + index}`, 'v'))
  await Promise.all(some)
}
const before = await held()
process.kill(Number(pid), 'SIGSTOP')
const calls: Promise<unknown>[] = Array.from({ length: CALLS }, (_, at) => client.get(`key:${at}`))
// Until what the kernel takes was written.
await new Promise((resolve) => setTimeout(resolve, 500))
const during = await held()
const refused = await client.get('one-more').then(
  () => 'answered',
  (error: { code?: string }) => error.code,
)
process.kill(Number(pid), 'SIGCONT')
const answers = await Promise.all(calls)
const answered = answers.filter((answer) => answer === 'v').length
calls.length = 0
answers.length = 0
const after = await held()
await client.close()
process.stdout.write(`${JSON.stringify({ before, during, after, refused, answered })}\n`)
