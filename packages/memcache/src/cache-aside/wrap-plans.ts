import type { WrapOptions } from './wrap-options.js'
import { WrapPlan } from './wrap-options.js'

/** Plans that are kept: a power of two. */
const SLOTS = 16

/** A plan, with the options that it was made from. */
interface Kept {
  readonly names: readonly string[]
  readonly values: readonly unknown[]
  readonly plan: WrapPlan
}

/**
 * The plans of calls. For calls with the same options, such as those from one place in a program,
 * only the first checks them: the others compare their contents, because the objects may change.
 */
export class WrapPlans {
  readonly #tags: readonly string[]
  readonly #foreignReaders: boolean
  /** Indexed by the last bits of the ttl. */
  readonly #kept: (Kept | undefined)[] = new Array(SLOTS).fill(undefined)

  /** Both as in {@link WrapPlan}. */
  constructor(tags: readonly string[], foreignReaders: boolean) {
    this.#tags = tags
    this.#foreignReaders = foreignReaders
  }

  /** @throws TypeError or RangeError for invalid options. */
  of(command: string, options: WrapOptions): WrapPlan {
    if (!isLiteral(options)) return this.#new(command, options)
    const { ttl } = options
    const slot = typeof ttl === 'number' ? ttl & (SLOTS - 1) : 0
    const kept = this.#kept[slot]
    if (kept !== undefined && isSame(kept, options)) return kept.plan
    const plan = this.#new(command, options)
    const names: string[] = []
    const values: unknown[] = []
    for (const name in options) {
      const value = options[name as keyof WrapOptions]
      names.push(name)
      values.push(Array.isArray(value) ? [...value] : value)
    }
    // A Date can change and its moment passes; a signal must not be kept longer than its call.
    if (!values.some(isOtherObject)) this.#kept[slot] = { names, values, plan }
    return plan
  }

  #new(command: string, options: WrapOptions): WrapPlan {
    return new WrapPlan(command, options, this.#tags, this.#foreignReaders)
  }
}

function isLiteral(options: unknown): boolean {
  if (typeof options !== 'object' || options === null) return false
  const prototype: unknown = Object.getPrototypeOf(options)
  return prototype === Object.prototype || prototype === null
}

function isOtherObject(value: unknown): boolean {
  return typeof value === 'object' && !Array.isArray(value)
}

function isSame({ names, values }: Kept, options: WrapOptions): boolean {
  let at = 0
  for (const name in options) {
    if (names[at] !== name) return false
    const value = options[name as keyof WrapOptions]
    if (values[at] !== value && !isSameList(values[at], value)) return false
    at += 1
  }
  return at === names.length
}

function isSameList(kept: unknown, value: unknown): boolean {
  if (!Array.isArray(kept) || !Array.isArray(value) || kept.length !== value.length) return false
  for (let at = 0; at < kept.length; at += 1) if (kept[at] !== value[at]) return false
  return true
}
