import type { Action } from '../linearize.js'
import { familyOf, tagsOf } from './program.js'
import type { Call, Load } from './record.js'
import type { Kill } from './stage.js'
import { nameOf } from './values.js'

/** What is stored under a key; undefined if nothing is. */
interface Item {
  readonly name: string
  /** `invalidate` has marked it: a value that was loaded may take its place. */
  readonly stale: boolean
}

export type State = Item | undefined

/** What the judge of one key must know besides the calls. */
export interface Circumstances {
  /** The position of its server. */
  readonly home: number
  /** Of all servers. */
  readonly kills: readonly Kill[]
  /** Calls are answered in the order in which each client made them, its reads included. */
  readonly losesNothing: boolean
  /** Values may be in pieces. */
  readonly inPieces: boolean
  /** Whether this client's `invalidate` marks an item, deletes it, or does one or the other. */
  readonly marks: (client: number) => 'marks' | 'deletes' | 'either'
}

/** An action with the call that it belongs to. */
export interface KeyAction extends Action<State> {
  readonly call: Call | undefined
  readonly what: string
}

export const stateName = (state: State): string =>
  state === undefined ? '-' : `${state.stale ? '!' : ''}${state.name}`

const item = (name: string): Item => ({ name, stale: false })

const NONE: readonly State[] = []

/** Whether something was sent, or may have been. */
const isUnknown = ({ outcome }: Call): boolean => outcome?.kind !== 'returned'

/** Whether it is known that the item was not as this change needs it. */
const foundNothingToChange = ({ op, outcome }: Call): boolean => {
  if (outcome?.kind !== 'returned' || op === 'setMany') return false
  const { value } = outcome
  return op === 'deleteMany' ? value === 0 : NOT_CHANGED.has(value)
}

const NOT_CHANGED = new Set<unknown>([false, undefined, 'missing', 'exists'])

const LOADED = new Set(['wrapped', 'tagged'])

const CHANGES = new Set<Call['op']>([
  ...(['set', 'add', 'replace', 'append', 'prepend', 'cas', 'delete', 'increment'] as const),
  ...(['decrement', 'create', 'setMany', 'deleteMany', 'invalidate'] as const),
])

/** Everything that happened to a key, as far as it is known. */
export class KeyHistory {
  readonly actions: KeyAction[] = []
  readonly #key: string
  readonly #calls: readonly Call[]
  readonly #at: Circumstances
  /** Changes of other calls that are known to have taken effect, for values that are loaded. */
  readonly #changes: { readonly position: number; readonly start: number }[] = []
  /** Actions of each client, in the order of its calls. */
  readonly #byClient = new Map<number, { position: number; reads: boolean; call: Call }[]>()
  readonly #writers = new Map<string, Call>()

