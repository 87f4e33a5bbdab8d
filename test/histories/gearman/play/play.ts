import { setTimeout as sleep } from 'node:timers/promises'
import type { TemporaryDirectory } from '../../../support/temporary-directory.js'
import type { Departure, History } from '../history.js'
import { FUNCTIONS } from '../program/draw.js'
import type { Action, FaultAction, Program } from '../program/program.js'
import { ClientPlace } from './clients.js'
import { breakProxy } from './faults.js'
import { prove } from './proofs.js'
import { Stage } from './stage.js'
import { unhandledBy } from './unhandled.js'
import { WorkerPlace } from './workers.js'

/** Runs a program: its steps at their times, then all is mended, proved to work, and closed. */
export const play = async (program: Program, directory: TemporaryDirectory): Promise<History> => {
  const stage = await Stage.start(program, directory)
  const departures: Departure[] = []
  const clients = program.clients.map((_, index) => new ClientPlace(index, stage, departures))
  const workers = program.workers.map(
    (_, index) => new WorkerPlace(index, stage, FUNCTIONS, directory.path, departures),
  )
  const unhandled = unhandledBy()
  try {
    await Promise.all(workers.map((worker) => worker.start()))
    const stageHand = new StageHand(stage, clients, workers)
    await stageHand.playSteps()
    await stageHand.calm()
    const healed = stage.now()
    const proofs = await prove(stage, clients, workers)
    return {
      program,
      addresses: stage.names,
      calls: clients.flatMap(({ calls }) => calls),
      runs: workers.flatMap((worker) => worker.runs()),
      asked: clients.flatMap(({ asked }) => asked),
      troubles: stage.troubles,
      busy: (from, until) => stage.busy(from, until),
      departures,
      proofs,
      unhandled: unhandled(),
      healed,
    }
  } finally {
    unhandled()
    await Promise.all([...clients, ...workers].map((each) => each.stop()))
    await stage.stop()
  }
}

/** Does what the steps say, and in the end undoes what still disturbs. */
class StageHand {
  readonly #stage: Stage
  readonly #clients: readonly ClientPlace[]
  readonly #workers: readonly WorkerPlace[]
  readonly #faults = new Set<Promise<void>>()

  constructor(stage: Stage, clients: readonly ClientPlace[], workers: readonly WorkerPlace[]) {
    this.#stage = stage
    this.#clients = clients
    this.#workers = workers
  }

  async playSteps(): Promise<void> {
    for (const step of this.#stage.program.steps) {
      const early = step.at - this.#stage.now()
      if (early > 0) await sleep(early)
      this.#do(step)
    }
  }

  /** Resolves when every fault is over, and everybody is there again. */
  async calm(): Promise<void> {
    await Promise.all(this.#faults)
    await this.#stage.calm()
    await Promise.all(this.#workers.map((worker) => worker.calm()))
  }

  #do(action: Action): void {
    const client = 'client' in action ? this.#clients[action.client] : undefined
    switch (action.kind) {
      case 'call':
        client?.call(action)
        break
      case 'ask':
        client?.ask(
          action,
          this.#clients.flatMap(({ calls }) => calls),
        )
        break
      case 'close':
        client?.replace()
        break
      case 'fault':
        this.#faults.add(this.#fault(action))
        break
      case 'kill':
      case 'freeze':
        this.#stage.strike(action, wait)
        break
      default:
        this.#workers[action.worker]?.strike(action, wait)
    }
  }

  async #fault(action: FaultAction): Promise<void> {
    const proxy = this.#stage.proxies[action.proxy]
    if (proxy === undefined) return
    const trouble = this.#stage.trouble(action.fault, { kind: 'proxy', proxy: action.proxy })
    const mend = breakProxy(proxy, action)
    await sleep(action.lasts)
    mend()
    this.#stage.over(trouble)
  }
}

const wait = async (time: number): Promise<void> => {
  await sleep(time)
}
