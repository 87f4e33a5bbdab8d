import { Backoff, monotonic, sleep } from '@glammp/wire'
import { MemcacheError } from '../errors.js'
import type { Key } from '../key.js'
import type { GlanceOwner } from '../leases/glance.js'
import type { Lease, Lookup, LookupOptions } from '../leases/lease.js'
import type { Print } from '../leases/tags.js'
import { LOOK } from '../requests/retry.js'
import type { Flight } from './flight.js'
import { Loading, waitsForItself } from './loading.js'
import type { WrapPlan } from './wrap-options.js'

/** The commands that a search uses. */
export interface SearchCommands {
  look(
    keys: readonly Key[],
    ask: LookupOptions,
    looked: boolean,
  ): Promise<readonly PromiseSettledResult<Lookup>[]>
  glance(key: Key, ask: LookupOptions, owner: GlanceOwner): Promise<unknown> | undefined
  print(tags: readonly string[], plan: WrapPlan): Print
  /** Milliseconds for each command. */
  timeout(plan: WrapPlan): number
}

/** Called with what becomes of the keys. */
export interface SearchOwner {
  /** The value is what the servers hold, too. @param fresh - seconds for which it is fresh. */
  found(flight: Flight, value: unknown, fresh: number): void
  /** Nobody waits for this flight any more. */
  ended(flight: Flight): void
  /** Everybody got the old value, while a new one is computed. */
  refreshing(flight: Flight, done: Promise<void>): void
  refreshed(flight: Flight): void
  /** A value should have been computed anew in the background, and was not. */
  refreshFailed(flight: Flight, error: unknown): void
  /** A value was loaded and given to its callers, but cannot be stored. */
  storeFailed(flight: Flight, error: unknown): void
}

/** Values for keys, aligned with them. */
export type Loader = (keys: readonly Key[]) => Promise<readonly unknown[]>

/** A key to load; without a lease its value is not stored. */
interface Task {
  readonly flight: Flight
  readonly lease: Lease | undefined
}

/** Leases that a caller waits for before it computes by itself: two lease holders may die. */
const LEASES_WAITED = 2

/** Looks for keys; computes those that it wins, waits for those that others compute. */
export class Search {
  readonly #commands: SearchCommands
  readonly #owner: SearchOwner
  readonly #load: Loader
  readonly #plan: WrapPlan
  readonly #ask: (patient: boolean) => LookupOptions
  /** The load that called. */
  readonly #caller: Loading | undefined = Loading.current
  readonly #computations: Promise<void>[] = []

  /** @param ask - called anew for each look. */
  constructor(
    commands: SearchCommands,
    owner: SearchOwner,
    load: Loader,
    plan: WrapPlan,
    ask: (patient: boolean) => LookupOptions,
  ) {
    this.#commands = commands
    this.#owner = owner
    this.#load = load
    this.#plan = plan
    this.#ask = ask
  }

  /**
   * Settles every flight; resolves when nothing is left to do for them, also in the background.
   *
   * @param looked - they were just looked at, without a result.
   */
  run(flights: readonly Flight[], looked: boolean): Promise<void> {
    return this.#settle(flights, () => this.#run(flights, looked))
  }

