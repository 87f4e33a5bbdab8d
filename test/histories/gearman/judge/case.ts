import type { Asked, Call, History, Place, Run, Trouble } from '../history.js'
import type { NodePlan, Program } from '../program/program.js'
import { BACKGROUND } from '../program/program.js'

/**
 * Milliseconds in which something that is over may still have an effect, and in which what a worker has
 * sent must be where it goes.
 */
export const TAIL = 400

/** Where a handle names a job. */
export interface HandlePlace {
  readonly server: number
  readonly local: string
}

/** A history, with the questions that judging it asks again and again. */
export class Case {
  readonly history: History
  readonly violations: string[] = []
  readonly #runsOf = new Map<number, Run[]>()
  readonly #callOf = new Map<number, Call>()

  constructor(history: History) {
    this.history = history
    for (const call of history.calls) this.#callOf.set(call.job.id, call)
    for (const run of [...history.runs].sort((one, other) => one.begun - other.begun)) {
      const runs = this.#runsOf.get(run.job)
      if (runs === undefined) this.#runsOf.set(run.job, [run])
      else runs.push(run)
    }
  }

  get program(): Program {
    return this.history.program
  }

  accuse(sentence: string): void {
    this.violations.push(sentence)
  }

  callOf(job: number): Call | undefined {
    return this.#callOf.get(job)
  }

  /** The runs of a job, in the order of their beginnings. */
  runsOf(job: number): readonly Run[] {
    return this.#runsOf.get(job) ?? []
  }

  run(number: number): Run | undefined {
    return this.history.runs.find(({ run }) => run === number)
  }

  /** The jobs that may be run as one with this one, itself included. */
  groupOf({ job }: Call): readonly Call[] {
    if (job.unique === undefined) return [this.#callOf.get(job.id)].flatMap((call) => call ?? [])
    return this.history.calls.filter(
      (other) => other.job.unique === job.unique && other.job.fn === job.fn,
    )
  }

  place(handle: string): HandlePlace | undefined {
    const [address = '', local = ''] = handle.split('//')
    const server = this.history.addresses.get(address)
    return server === undefined ? undefined : { server, local }
  }

  /** What went wrong at one of the places in this time, or had just gone wrong. */
  troubles(from: number, until: number, concerns: (place: Place) => boolean): Trouble[] {
    return this.history.troubles.filter(
      (trouble) => concerns(trouble.where) && trouble.from <= until && trouble.until + TAIL >= from,
    )
  }

  /** Between a client or worker and one of its servers, or all of them. */
  ofNode(plan: NodePlan | undefined, server?: number): (place: Place) => boolean {
    return (place) => {
      if (place.kind === 'server') {
        return (server ?? place.server) === place.server && plan?.ways[place.server] !== 'none'
      }
      if (place.kind !== 'proxy') return false
      const behind = this.program.proxies[place.proxy]?.server
      return (server ?? behind) === behind && plan?.ways.includes(place.proxy) === true
    }
  }

  /** What could take a job from the worker that had it, or keep its result. */
  ofHolder({ worker, handle }: Run): (place: Place) => boolean {
    const way = this.ofNode(this.program.workers[worker], this.place(handle)?.server)
    return (place) => way(place) || (place.kind === 'worker' && place.worker === worker)
  }

  ofCaller({ client }: Call | Asked): (place: Place) => boolean {
    return this.ofNode(this.program.clients[client])
  }

  killed(server: number, from: number, until: number): boolean {
    const isKill = (place: Place): boolean =>
      place.kind === 'server' && place.killed && place.server === server
    return this.troubles(from, until, isKill).length > 0
  }
}

export const isBackground = ({ method }: Call): boolean =>
  (BACKGROUND as readonly string[]).includes(method)

/** As the sentences name a job. */
export const named = ({ job, client, method }: Call): string =>
  `job ${job.id} (${method} of client ${client})`

export const ms = (time: number): string => `${Math.round(time)} ms`
