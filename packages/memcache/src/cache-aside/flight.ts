import { type Key, keptKey } from '../key.js'

/** One key that is being looked for, and everybody in this process who waits for it. */
export class Flight {
  /** As given by the caller who started the flight. */
  readonly key: Key
  /** The same, in the form that is sent to servers. */
  readonly kept: Key
  /** Equal for all keys of the same item. */
  readonly id: string
  readonly tags: readonly string[]
  /** The owner of the flight: others may use keys of the same name. */
  readonly owner: object
  /** False once this process changed the key: what was found may be older than the change. */
  current = true
  /** Settles when the first look is over; `undefined` if a search does the looking. */
  looked: Promise<unknown> | undefined
  #own: Deferred | undefined
  #joined: Deferred | undefined
  #old: { readonly value: unknown } | undefined
  #settled = false
  #waits: Set<Flight> | undefined

  constructor(key: Key, id: string, tags: readonly string[], owner: object) {
    this.key = key
    this.kept = keptKey(key)
    this.id = id
    this.tags = tags
    this.owner = owner
  }

  /** True once there is an answer or an error. */
  get settled(): boolean {
    return this.#settled
  }

  /** What the caller who started it gets; must be read before there is an answer. */
  get own(): Promise<unknown> {
    this.#own ??= deferred()
    return this.#own.promise
  }

  /** Flights that its load waits for. */
  get waits(): Set<Flight> {
    this.#waits ??= new Set()
    return this.#waits
  }

  /** What later callers get: the old value, if there is one while the new one is computed. */
  join(): Promise<unknown> {
    if (this.#old !== undefined) return Promise.resolve(this.#old.value)
    this.#joined ??= deferred()
    return this.#joined.promise
  }

  /** There is an old value for those who have joined or will join. */
  offer(value: unknown): void {
    this.#old = { value }
    this.#joined?.resolve(value)
  }

  answer(value: unknown): void {
    this.#settled = true
    this.#own?.resolve(value)
    this.#joined?.resolve(value)
  }

  fail(reason: unknown): void {
    this.#settled = true
    this.#own?.reject(reason)
    this.#joined?.reject(reason)
  }
}

interface Deferred {
  readonly promise: Promise<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (reason: unknown) => void
}

function deferred(): Deferred {
  let resolve: Deferred['resolve'] = () => {}
  let reject: Deferred['reject'] = () => {}
  const promise = new Promise<unknown>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise
    reject = rejectPromise
  })
  // Callers may have left by their signals; then nobody listens.
  promise.catch(() => {})
  return { promise, resolve, reject }
}
