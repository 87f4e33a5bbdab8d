import { MemcacheClient } from '@glammp/memcache'

// A child process: a ring of many servers, by the public client alone. It connects to nobody.
const [servers = '1000', distribution = 'ketama'] = process.argv.slice(2)
const KEYS = 100_000
const names = Array.from(
  { length: Number(servers) + 1 },
  (_, at) => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}:11211`,
)

function ring(count: number): MemcacheClient {
  const options = { servers: names.slice(0, count), distribution: distribution as 'ketama' }
  return new MemcacheClient(options)
}

function spread(client: MemcacheClient, prefix: string): string[] {
  return Array.from({ length: KEYS }, (_, at) => client.serverFor(`${prefix}:${at}`))
}

const count = Number(servers)
const started = performance.now()
const client = ring(count)
client.serverFor('first')
const build = performance.now() - started

// The first round is for the compiler; no key is asked for twice.
spread(client, 'warm')
const before = performance.now()
const homes = spread(client, 'key')
const lookup = ((performance.now() - before) * 1_000) / KEYS

const larger = spread(ring(count + 1), 'key')
const moved = homes.filter((home, at) => home !== larger[at]).length / KEYS

const loads = new Map<string, number>()
for (const home of homes) loads.set(home, (loads.get(home) ?? 0) + 1)
const mean = KEYS / count
const shares = names.slice(0, count).map((name) => (loads.get(name) ?? 0) / mean)
const deviation = Math.sqrt(shares.reduce((sum, share) => sum + (share - 1) ** 2, 0) / count)
const busiest = Math.max(...shares)
process.stdout.write(
  `${JSON.stringify({ count, build, lookup, moved, deviation, busiest, keys: KEYS })}\n`,
)
