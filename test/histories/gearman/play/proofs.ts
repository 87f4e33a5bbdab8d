import { GearmanAdmin, GearmanClient } from '@glammp/gearman'
import { waitFor } from '../../../support/wait.js'
import type { Proof } from '../history.js'
import type { JobPlan } from '../program/program.js'
import type { ClientPlace } from './clients.js'
import { ownFunction } from './handler.js'
import { open, orderOf } from './message.js'
import type { Stage } from './stage.js'
import type { WorkerPlace } from './workers.js'

/**
 * Milliseconds until a worker must have a job, once all is well: a heartbeat and the wait for its
 * answer (400 and 1,500 at most), the longest pause before it connects (3,000), the time to connect
 * (400), and as much again for a machine that has other things to do.
 */
const RECOVERY = 10_000

/** Milliseconds for the queues to be empty: it shall happen at all, on a busy machine too. */
const EMPTY = 60_000

/** Ids that no job of a program has. */
const FIRST_ID = 2_000_000

/** Shows that everybody works, that nothing is left to do, and that nobody stays when all are closed. */
export const prove = async (
  stage: Stage,
  clients: readonly ClientPlace[],
  workers: readonly WorkerPlace[],
): Promise<Proof[]> => {
  const proofs: Proof[] = []
  let id = FIRST_ID
  const check = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    const begun = stage.now()
    let failure: string | undefined
    try {
      await work()
    } catch (error) {
      failure = error instanceof Error ? `${error.message} ${error.cause ?? ''}` : String(error)
    }
    proofs.push({ what, failure, took: stage.now() - begun })
  }
  const ask = async (client: GearmanClient<'buffer'>, fn: string, timeout: number) => {
    id += 1
    const job = smallJob(id, fn)
    const answer = open(await client.do(fn, orderOf(job), { timeout }))
    if (answer?.job !== job.id) throw new Error(`the result was that of job ${answer?.job}`)
  }

  const probes = stage.servers.map(
    ({ address }) => new GearmanClient({ servers: address, codec: 'buffer' }),
  )
  await Promise.all([
    ...workers.flatMap((_, worker) =>
      probes.map((probe, server) =>
        check(`worker ${worker} takes a job of server ${server}`, () =>
          ask(probe, ownFunction(worker), RECOVERY),
        ),
      ),
    ),
    ...clients.map(({ client }, index) =>
      check(`client ${index} gets a result`, () =>
        // What failed a moment ago may still fail its first call.
        waitFor(() => ask(client, ownFunction(index % workers.length), 2_000).then(() => true), {
          timeout: RECOVERY,
        }),
      ),
    ),
  ])
  await check('every call ends', () =>
    bounded(Promise.all(clients.map((each) => each.calm())), () =>
      clients.flatMap(({ waiting }) => waiting),
    ),
  )
  await using admin = new GearmanAdmin(stage.servers.map(({ address }) => address))
  await check('the queues are empty', () =>
    waitFor(async () => (await jobsOf(admin)) === 0, { timeout: EMPTY, interval: 30 }),
  )
  await Promise.all(probes.map((probe) => probe.close()))
  await check('clients and workers close', () =>
    bounded(Promise.all([...clients, ...workers].map((each) => each.leave())), () => []),
  )
  await check('no connection is left', () =>
    waitFor(() => nobodyOn(stage, admin, [...clients, ...workers]), {
      timeout: 5_000,
      interval: 30,
    }),
  )
  return proofs
}

const smallJob = (id: number, fn: string): JobPlan => ({
  id,
  fn,
  unique: undefined,
  size: 10,
  work: { takes: 0, data: 0, status: 0, warnings: 0, bytes: 10, ends: 'complete' },
})

/** @param left - what has not ended. */
const bounded = async (work: Promise<unknown>, left: () => string[]): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${EMPTY} ms: ${left()}`)), EMPTY)
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

const jobsOf = async (admin: GearmanAdmin): Promise<number> => {
  let jobs = 0
  for (const rows of Object.values(await admin.status())) {
    if (rows instanceof Error) throw rows
    for (const { total } of rows) jobs += total
  }
  return jobs
}

/** The admin that asks, and the canary. */
const OWN_PEERS = 2

/** @throws an Error with the connections that are left. */
const nobodyOn = async (
  stage: Stage,
  admin: GearmanAdmin,
  nodes: readonly { readonly open: number }[],
): Promise<true> => {
  const left = stage.proxies.flatMap(({ held }, proxy) =>
    held === 0 ? [] : [`${held} through proxy ${proxy}`],
  )
  const open = nodes.reduce((sum, node) => sum + node.open, 0)
  if (open > 0) left.push(`${open} of closed clients and workers`)
  for (const [server, rows] of Object.entries(await admin.workers())) {
    if (rows instanceof Error) throw rows
    if (rows.length > OWN_PEERS) left.push(`${server}: ${JSON.stringify(rows)}`)
  }
  if (left.length > 0) throw new Error(left.join(', '))
  return true
}
