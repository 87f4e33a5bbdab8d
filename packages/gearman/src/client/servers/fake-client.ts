import { Connection, type Fault, parseServer, Traffic } from '@glammp/wire'
import { afterEach, beforeEach, expect, vi } from 'vitest'
import type { GearmanError } from '../../errors.js'
import { type FakeConnection, FakeServer, settled } from '../../link/fake-connection.js'
import { FakeDeadlines } from '../../link/fake-deadlines.js'
import { PacketType } from '../../protocol/packet.js'
import { ClientConnection } from './client-connection.js'
import type { ClientConnectionOptions } from './client-connection-owner.js'
import type { Flow } from './flow-control.js'
import { type JobOrder, Submission } from './submission.js'

export let gearmand: FakeServer
export let deadlines: FakeDeadlines
/** What the owner of the server was told. */
export let told: string[]

/** A server of its own for each test of the file, and a time that does not pass of itself. */
export function setUp(): void {
  beforeEach(() => {
    gearmand = new FakeServer()
    deadlines = new FakeDeadlines()
    told = []
    vi.spyOn(Connection, 'open').mockImplementation(gearmand.open)
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })
}

export const TIMEOUT = 500
export const CONNECT_TIMEOUT = 200

export function client(options: Partial<ClientConnectionOptions> = {}): ClientConnection {
  const watcher = {
    up: (server: string) => told.push(`up ${server}`),
    down: (server: string, reason: Fault) => told.push(`down ${server} ${reason.kind}`),
    reconnecting: () => {},
  }
  const address = parseServer('a', { defaultPort: 4730, schemes: {} })
  const times = { timeout: TIMEOUT, connectTimeout: CONNECT_TIMEOUT, heartbeat: 0 }
  const rest = { tls: undefined, traffic: new Traffic(), alone: () => true }
  return new ClientConnection({ address, watcher, ...times, ...rest, ...options }, deadlines)
}

/** A connection that gearmand has greeted; it has sent nothing else yet. */
export async function greeted(made: ClientConnection, index = 0): Promise<FakeConnection> {
  made.look()
  const connection = await gearmand.connection(index)
  expect(connection.take()).toEqual(['OPTION_REQ exceptions'])
  connection.receive('OPTION_RES', 'exceptions')
  return connection
}

/** A job, with what it was told. */
export class Job extends Submission {
  readonly events: string[] = []
  error: GearmanError | undefined
  flow: Flow | undefined

  constructor(data: string | Buffer, order: Partial<JobOrder> = {}) {
    super(
      {
        type: PacketType.SUBMIT_JOB,
        background: false,
        name: 'title',
        args: 'title\0',
        key: undefined,
        data,
        retries: 0,
        ...order,
      },
      {
        created: (handle) => this.events.push(`created ${handle}`),
        data: (chunk, flow) => {
          this.events.push(`data ${chunk}`)
          this.flow = flow
        },
        status: (numerator, denominator) => this.events.push(`status ${numerator}/${denominator}`),
        warning: (text) => this.events.push(`warning ${text}`),
        complete: (result) => this.events.push(`complete ${result}`),
        failed: (error: unknown) => {
          this.error = error as GearmanError
          this.events.push(`failed ${this.error.name}`)
        },
      },
      {
        undelivered: (_, fault, sent) =>
          this.events.push(`undelivered ${fault.kind}${sent ? ' sent' : ''}`),
        settled: () => {},
      },
    )
  }
}

export function send(made: ClientConnection, ...workloads: (string | Job)[]): Job[] {
  const jobs = workloads.map((job) => (typeof job === 'string' ? new Job(job) : job))
  for (const job of jobs) {
    deadlines.add(job, TIMEOUT)
    made.send(job)
  }
  return jobs
}

/** Jobs that gearmand has acknowledged, as `H:1` and so on. */
export async function acknowledged(
  made: ClientConnection,
  connection: FakeConnection,
  ...workloads: (string | Job)[]
): Promise<[Job, ...Job[]]> {
  const jobs = send(made, ...workloads)
  await settled()
  for (const [index, job] of jobs.entries()) {
    connection.receive('JOB_CREATED', `H:${index + 1}`)
    job.events.length = 0
  }
  connection.take()
  return jobs as [Job, ...Job[]]
}
