import type { Connection } from '@glammp/wire'
import { codecOf } from '../codec.js'
import type { GearmanJob, JobHandler } from '../job.js'
import { FakeConnection } from '../link/fake-connection.js'
import { FakeDeadlines } from '../link/fake-deadlines.js'
import { JobMeter } from '../observing/metrics.js'
import type { WorkerFunction } from './functions.js'
import { type JobEnd, type JobUnsent, Run, type RunOwner } from './run.js'
import { type Assignment, JobConnection } from './servers/job-connection.js'

export const COMPLETE: readonly string[] = ['WORK_COMPLETE H:1 done']

/** What stands above a run: what it was told, and a time that does not pass of itself. */
class FakeRunOwner implements RunOwner {
  readonly deadlines: FakeDeadlines = new FakeDeadlines()
  readonly meter: JobMeter = new JobMeter()
  readonly watched: boolean
  readonly ends: JobEnd[] = []
  readonly told: JobUnsent[] = []
  /** How often the slot was given back. */
  slots = 0

  constructor(watched: boolean) {
    this.watched = watched
  }
  ended(end: JobEnd): void {
    this.ends.push(end)
  }
  unsent(unsent: JobUnsent): void {
    this.told.push(unsent)
  }
  done(): void {
    this.slots += 1
  }
}

/** One job that runs, on a connection of its own. */
export interface Started {
  readonly connection: FakeConnection
  readonly origin: JobConnection
  readonly owner: FakeRunOwner
  readonly ends: readonly JobEnd[]
  /** Whose end the connection was told. */
  readonly ended: readonly unknown[]
  readonly run: Run
}

/** Begins a job on its handler. */
export function start(
  handler: JobHandler<string>,
  given: { fn?: Partial<WorkerFunction>; assignment?: Partial<Assignment>; watched?: boolean } = {},
): Started {
  const connection = new FakeConnection({
    received: () => {},
    closed: (reason) => origin.lost(reason),
  })
  const ended: unknown[] = []
  const origin = new JobConnection('a:4730', connection as unknown as Connection, false, (job) =>
    ended.push(job),
  )
  const owner = new FakeRunOwner(given.watched ?? true)
  const fn: WorkerFunction = {
    name: 'title',
    wireName: 'title',
    handler: handler as JobHandler<unknown>,
    timeout: undefined,
    serverTimeout: undefined,
    rateLimit: undefined,
    codec: codecOf('string'),
    sandboxed: false,
    ...given.fn,
  }
  const assignment: Assignment = {
    handle: 'H:1',
    wireName: fn.wireName,
    unique: '',
    reducer: undefined,
    data: Buffer.from('workload'),
    ...given.assignment,
  }
  const run = new Run(fn, assignment, origin, owner)
  origin.started(run)
  run.start(assignment, fn.handler)
  return { connection, origin, owner, ends: owner.ends, ended, run }
}

/** A handler that goes on until it is told to end; what it does then is its own. */
export function endless(then: (job: GearmanJob) => unknown = () => 'done'): {
  handler: JobHandler<string>
  end: () => void
  seen: { job?: GearmanJob; signal?: AbortSignal }
} {
  let end: () => void = () => {}
  const waiting = new Promise<void>((resolve) => {
    end = resolve
  })
  const seen: { job?: GearmanJob; signal?: AbortSignal } = {}
  const handler = async (job: GearmanJob): Promise<unknown> => {
    seen.job = job
    seen.signal = job.signal
    await waiting
    return then(job)
  }
  return { handler, end: () => end(), seen }
}
