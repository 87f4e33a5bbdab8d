import { load } from './load.js'
import { rawCache } from './raw-cache.js'
import { rawJobs } from './raw-jobs.js'
import { keyNames, type Measurement, type Order, type Scenario, sampleValue } from './scenario.js'
import type { OpenCache, OpenJobs } from './subject.js'

/** A child process: measures one subject in one scenario and prints what it found. */
async function measure({ subject, scenario, servers, milliseconds }: Order): Promise<Measurement> {
  const isJob = scenario.operation === 'do' || scenario.operation === 'doBackground'
  if (subject === 'raw') {
    const raw = isJob ? rawJobs : rawCache
    return raw(scenario, servers[0] as string, milliseconds)
  }
  return isJob
    ? measureJobs(subject, scenario, servers[0] as string, milliseconds)
    : measureCache(subject, scenario, servers, milliseconds)
}

async function measureCache(
  subject: string,
  scenario: Scenario,
  servers: readonly string[],
  milliseconds: number,
): Promise<Measurement> {
  const { open } = (await import(`./subjects/${subject}.js`)) as { open: OpenCache }
  const cache = await open(servers)
  const keys = keyNames(scenario.keys ?? 100)
  const value = sampleValue(scenario)
  for (let at = 0; at < keys.length; at += 200) {
    await Promise.all(keys.slice(at, at + 200).map((key) => cache.set(key, value)))
  }
  const key = (turn: number): string => keys[turn % keys.length] as string
  // A prime step: neighbours in time are not neighbours in the list.
  const scattered = (turn: number): string => keys[(turn * 7_919) % keys.length] as string
  const { getMany } = cache
  const result = await load(scenario, milliseconds, (turn) => {
    switch (scenario.operation) {
      case 'set':
        return cache.set(key(turn), value)
      case 'mix':
        return turn % 2 === 0 ? cache.get(scattered(turn)) : cache.set(scattered(turn), value)
      case 'getMany':
        return getMany === undefined ? Promise.resolve() : getMany.call(cache, keys)
      default:
        return cache.get(key(turn))
    }
  })
  await cache.close()
  return result
}

async function measureJobs(
  subject: string,
  scenario: Scenario,
  server: string,
  milliseconds: number,
): Promise<Measurement> {
  const { open } = (await import(`./subjects/${subject}.js`)) as { open: OpenJobs }
  const client = await open(server)
  const workload = 'w'.repeat(scenario.size)
  const result = await load(scenario, milliseconds, () =>
    scenario.operation === 'do' ? client.do(workload) : (client.doBackground?.(workload) ?? fail()),
  )
  await client.close()
  return result
}

function fail(): never {
  throw new Error('this client does not wait for the acknowledgement')
}

const order = JSON.parse(process.argv[2] ?? '{}') as Order
process.stdout.write(`${JSON.stringify(await measure(order))}\n`)
process.exit(0)
