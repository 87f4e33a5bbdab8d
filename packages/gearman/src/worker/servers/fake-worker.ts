import { Backoff, Connection, Fault, parseServer, Traffic } from '@glammp/wire'
import { afterEach, beforeEach, vi } from 'vitest'
import { type FakeConnection, FakeServer, settled } from '../../link/fake-connection.js'
import { PacketType } from '../../protocol/packet.js'
import type { Assignment, JobConnection, RunningJob } from './job-connection.js'
import { WorkerConnection } from './worker-connection.js'
import type { WorkerConnectionOptions, WorkerConnectionOwner } from './worker-connection-owner.js'

export let gearmand: FakeServer
/** The waits before it connected again, without their randomness; none of them was waited for. */
export let waits: number[]

/** A server of its own for each test of the file. */
export function setUp(): void {
  beforeEach(() => {
    gearmand = new FakeServer()
    waits = []
    vi.spyOn(Connection, 'open').mockImplementation(gearmand.open)
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const next = Backoff.prototype.next
    vi.spyOn(Backoff.prototype, 'next').mockImplementation(function (this: Backoff) {
      waits.push(next.call(this))
      return 0
    })
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })
}

export const CLOSED: Fault = new Fault('closed', 'the worker was closed')

/** The worker above, and what it was told. */
class FakeWorker implements WorkerConnectionOwner {
  readonly events: string[] = []
  readonly jobs: { assignment: Assignment; origin: JobConnection }[] = []
  changes = 0

  assigned(assignment: Assignment, origin: JobConnection, late: boolean): void {
    this.jobs.push({ assignment, origin })
    this.events.push(`assigned ${assignment.handle}${late ? ' late' : ''}`)
  }
  returned(grabs: number): void {
    if (grabs > 0) this.events.push(`returned ${grabs}`)
  }
  promised(): void {
    this.events.push('promised')
  }
  changed(): void {
    this.changes += 1
  }
  up(server: string): void {
    this.events.push(`up ${server}`)
  }
  down(server: string, reason: Fault): void {
    this.events.push(`down ${server} ${reason.kind}`)
  }
  reconnecting(): void {}
  take(): string[] {
    return this.events.splice(0)
  }
}

export function worker(options: Partial<WorkerConnectionOptions> = {}): {
  made: WorkerConnection
  owner: FakeWorker
} {
  const owner = new FakeWorker()
  const made = new WorkerConnection(
    {
      address: parseServer('a', { defaultPort: 4730, schemes: {} }),
      connectTimeout: 100,
      tls: undefined,
      traffic: new Traffic(),
      clientId: undefined,
      timeout: 1_000,
      heartbeat: 0,
      pollInterval: undefined,
      ...options,
    },
    owner,
  )
  return { made, owner }
}

/** A worker of `title` whose greeting was answered. */
export async function welcomed(options: Partial<WorkerConnectionOptions> = {}): Promise<{
  made: WorkerConnection
  owner: FakeWorker
  connection: FakeConnection
}> {
  const { made, owner } = worker(options)
  made.add('title', undefined)
  made.start()
  const connection = await gearmand.connection()
  connection.receive('ECHO_RES')
  connection.take()
  owner.take()
  return { made, owner, connection }
}

/** A job of `title`, or another function, that now runs. */
export async function running(
  made: WorkerConnection,
  owner: FakeWorker,
  connection: FakeConnection,
  wireName = 'title',
): Promise<{ origin: JobConnection; lost: string[]; end: () => void }> {
  made.grab()
  await settled()
  connection.receive('JOB_ASSIGN_UNIQ', `H:${owner.jobs.length + 1}`, wireName, 'u', 'workload')
  const { assignment, origin } = owner.jobs.at(-1) as (typeof owner.jobs)[number]
  const lost: string[] = []
  const job: RunningJob = { wireName, lose: (reason) => lost.push(reason.name) }
  origin.started(job)
  connection.take()
  owner.take()
  const end = (): void => {
    origin.finish(PacketType.WORK_COMPLETE, assignment.handle, 'done')
    origin.ended(job)
  }
  return { origin, lost, end }
}
