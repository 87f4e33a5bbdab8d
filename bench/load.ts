import { setImmediate as nextRound } from 'node:timers/promises'
import type { Measurement, Turn } from './scenario.js'

/**
 * Calls timed in one turn at a fixed rate, evenly: what is kept of each call makes garbage
 * collection longer, which would be the latency that is found.
 */
const SAMPLES = 20_000
/** Of calls at full load, one in so many is timed: reading the clock twice costs a tenth of a get. */
const TIMED = 16

type Operation = (turn: number) => Promise<unknown>

/**
 * Keeps `concurrency` calls in flight, or starts `rate` of them a second, for a quarter of the time
 * to warm up and then for the time itself.
 */
export async function load(
  { milliseconds, rate }: Turn,
  concurrency: number,
  operation: Operation,
): Promise<Measurement> {
  const run = rate === undefined ? saturate : pace
  await run(operation, rate ?? concurrency, milliseconds / 4)
  const { elapsed, cpu } = stopwatch()
  const { done, latencies } = await run(operation, rate ?? concurrency, milliseconds)
  latencies.sort((one, other) => one - other)
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0
  return {
    throughput: (done / elapsed()) * 1_000,
    cpu: cpu() / done,
    p50: at(0.5),
    p99: at(0.99),
  }
}

/** Milliseconds, and microseconds of this process's processor time, since now. */
export function stopwatch(): { elapsed: () => number; cpu: () => number } {
  const before = process.cpuUsage()
  const started = performance.now()
  return {
    elapsed: () => performance.now() - started,
    cpu: () => {
      const { user, system } = process.cpuUsage(before)
      return user + system
    },
  }
}

interface Run {
  readonly done: number
  readonly latencies: number[]
}

async function saturate(
  operation: Operation,
  concurrency: number,
  milliseconds: number,
): Promise<Run> {
  let running = true
  let turn = 0
  let done = 0
  const latencies: number[] = []
  const timer = setTimeout(() => {
    running = false
  }, milliseconds)
  const caller = async (): Promise<void> => {
    while (running) {
      const own = turn++
      if (own % TIMED === 0) {
        const started = performance.now()
        await operation(own)
        latencies.push(performance.now() - started)
      } else await operation(own)
      done += 1
    }
  }
  await Promise.all(Array.from({ length: concurrency }, caller))
  clearTimeout(timer)
  return { done, latencies }
}

/** An open loop: a call that is late does not hold up the next, so its wait is counted. */
async function pace(operation: Operation, rate: number, milliseconds: number): Promise<Run> {
  const latencies: number[] = []
  const started = performance.now()
  let turn = 0
  let waiting = 0
  const thin = Math.max(1, Math.ceil(((rate / 1_000) * milliseconds) / SAMPLES))
  for (;;) {
    const now = performance.now() - started
    if (now >= milliseconds) break
    for (const due = Math.floor((now / 1_000) * rate); turn < due; turn += 1) {
      const planned = started + (turn / rate) * 1_000
      const call = operation(turn)
      if (turn % thin !== 0) continue
      waiting += 1
      void call.then(() => {
        waiting -= 1
        latencies.push(performance.now() - planned)
      })
    }
    // A timer sleeps a millisecond or more, which would be the latency that is found.
    await nextRound()
  }
  while (waiting > 0) await nextRound()
  return { done: turn, latencies }
}
