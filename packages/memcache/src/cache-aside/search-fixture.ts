import { ServerError } from '../errors.js'
import type { Key } from '../key.js'
import type { Worth } from '../leases/judgement.js'
import type { Lease, Life, Lookup, LookupOptions } from '../leases/lease.js'
import type { WrappedItem } from '../values/envelope.js'
import { Flight } from './flight.js'
import { type Loader, Search, type SearchCommands, type SearchOwner } from './search.js'
import { type WrapOptions, WrapPlan } from './wrap-options.js'

/** What a look at a key finds, or its failure. */
type Seen = Lookup | Error

/** A lease of which one reads what became of it. */
class FakeLease {
  readonly id: string
  readonly #key: string
  readonly #fixture: SearchFixture

  constructor(key: string, id: string, fixture: SearchFixture) {
    this.#key = key
    this.id = id
    this.#fixture = fixture
  }

  async fill(value: unknown, { exptime }: Life): Promise<boolean> {
    await this.#done(`fill ${this.#key} ${value} ${exptime}`)
    return !this.#fixture.overtaken
  }

  async discard(): Promise<void> {
    await this.#done(`discard ${this.#key}`)
  }

  async release(): Promise<void> {
    await Promise.resolve()
    this.#fixture.told.push(`release ${this.#key}`)
  }

  async #done(what: string): Promise<void> {
    await Promise.resolve()
    if (this.#fixture.refusal !== undefined) throw this.#fixture.refusal
    this.#fixture.told.push(what)
  }
}

/** A search, with the room below it as the test tells it, and the one above as a list of words. */
export class SearchFixture {
  /** What was asked, loaded and stored, and what the owner was told: in order. */
  readonly told: string[] = []
  /** Why nothing can be stored. */
  refusal: Error | undefined
  /** The key was changed or invalidated, so that a lease stores nothing. */
  overtaken = false
  /** What looks throw. */
  breakage: Error | undefined
  /** Seconds for which found values are fresh. */
  readonly fresh: number[] = []
  /** Those of refreshes in the background. */
  readonly refreshes: Promise<void>[] = []
  readonly search: Search
  readonly #finds: Readonly<Record<string, readonly Seen[]>>
  readonly #looks = new Map<string, number>()

  /** @param finds - what the looks at each key find, one after the other; the last one from then on. */
  constructor(
    finds: (fixture: SearchFixture) => Readonly<Record<string, readonly Seen[]>>,
    load: Loader = async (keys) => keys.map((key) => `new ${key}`),
    options: WrapOptions = {},
  ) {
    this.#finds = finds(this)
    const plan = new WrapPlan('wrap', options, [], false)
    const commands: SearchCommands = {
      look: (keys, ask, looked) => this.#look(keys, ask, looked),
      glance: () => undefined,
      print: () => ({ known: () => '', later: async () => '' }),
      timeout: () => 1_000,
    }
    const counted: Loader = (keys) => {
      this.told.push(`load ${keys.join(' ')}`)
      return load(keys)
    }
    this.search = new Search(commands, this.#owner, counted, plan, (patient) => ({
      lease: plan.lease,
      refreshAhead: plan.refreshAhead,
      timeout: 1_000,
      patient,
      print: commands.print([], plan),
      mayRefresh: () => true,
    }))
  }

  /** Nothing is there, and the right to compute it is won. */
  readonly won = (key: string, state: Worth = 'missing', old?: unknown): Lookup => ({
    item: state === 'missing' ? undefined : itemOf(old),
    fresh: 0,
    lease: new FakeLease(key, `lease of ${key}`, this) as unknown as Lease,
    state,
  })

  /** What the searches told, but for looks. */
  get deeds(): readonly string[] {
    return this.told.filter((word) => !word.startsWith('look'))
  }

  /** The number of looks. */
  get looks(): number {
    return this.told.length - this.deeds.length
  }

  async #look(
    keys: readonly Key[],
    { patient }: LookupOptions,
    looked: boolean,
  ): Promise<readonly PromiseSettledResult<Lookup>[]> {
    if (this.breakage !== undefined) throw this.breakage
    this.told.push(`look ${keys.join(' ')}${looked ? ' again' : ''}${patient ? ' patient' : ''}`)
    return Promise.allSettled(
      keys.map(async (key) => {
        const finds = this.#finds[String(key)] ?? []
        const number = this.#looks.get(String(key)) ?? 0
        this.#looks.set(String(key), number + 1)
        const seen = finds[Math.min(number, finds.length - 1)]
        if (seen === undefined) throw new ServerError(`nothing is known of ${key}`)
        if (seen instanceof Error) throw seen
        return seen
      }),
    )
  }

  readonly #owner: SearchOwner = {
    found: ({ id }, value, fresh) => {
      this.told.push(`found ${id} ${value}`)
      this.fresh.push(fresh)
    },
    ended: ({ id }) => this.told.push(`ended ${id}`),
    refreshing: ({ id }, done) => {
      this.told.push(`refreshing ${id}`)
      this.refreshes.push(done)
    },
    refreshed: ({ id }) => this.told.push(`refreshed ${id}`),
    refreshFailed: ({ id }, error) => this.told.push(`refreshFailed ${id} ${messageOf(error)}`),
    storeFailed: ({ id }, error) => this.told.push(`storeFailed ${id} ${messageOf(error)}`),
  }
}

/** It is there. */
export const stored = (value: unknown, state: Worth = 'fresh', fresh = 60): Lookup => ({
  item: itemOf(value),
  fresh,
  lease: undefined,
  state,
})

/** Nothing is there, and somebody else computes it. */
export const held = (holder = 'another'): Lookup => ({
  item: undefined,
  fresh: 0,
  lease: undefined,
  state: 'missing',
  holder,
})

/** Somebody asks for the key. */
export const flightOf = (key: string): Flight => new Flight(key, key, [], {})

const itemOf = (value: unknown): WrappedItem => ({ value }) as WrappedItem
const messageOf = (error: unknown): string => (error as Error).message