  constructor(key: string, calls: readonly Call[], at: Circumstances) {
    this.#key = key
    this.#at = at
    this.#calls = calls.filter(({ keys }) => keys.includes(key))
    for (const call of this.#calls) {
      const name = call.names[call.keys.indexOf(key)]
      if (name !== undefined) this.#writers.set(name, call)
    }
    for (const { start, end } of at.kills.filter(({ server }) => server === at.home)) {
      this.#push(undefined, 'kill', { start, end, happened: true, apply: () => [undefined] })
    }
    for (const call of this.#calls) this.#add(call)
  }

  #add(call: Call): void {
    if (call.op === 'wrap' || call.op === 'wrapMany') {
      this.#wrapped(call)
      return
    }
    if (call.op === 'invalidateTag') return
    if (!CHANGES.has(call.op)) {
      if (!isUnknown(call)) this.#answered(call, this.#read(call))
      return
    }
    const change = this.#change(call)
    if (this.#isOpen(call)) {
      const { start } = call
      this.#push(call, call.op, { start, end: Infinity, happened: false, apply: change })
      return
    }
    this.#answered(call, change)
    this.#changes.push({ position: this.actions.length - 1, start: call.start })
    // A load that is being stored has it sent again.
    const again = ['delete', 'deleteMany', 'invalidate'].includes(call.op)
    if (!again || !['wrapped', 'tagged'].includes(familyOf(this.#key))) return
    const { start, end } = call
    this.#push(call, `${call.op} again`, { start, end, happened: false, apply: change })
  }

  /** Whether it is not known to have changed this key. */
  #isOpen(call: Call): boolean {
    if (!isUnknown(call)) return false
    const { error } = call.outcome as { error?: { keys?: unknown } }
    const failed = error?.keys
    return !(Array.isArray(failed) && call.keys.length > 1 && !failed.includes(this.#key))
  }

  #answered(call: Call, apply: KeyAction['apply']): void {
    const { start, end } = call
    const reads = !CHANGES.has(call.op)
    const behind = this.#earlier(call, reads)
    const onlyLooks = reads || (foundNothingToChange(call) && !LOADED.has(familyOf(this.#key)))
    this.#push(call, call.op, { start, end, happened: true, apply, behind, onlyLooks })
    const own = this.#byClient.get(call.client) ?? []
    own.push({ position: this.actions.length - 1, reads, call })
    this.#byClient.set(call.client, own)
  }

  /** Calls of one client on one key take effect in the order in which they were made. */
  #earlier(call: Call, reads: boolean): readonly number[] {
    if (['wrapped', 'tagged'].includes(familyOf(this.#key))) return []
    const own = this.#byClient.get(call.client) ?? []
    return own
      .filter((other) => (other.reads ? !reads && this.#at.losesNothing : true))
      .map(({ position }) => position)
  }

  #push(
    call: Call | undefined,
    what: string,
    action: Omit<Action<State>, 'behind'> & { behind?: readonly number[] },
  ): void {
    this.actions.push({ behind: [], ...action, call, what })
  }

  #read(call: Call): KeyAction['apply'] {
    const { value } = call.outcome as { value: unknown }
    if (call.op === 'touch') {
      return (state) =>
        value === (state !== undefined) || this.#mayBeTorn(state, call) ? [state] : NONE
    }
    const name = nameOf(this.#valueRead(call, value))
    return (state) => {
      if (state?.name === name) return [state]
      return name === undefined && this.#mayBeTorn(state, call) ? [state] : NONE
    }
  }

  #valueRead({ op }: Call, value: unknown): unknown {
    if (op === 'getMany') return (value as ReadonlyMap<string, unknown>).get(this.#key)
    if (op === 'gets') return (value as { value: unknown } | undefined)?.value
    return value
  }

  /** A value in pieces is a miss once one of them is gone; they are on any server. */
  #mayBeTorn(state: State, read: Call): boolean {
    if (state === undefined || !this.#at.inPieces) return false
    const writer = this.#writers.get(state.name)
    if (writer === undefined) return false
    const lost = this.#at.kills.some(({ start, end }) => start <= read.end && end >= writer.start)
    // Pieces of a write that failed are removed, whether it has been carried out or not.
    return lost || isUnknown(writer) || this.#isStoredOverAndOver(read)
  }

  /** A reader follows an item that others keep storing three times. */
  #isStoredOverAndOver(read: Call): boolean {
    const stores = this.#calls.filter(
      ({ names, start, end }) => names.length > 0 && start <= read.end && end >= read.start,
    )
    return stores.length >= 3
  }

  #change(call: Call): KeyAction['apply'] {
    const at = call.keys.indexOf(this.#key)
    const name = call.names[at] ?? ''
    const value = call.outcome?.kind === 'returned' ? call.outcome.value : ANY
    const gives = (given: unknown, ...states: State[]): readonly State[] =>
      value === ANY || value === given ? states : NONE
    switch (call.op) {
      case 'set':
        return () => gives(true, item(name))
      case 'setMany':
        return () => [item(name)]
      case 'add':
        return (state) => (state === undefined ? gives(true, item(name)) : gives(false, state))
      case 'replace':
        return (state) => (state === undefined ? gives(false, state) : gives(true, item(name)))
      case 'append':
        return (state) =>
          state === undefined ? gives(false, state) : gives(true, item(state.name + name))
      case 'prepend':
        return (state) =>
          state === undefined ? gives(false, state) : gives(true, item(name + state.name))
      case 'cas':
        return (state) => this.#swapped(call, state, name, gives)
      case 'delete':
        return (state) => gives(state !== undefined, undefined)
      case 'deleteMany': {
        const known = value === 0 ? false : value === call.keys.length ? true : undefined
        return (state) =>
          known !== undefined && known !== (state !== undefined) ? NONE : [undefined]
      }
      case 'invalidate':
        return (state) => gives(state !== undefined, ...this.#marked(call, state))
      case 'increment':
        return (state) => {
          if (state === undefined) return gives(undefined, state)
          const count = Number(state.name) + call.amount
          return gives(count, item(String(count)))
        }
      case 'decrement':
        return (state) => {
          if (state === undefined) return gives(undefined, state)
          const count = Math.max(0, Number(state.name) - call.amount)
          return gives(count, item(String(count)))
        }
      case 'create':
        return (state) => {
          // `amount` is the initial number, a thousand more than what is added.
          const count = state === undefined ? call.amount : Number(state.name) + call.amount - 1_000
          return gives(count, item(String(count)))
        }
      default:
        throw new TypeError(`${call.op} changes nothing`)
    }
  }

  #swapped(
    call: Call,
    state: State,
    name: string,
    gives: (given: unknown, ...states: State[]) => readonly State[],
  ): readonly State[] {
    if (state === undefined) return gives('missing', state)
    if (state.name === call.expected) {
      // The token is that of an older item, whose pieces were gone: the value is the one after it.
      const mayBeOlder = this.#at.inPieces
      return mayBeOlder
        ? [...gives('stored', item(name)), ...gives('exists', state)]
        : gives('stored', item(name))
    }
    // A server that was started again counts its tokens from one: an old one may fit by chance.
    const restarted = this.#at.kills.some(
      ({ server, start, end }) =>
        server === this.#at.home && end >= call.expectedSince && start <= call.end,
    )
    const kept = gives('exists', state)
    return restarted ? [...kept, ...gives('stored', item(name))] : kept
  }

  #marked(call: Call, state: State): readonly State[] {
    if (state === undefined) return [undefined]
    const stale = { ...state, stale: true }
    const how = this.#at.marks(call.client)
    return how === 'marks' ? [stale] : how === 'deletes' ? [undefined] : [stale, undefined]
  }

  #wrapped(call: Call): void {
    const own = call.loads.filter(({ key }) => key === this.#key)
    for (const load of own) this.#mayBeStored(call, load)
    if (isUnknown(call)) return
    const { value } = call.outcome as { value: unknown }
    const read =
      call.op === 'wrapMany' ? (value as ReadonlyMap<string, unknown>).get(this.#key) : value
    const name = nameOf(read)
    if (own.some((load) => load.name === name) || this.#isJoined(call, name)) return
    const { end } = call
    const start = this.#flightStart(call)
    const apply = (state: State): readonly State[] => (state?.name === name ? [state] : NONE)
    this.#push(call, call.op, { start, end, happened: true, apply, onlyLooks: true })
  }

  /** Callers of one client share one call: it may have begun before. */
  #flightStart(call: Call): number {
    const shared = this.#calls.filter(
      ({ client, op, start, end, outcome }) =>
        client === call.client &&
        (op === 'wrap' || op === 'wrapMany') &&
        start <= call.start &&
        (end >= call.start || outcome?.kind === 'failed'),
    )
    return Math.min(...shared.map(({ start }) => start))
  }

  /** A value that the same client loaded at the same time, for all its callers. */
  #isJoined(call: Call, name: string | undefined): boolean {
    return this.#calls.some(
      // A load goes on, and is stored, when the call that began it was aborted.
      ({ client, loads, end, outcome }) =>
        client === call.client &&
        (end >= call.start || outcome?.kind === 'failed') &&
        loads.some((load) => load.name === name && load.start <= call.end),
    )
  }

  /** Never over a change that was called after the load had begun. */
  #mayBeStored(call: Call, load: Load): void {
    if (load.end === Number.POSITIVE_INFINITY) return
    const tagged = tagsOf(this.#key).length > 0
    this.#push(call, 'store', {
      start: load.end,
      end: Number.POSITIVE_INFINITY,
      happened: false,
      apply: (state, before) => {
        if (state !== undefined && !state.stale && !tagged) return NONE
        const isOld = this.#changes.some(
          ({ position, start }) => start > load.start && before(position),
        )
        return isOld ? NONE : [item(load.name)]
      },
    })
  }
}

/** An outcome that is not known. */
const ANY: unique symbol = Symbol('any')
