import { afterReads } from '@glammp/wire'
import type { Request } from '../requests/request.js'
import { Batch, type BatchOwner } from './batch.js'
import { FakeNetwork } from './connection/fake-connection.js'
import { SessionPool } from './connection/pool.js'
import { openOn } from './connection/session-fixture.js'

export interface BatchFixture {
  readonly batch: Batch
  readonly network: FakeNetwork
  /** Gives requests to the batch; nobody minds their failures. */
  readonly push: (...requests: Request[]) => Request[]
  /** What the room above was told: a word and the key, in order. */
  readonly told: string[]
}

/** A batch with its connections, and the room above as far as a batch needs it. */
export function batchOf(max = 2): BatchFixture {
  const network = new FakeNetwork()
  const told: string[] = []
  const known = new Set<string>()
  const open = () => openOn(network)
  const pool = new SessionPool({ min: 0, max }, open)
  const owner: BatchOwner = {
    answered: (request) => {
      if (request.word !== undefined) known.add(request.word)
      told.push(`answered ${request.key}`)
      request.course.owner = undefined
      batch.answered(request)
    },
    dropped: (request) => told.push(`dropped ${request.key}`),
    goesOn: () => {},
    lost: (request, reason) => {
      told.push(`lost ${request.key}`)
      request.course.owner = undefined
      request.fail(reason)
    },
    abandoned: (changes, end) => batch.abandoned(changes, end),
    finished: (session) => batch.giveBack(session),
    unsent: (request, reason) => {
      told.push(`unsent ${request.key}`)
      request.fail(reason)
    },
    isStrange: ({ word }) => word !== undefined && !known.has(word),
    openAside: open,
    // It hangs, and nobody knows yet.
    lives: () => new Promise(() => {}),
  }
  const batch = new Batch(pool, owner)
  const push = (...requests: Request[]): Request[] => {
    for (const request of requests) {
      request.promise.catch(() => {})
      batch.push(request)
    }
    return requests
  }
  return { batch, network, push, told }
}

/** Lets everything happen that is under way: nothing here takes time. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise<void>(afterReads)
}