  /** As {@link run}, for a flight that could not be looked at. */
  goOn(flight: Flight, failure: unknown): Promise<void> {
    return this.#settle([flight], async () => {
      if (this.#forgives(failure)) await this.#compute([{ flight, lease: undefined }])
      else this.#fail(flight, failure)
    })
  }

  async #settle(flights: readonly Flight[], work: () => Promise<void>): Promise<void> {
    try {
      await work()
      await Promise.all(this.#computations)
    } catch (error) {
      for (const flight of flights) this.#fail(flight, error)
    }
  }

  async #run(flights: readonly Flight[], looked: boolean): Promise<void> {
    const backoff = new Backoff(LOOK)
    // Servers count whole seconds, so a lease may last one more.
    const end = monotonic() + LEASES_WAITED * (this.#plan.lease + 1) * 1_000
    let waiting = flights
    for (let again = false; waiting.length > 0; again = true) {
      if (again) await sleep(backoff.next())
      const isOver = monotonic() >= end
      const keys = waiting.map(({ kept }) => kept)
      const looks = await this.#commands.look(keys, this.#ask(waiting.length > 1), looked || again)
      waiting = this.#take(waiting, looks, isOver)
    }
  }

  /** Serves and computes what it can; returns the keys that somebody else computes. */
  #take(
    flights: readonly Flight[],
    looks: readonly PromiseSettledResult<Lookup>[],
    isOver: boolean,
  ): readonly Flight[] {
    const tasks: Task[] = []
    const refreshes: Task[] = []
    const rest: Flight[] = []
    for (const [position, flight] of flights.entries()) {
      const outcome = looks[position] as PromiseSettledResult<Lookup>
      if (outcome.status === 'rejected') {
        if (this.#forgives(outcome.reason)) tasks.push({ flight, lease: undefined })
        else this.#fail(flight, outcome.reason)
        continue
      }
      const { item, fresh, lease, state, holder } = outcome.value
      if (item !== undefined && (lease === undefined || state === 'stale')) {
        if (state === 'fresh') this.#owner.found(flight, item.value, fresh - 1)
        this.#answer(flight, item.value)
        if (lease !== undefined) refreshes.push({ flight, lease })
      } else if (lease !== undefined || isOver) {
        if (item !== undefined) flight.offer(item.value)
        tasks.push({ flight, lease })
      } else if (holder !== undefined && this.#caller?.holds(holder)) {
        this.#fail(flight, waitsForItself(flight.key))
      } else {
        rest.push(flight)
      }
    }
    if (refreshes.length > 0) this.#computations.push(this.#refresh(refreshes))
    if (tasks.length > 0) this.#computations.push(this.#compute(tasks))
    return rest
  }

  /** For callers that wait. */
  async #compute(tasks: readonly Task[]): Promise<void> {
    const values = await this.#loadAll(tasks, (flight, error) => this.#fail(flight, error))
    const stores = values.map(async (value, position) => {
      const task = tasks[position] as Task
      try {
        await this.#store(task, value)
      } catch (error) {
        if (this.#plan.throws) {
          this.#fail(task.flight, error)
          return
        }
        this.#owner.storeFailed(task.flight, error)
      }
      this.#answer(task.flight, value)
    })
    await Promise.all(stores)
  }

  /** In the background: all callers got the old value. */
  async #refresh(tasks: readonly Task[]): Promise<void> {
    const failed = (flight: Flight, error: unknown): void =>
      this.#owner.refreshFailed(flight, error)
    const work = this.#loadAll(tasks, failed).then(async (values) => {
      const stores = values.map(async (value, position) => {
        const task = tasks[position] as Task
        try {
          await this.#store(task, value)
          this.#owner.refreshed(task.flight)
        } catch (error) {
          failed(task.flight, error)
        }
      })
      await Promise.all(stores)
    })
    for (const { flight } of tasks) this.#owner.refreshing(flight, work)
    await work
  }

  /**
   * None if the load fails; then the leases are released and each flight has been told of the
   * failure.
   */
  async #loadAll(
    tasks: readonly Task[],
    failed: (flight: Flight, error: unknown) => void,
  ): Promise<readonly unknown[]> {
    const flights = tasks.map(({ flight }) => flight)
    const leases = tasks.flatMap(({ lease }) => (lease === undefined ? [] : [lease.id]))
    const loading = new Loading(flights, leases, this.#caller)
    try {
      return await loading.run(() => this.#load(flights.map(({ key }) => key)))
    } catch (error) {
      await Promise.all(tasks.map(({ lease }) => lease?.release()))
      for (const flight of flights) failed(flight, error)
      return []
    }
  }

  async #store({ flight, lease }: Task, value: unknown): Promise<void> {
    if (lease === undefined) return
    try {
      // It may be older than a change that this process has made to the key since.
      if (!flight.current) await lease.release()
      else if (this.#plan.keeps(value)) {
        const life = this.#plan.life(value)
        const since = monotonic()
        if (await lease.fill(value, life)) {
          this.#owner.found(flight, value, life.fresh - (monotonic() - since) / 1_000)
        }
      } else await lease.discard()
    } catch (error) {
      await lease.release()
      throw error
    }
  }

  #answer(flight: Flight, value: unknown): void {
    flight.answer(value)
    this.#owner.ended(flight)
  }

  #fail(flight: Flight, error: unknown): void {
    if (flight.settled) return
    flight.fail(error)
    this.#owner.ended(flight)
  }

  /** A failure of the cache, which only leads to a load; a mistake of the caller is not one. */
  #forgives(error: unknown): boolean {
    return !this.#plan.throws && error instanceof MemcacheError && error.code !== INVALID_KEY
  }
}

const INVALID_KEY = 'ERR_MEMCACHE_INVALID_KEY'
