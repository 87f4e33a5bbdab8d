import { setTimeout as sleep } from 'node:timers/promises'
import type { Measurement, Scenario } from './scenario.js'

/** Latencies kept of one run; more are thinned out evenly. */
const SAMPLES = 200_000

/**
 * Keeps `concurrency` calls in flight, or starts `rate` of them a second, for a quarter of the time
 * to warm up and then for the time itself.
 */
export async function load(
  { concurrency, rate }: Scenario,
  milliseconds: number,
  operation: (turn: number) => Promise<unknown>,
): Promise<Measurement> {
  const run = rate === undefined ? saturate : pace
  await run(operation, rate ?? concurrency, milliseconds / 4)
  const before = process.cpuUsage()
  const started = performance.now()
  const { done, latencies } = await run(operation, rate ?? concurrency, milliseconds)
  const elapsed = performance.now() - started
  const { user, system } = process.cpuUsage(before)
  latencies.sort((one, other) => one - other)
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0
  return {
    throughput: (done / elapsed) * 1_000,
    cpu: (user + system) / done,
    p50: at(0.5),
    p99: at(0.99),
  }
}

interface Run {
  readonly done: number
  readonly latencies: number[]
}

async function saturate(
  operation: (turn: number) => Promise<unknown>,
  concurrency: number,
  milliseconds: number,
): Promise<Run> {
  let running = true
  let turn = 0
  let done = 0
  const timer = setTimeout(() => {
    running = false
  }, milliseconds)
  const caller = async (): Promise<void> => {
    while (running) {
      await operation(turn++)
      done += 1
    }
  }
  await Promise.all(Array.from({ length: concurrency }, caller))
  clearTimeout(timer)
  return { done, latencies: [] }
}

/** An open loop: a call that is late does not hold up the next, so its wait is counted. */
async function pace(
  operation: (turn: number) => Promise<unknown>,
  rate: number,
  milliseconds: number,
): Promise<Run> {
  const latencies: number[] = []
  const calls: Promise<void>[] = []
  const started = performance.now()
  let turn = 0
  const thin = Math.max(1, Math.ceil(((rate / 1_000) * milliseconds) / SAMPLES))
  for (;;) {
    const now = performance.now() - started
    if (now >= milliseconds) break
    for (const due = Math.floor((now / 1_000) * rate); turn < due; turn += 1) {
      const planned = started + (turn / rate) * 1_000
      const timed = turn % thin === 0
      const call = operation(turn)
      if (timed) calls.push(call.then(() => void latencies.push(performance.now() - planned)))
    }
    await sleep(1)
  }
  await Promise.all(calls)
  return { done: turn, latencies }
}
