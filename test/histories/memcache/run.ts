import { setTimeout as sleep } from 'node:timers/promises'
import { MemcacheClient } from '@glammp/memcache'
import { BusyTimes } from '../busy-times.js'
import type { Judgement } from '../subject.js'
import { Caller } from './caller.js'
import { judge } from './judge.js'
import type { Program } from './program.js'
import { Recorder } from './record.js'
import { Stage } from './stage.js'

/** Milliseconds after which a call or a close that has not ended never will. */
const PATIENCE = 30_000

/** Milliseconds that a close may take when all calls have ended. */
const CLOSING = 3_000

/** Runs a program and judges it. */
export const runProgram = async (program: Program): Promise<Judgement> => {
  const stage = await Stage.start(program)
  const busy = new BusyTimes()
  try {
    return await play(program, stage, busy)
  } finally {
    busy.stop()
    await stage.stop()
  }
}

const play = async (program: Program, stage: Stage, busy: BusyTimes): Promise<Judgement> => {
  const recorder = new Recorder()
  const violations: string[] = []
  const closed = program.clients.map(() => Number.POSITIVE_INFINITY)
  const caches = program.clients.map(({ options }, client) => {
    const addresses = stage.addresses(client)
    const gutter = addresses.slice(program.servers)
    return new MemcacheClient({
      ...options,
      servers: addresses.slice(0, program.servers),
      ...(gutter.length > 0 ? { failover: { gutter } } : {}),
    })
  })
  const close = async (client: number): Promise<void> => {
    closed[client] = Math.min(closed[client] as number, performance.now())
    const start = performance.now()
    const cache = caches[client] as MemcacheClient
    const done = await within(PATIENCE, cache.close())
    const took = performance.now() - start
    if (!done) violations.push(`client ${client}: close does not end`)
    else if (took > CLOSING + busy.between(start, start + took)) {
      violations.push(`client ${client}: close took ${took.toFixed(0)} ms`)
    }
  }

  const work = program.clients.map(async ({ callers, closed: at }, client) => {
    const cache = caches[client] as MemcacheClient
    const early = at > 0 ? sleep(at).then(() => close(client)) : undefined
    await Promise.all(
      callers.map((steps, caller) => new Caller(cache, recorder, client, caller).run(steps)),
    )
    await early
  })
  const over = new AbortController()
  const trouble = inflict(program, stage, over.signal)
  if (!(await within(PATIENCE, Promise.all(work), () => recorder.ended))) {
    violations.push('the callers do not end')
  }
  over.abort()
  await trouble
  if (!program.closesInFaults) await stage.heal()
  await Promise.all(caches.map((_, client) => close(client)))
  violations.push(...remains(caches))
  await stage.heal()
  await closedAtProxies(stage)
  if (stage.held > 0) violations.push(`${stage.held} connections are open after close`)

  const first = caches[0] as MemcacheClient
  const { calls } = recorder
  const verdicts = judge({
    program,
    calls,
    kills: stage.kills,
    slow: stage.slow,
    closed,
    homeOf: (key) => first.servers.indexOf(first.serverFor(key)),
    busy: (start, end) => busy.between(start, end),
  })
  const { kill = 0, freeze = 0, ...network } = stage.counts
  const failed = calls.filter(({ outcome }) => outcome?.kind === 'failed').length
  return {
    violations: [...violations, ...verdicts.violations],
    figures: {
      operations: calls.length,
      failed,
      faults: Object.values(network).reduce((sum, count) => sum + count, 0),
      kills: kill,
      freezes: freeze,
      undecided: verdicts.undecided,
    },
  }
}

const inflict = async ({ faults }: Program, stage: Stage, over: AbortSignal): Promise<void> => {
  const start = performance.now()
  for (const fault of faults) {
    const wait = start + fault.at - performance.now()
    if (wait > 0) await sleep(wait, undefined, { signal: over }).catch(() => undefined)
    if (over.aborted) return
    await stage.begin(fault)
  }
}

/** @param progress - what changes while it goes on: then it may take as long again. */
const within = async (
  milliseconds: number,
  work: Promise<unknown>,
  progress: () => number = () => 0,
): Promise<boolean> => {
  for (;;) {
    const seen = progress()
    const timer = new AbortController()
    const late = sleep(milliseconds, false, { signal: timer.signal }).catch(() => false)
    const done = await Promise.race([work.then(() => true), late])
    timer.abort()
    if (done || progress() === seen) return done
  }
}

const closedAtProxies = async (stage: Stage): Promise<void> => {
  const end = performance.now() + PATIENCE
  while (stage.held > 0 && performance.now() < end) await sleep(5)
}

/** What a closed client still has. */
const remains = (caches: readonly MemcacheClient[]): string[] =>
  caches.flatMap((cache, client) => {
    const { servers } = cache.metrics()
    return Object.entries(servers).flatMap(([server, { pending }]) =>
      // A connection that is being opened is let go of when it is there: the process ends later.
      pending === 0 ? [] : [`client ${client}, closed: ${server} has ${pending} calls`],
    )
  })
