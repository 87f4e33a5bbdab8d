import { createInterface } from 'node:readline'
import { load } from './load.js'
import { rawCache } from './raw-cache.js'
import { rawJobs } from './raw-jobs.js'
import { keyNames, type Measure, type Order, sampleValue, type Turn } from './scenario.js'
import type { OpenCache, OpenJobs, WrapOptions } from './subject.js'

/** A child process: holds one subject ready and measures it whenever a turn is read. */
async function prepare(order: Order): Promise<Measure> {
  const { operation } = order.scenario
  const isJob = operation === 'do' || operation === 'doBackground'
  if (order.subject === 'raw') return isJob ? rawJobs(order) : rawCache(order)
  return isJob ? prepareJobs(order) : prepareCache(order)
}

async function prepareCache(order: Order): Promise<Measure> {
  const { subject, scenario, servers, checkout } = order
  const { open } = (await import(`./subjects/${subject}.js`)) as { open: OpenCache }
  const cache = await open(servers, checkout)
  const keys = keyNames(scenario.keys ?? 100, order.mark)
  const value = sampleValue(scenario)
  for (let at = 0; at < keys.length; at += 200) {
    await Promise.all(keys.slice(at, at + 200).map((key) => cache.set(key, value)))
  }
  const key = (turn: number): string => keys[turn % keys.length] as string
  // A prime step: neighbours in time are not neighbours in the list.
  const scattered = (turn: number): string => keys[(turn * 7_919) % keys.length] as string
  const getMany = cache.getMany?.bind(cache)
  const wrap = cache.wrap?.bind(cache)
  const wrapKeys = keys.map((each) => `wrap:${each}`)
  const { stale, tags } = scenario.wrap ?? {}
  const optionsOf = optionsMaker(stale, tags)
  const wrapped = (turn: number): Promise<unknown> =>
    wrap === undefined
      ? fail('has no wrap')
      : wrap(wrapKeys[turn % keys.length] as string, () => value, optionsOf())
  if (scenario.operation === 'wrap') for (const at of keys.keys()) await wrapped(at)
  const operations = {
    get: (turn: number) => cache.get(key(turn)),
    set: (turn: number) => cache.set(key(turn), value),
    mix: (turn: number) =>
      turn % 2 === 0 ? cache.get(scattered(turn)) : cache.set(scattered(turn), value),
    wrap: wrapped,
    getMany: () => (getMany === undefined ? fail('has no getMany') : getMany(keys)),
  }
  const operation = operations[scenario.operation as keyof typeof operations]
  return (turn) => load(turn, scenario.concurrency, operation)
}

/** As a caller writes them: a new object for each call. */
function optionsMaker(
  stale: number | undefined,
  tags: readonly string[] | undefined,
): () => WrapOptions {
  if (stale === undefined) return () => ({ ttl: 3_600 })
  if (tags === undefined) return () => ({ ttl: 3_600, stale })
  return () => ({ ttl: 3_600, stale, tags })
}

async function prepareJobs({ subject, scenario, servers, checkout }: Order): Promise<Measure> {
  const { open } = (await import(`./subjects/${subject}.js`)) as { open: OpenJobs }
  const client = await open(servers[0] as string, checkout)
  const { size, buffers } = scenario
  const workload = buffers ? Buffer.alloc(size, 'w') : 'w'.repeat(size)
  const background = client.doBackground?.bind(client)
  const operation =
    scenario.operation === 'do'
      ? () => client.do(workload)
      : () => (background ?? fail('does not wait for the acknowledgement'))(workload)
  return (turn) => load(turn, scenario.concurrency, operation)
}

function fail(how: string): never {
  throw new Error(`this client ${how}`)
}

const measure = await prepare(JSON.parse(process.argv[2] ?? '{}') as Order)
process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await measure(JSON.parse(line) as Turn))}\n`)
}
process.exit(0)
