import { Backoff, monotonic, sleep } from '@glammp/wire'
import type { Ask, Lease, Look } from '../commands/lease.js'
import { MemcacheError } from '../errors.js'
import type { Key } from '../given-key.js'
import type { Flight } from './flight.js'
import type { WrapPlan } from './wrap-options.js'

/** The commands that a search stands on. */
export interface SearchCommands {
  look(keys: readonly Key[], ask: Ask): Promise<readonly PromiseSettledResult<Look>[]>
  fingerprint(tags: readonly string[], plan: WrapPlan): Promise<string>
  /** Milliseconds for each command. */
  timeout(plan: WrapPlan): number
}

/** Told what becomes of the keys. */
export interface SearchListener {
  /** The value is what the servers hold, too. */
  found(flight: Flight, value: unknown, plan: WrapPlan): void
  /** Nobody waits for this flight any more. */
  ended(flight: Flight): void
  /** A value was to be computed anew in the background, and was not; or it cannot be stored. */
  refreshFailed(key: Key, error: unknown): void
}

/** Values for keys, aligned with them. */
export type Loader = (keys: readonly Key[]) => Promise<readonly unknown[]>

/** A key to load; without a lease its value is not stored. */
interface Task {
  readonly flight: Flight
  readonly lease: Lease | undefined
}

/** Milliseconds between two looks at what somebody else computes: random, growing. */
const WAIT = { base: 20, cap: 100 }

/** Leases that a caller waits for before it computes by itself: two winners may die. */
const LEASES_WAITED = 2

/** Looks for keys; computes those that it wins, waits for those that others compute. */
export class Search {
  readonly #commands: SearchCommands
  readonly #listener: SearchListener
  readonly #load: Loader
  readonly #plan: WrapPlan

  constructor(commands: SearchCommands, listener: SearchListener, load: Loader, plan: WrapPlan) {
    this.#commands = commands
    this.#listener = listener
    this.#load = load
    this.#plan = plan
  }

  /** Settles every flight; resolves when nothing is left to do for them, in the background either. */
  async run(flights: readonly Flight[]): Promise<void> {
    const computations: Promise<void>[] = []
    try {
      await this.#run(flights, computations)
      await Promise.all(computations)
    } catch (error) {
      for (const flight of flights) this.#fail(flight, error)
    }
  }

  async #run(flights: readonly Flight[], computations: Promise<void>[]): Promise<void> {
    const backoff = new Backoff(WAIT)
    // Servers count whole seconds, so a lease may last one more.
    const end = monotonic() + LEASES_WAITED * (this.#plan.lease + 1) * 1_000
    let waiting = flights
    for (let again = false; waiting.length > 0; again = true) {
      if (again) await sleep(WAIT.base / 2 + backoff.next())
      const isOver = monotonic() >= end
      const looks = await this.#look(waiting, again)
      const tasks: Task[] = []
      const refreshes: Task[] = []
      const rest: Flight[] = []
      for (const [position, flight] of waiting.entries()) {
        const outcome = looks[position] as PromiseSettledResult<Look>
        if (outcome.status === 'rejected') {
          if (this.#forgives(outcome.reason)) tasks.push({ flight, lease: undefined })
          else this.#fail(flight, outcome.reason)
          continue
        }
        const { item, lease, state } = outcome.value
        if (item !== undefined && (lease === undefined || state === 'due')) {
          if (state === 'fresh') this.#listener.found(flight, item.value, this.#plan)
          this.#answer(flight, item.value)
          if (lease !== undefined) refreshes.push({ flight, lease })
        } else if (lease !== undefined || isOver) {
          if (item !== undefined) flight.offer(item.value)
          tasks.push({ flight, lease })
        } else {
          rest.push(flight)
        }
      }
      if (refreshes.length > 0) computations.push(this.#refresh(refreshes))
      if (tasks.length > 0) computations.push(this.#compute(tasks))
      waiting = rest
    }
  }

  async #look(
    flights: readonly Flight[],
    again: boolean,
  ): Promise<readonly PromiseSettledResult<Look>[]> {
    const { lease, refreshAhead, tags } = this.#plan
    const timeout = this.#commands.timeout(this.#plan)
    const keys = flights.map(({ kept }) => kept)
    const fingerprint = this.#commands.fingerprint(tags, this.#plan)
    // A look that fails earlier has no use for it.
    fingerprint.catch(() => {})
    const patient = flights.length > 1
    const ask = { lease, refreshAhead, timeout, patient, fingerprint, again }
    return this.#commands.look(keys, ask)
  }

  /** For callers who wait. */
  async #compute(tasks: readonly Task[]): Promise<void> {
    const values = await this.#loadAll(tasks, (flight, error) => this.#fail(flight, error))
    const stores = values.map(async (value, position) => {
      const task = tasks[position] as Task
      try {
        if (await this.#store(task, value)) this.#listener.found(task.flight, value, this.#plan)
        this.#answer(task.flight, value)
      } catch (error) {
        this.#fail(task.flight, error)
      }
    })
    await Promise.all(stores)
  }

  /** For nobody: everyone got the old value. */
  async #refresh(tasks: readonly Task[]): Promise<void> {
    const failed = (flight: Flight, error: unknown): void =>
      this.#listener.refreshFailed(flight.key, error)
    const values = await this.#loadAll(tasks, failed)
    const stores = values.map((value, position) => {
      const task = tasks[position] as Task
      return this.#store(task, value).catch((error: unknown) => failed(task.flight, error))
    })
    await Promise.all(stores)
  }

  /** None where the load fails; then the leases are free and each flight's failure told. */
  async #loadAll(
    tasks: readonly Task[],
    failed: (flight: Flight, error: unknown) => void,
  ): Promise<readonly unknown[]> {
    try {
      return await this.#load(tasks.map(({ flight }) => flight.key))
    } catch (error) {
      await Promise.allSettled(tasks.map(({ lease }) => lease?.release()))
      for (const { flight } of tasks) failed(flight, error)
      return []
    }
  }

  /** Resolves to whether the value is now in the cache. */
  async #store({ flight, lease }: Task, value: unknown): Promise<boolean> {
    if (lease === undefined) return false
    try {
      if (this.#plan.keeps(value)) return await lease.fill(value, this.#plan.life(value))
      await lease.discard()
    } catch (error) {
      lease.release().catch(() => {
        // It ends by itself.
      })
      // A value that cannot be stored is given all the same, and told.
      if (this.#plan.throws) throw error
      this.#listener.refreshFailed(flight.key, error)
    }
    return false
  }

  #answer(flight: Flight, value: unknown): void {
    flight.answer(value)
    this.#listener.ended(flight)
  }

  #fail(flight: Flight, error: unknown): void {
    if (flight.settled) return
    flight.fail(error)
    this.#listener.ended(flight)
  }

  /** A failure of the cache, which costs only a load; a mistake of the caller's is never one. */
  #forgives(error: unknown): boolean {
    return !this.#plan.throws && error instanceof MemcacheError && error.code !== INVALID_KEY
  }
}
const INVALID_KEY = 'ERR_MEMCACHE_INVALID_KEY'
