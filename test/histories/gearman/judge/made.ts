import { expect } from 'vitest'
import type { Call, Departure, Failure, History, Place, Run, Trouble } from '../history.js'
import type { JobPlan, NodePlan, Program, Work } from '../program/program.js'
import { judge } from './judge.js'

// Histories made by hand, for the tests of the judge.

const NODE = { timeout: 600, connectTimeout: 200, heartbeat: 400 } as const
const DIRECT: NodePlan = { ways: ['direct', 'direct'], ...NODE }
const BY_PROXY: NodePlan = { ways: [0, 'direct'], ...NODE }

/** Server 0 forgets, server 1 keeps; client 0 and worker 0 are direct, 1 and 1 by the proxy of server 0. */
const PROGRAM: Program = {
  servers: [{ persistent: false }, { persistent: true }],
  proxies: [{ server: 0 }],
  clients: [DIRECT, BY_PROXY],
  workers: [
    { ...DIRECT, process: false, concurrency: 1 },
    { ...BY_PROXY, process: true, concurrency: 1 },
  ],
  steps: [],
}

const WORK: Work = { takes: 0, data: 0, status: 0, warnings: 0, bytes: 10, ends: 'complete' }

export const job = (id: number, work: Partial<Work> = {}, unique?: string): JobPlan => ({
  id,
  fn: 'f0',
  unique,
  size: 10,
  work: { ...WORK, ...work },
})

/** Of job 1 by client 0: the result of run 1, from 100 to 200 ms. */
export const call = (made: Partial<Call> = {}): Call => ({
  job: job(1),
  client: 0,
  life: 0,
  method: 'do',
  timeout: undefined,
  retries: 0,
  begun: 100,
  handle: undefined,
  ended: 200,
  outcome: { kind: 'result', job: made.job?.id ?? 1, run: 1 },
  seen: [],
  ...made,
})

/** Run 1 of job 1, on worker 0 for server 0, from 120 to 150 ms. */
export const run = (made: Partial<Run> = {}): Run => ({
  run: 1,
  worker: 0,
  life: 0,
  job: 1,
  handle: 'a:1//H:1',
  begun: 120,
  ended: 150,
  how: 'complete',
  ...made,
})

export const failed = (code: string, more: Partial<Failure> = {}): Partial<Call> => ({
  outcome: {
    kind: 'error',
    own: true,
    code: `ERR_GEARMAN_${code}`,
    message: '',
    server: 'a:1',
    thrown: undefined,
    ...more,
  },
})

export const background = (made: Partial<Call> = {}): Call =>
  call({ method: 'doBackground', handle: 'a:1//H:1', outcome: { kind: 'handle' }, ...made })

export const trouble = (where: Place, from: number, until: number = from + 10): Trouble => ({
  what: 'trouble',
  where,
  from,
  until,
})
export const server = (index: number, killed: boolean = false): Place => ({
  kind: 'server',
  server: index,
  killed,
})
export const PROXY: Place = { kind: 'proxy', proxy: 0 }

export const departure = (made: Partial<Departure> = {}): Departure => ({
  who: 'worker',
  index: 0,
  life: 0,
  begun: 130,
  ended: 160,
  failure: undefined,
  timeout: undefined,
  ...made,
})

export const judged = (made: Partial<History>): readonly string[] =>
  judge({
    program: PROGRAM,
    addresses: new Map([
      ['a:1', 0],
      ['p:1', 0],
      ['b:1', 1],
    ]),
    calls: [],
    runs: [],
    asked: [],
    troubles: [],
    busy: () => 0,
    departures: [],
    proofs: [],
    unhandled: [],
    healed: 1_000,
    ...made,
  }).violations

export const RIGHT: readonly string[] = []

/** One sentence, which says this. */
export const wrong = (words: string): unknown => [expect.stringContaining(words)]
