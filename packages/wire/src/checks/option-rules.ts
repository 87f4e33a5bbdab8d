import { isStringObject } from 'node:util/types'
import { shown, shownName } from './shown.js'

/**
 * Checks the value of an option.
 *
 * @throws TypeError for a value of a wrong type, RangeError for one out of range; they name the
 *   option and say which values are valid.
 */
export type Check = (name: string, value: unknown) => unknown

/** A check for each option of `T`: an option without one does not compile. */
export type Checks<T> = { readonly [Name in keyof T]-?: Check }

/**
 * The known options, and the valid values of each. A misspelt one must not silently become a
 * default.
 */
export class OptionRules<T extends object> {
  readonly #checks: ReadonlyMap<string, Check>
  readonly #otherwise: string

  /** @param otherwise - what may be given instead of the options, followed by `or`. */
  constructor(checks: Checks<T>, otherwise = '') {
    this.#checks = new Map(Object.entries<Check>(checks))
    this.#otherwise = otherwise
  }

  /**
   * @param owner - what takes the options, for errors.
   * @param prefix - put before the names of the options, for options inside an option.
   * @throws TypeError if it is not an object of options, and for an unknown option; what the checks
   *   throw.
   */
  check(owner: string, options: T, prefix = ''): void {
    if (typeof options !== 'object' || options === null) throw this.#refusal(owner, options)
    try {
      this.#check(owner, options, prefix)
    } catch (cause) {
      if (cause instanceof TypeError || cause instanceof RangeError) throw cause
      // Thrown by a getter, or by a Proxy.
      throw new TypeError(`${owner}: its options cannot be read`, { cause })
    }
  }

  #check(owner: string, options: T, prefix: string): void {
    const prototype: unknown = Object.getPrototypeOf(options)
    if (prototype !== Object.prototype && prototype !== null) {
      this.#checkInstance(owner, options, prefix)
      return
    }
    for (const name in options) {
      const check = this.#checks.get(name)
      if (check !== undefined) {
        const value: unknown = options[name]
        if (value !== undefined) check(prefix + name, value)
      } else if (Object.hasOwn(options, name)) {
        throw this.#unknown(owner, name)
      }
    }
  }

  // Inherited properties count, as they do where the options are read: getters of a class, for
  // example.
  #checkInstance(owner: string, options: T, prefix: string): void {
    // They too have a length.
    if (Array.isArray(options) || ArrayBuffer.isView(options)) throw this.#refusal(owner, options)
    for (const name of Object.keys(options)) {
      if (!this.#checks.has(name)) throw this.#unknown(owner, name)
    }
    let isEmpty = true
    for (const [name, check] of this.#checks) {
      if (!(name in options)) continue
      isEmpty = false
      const value: unknown = options[name as keyof T]
      if (value !== undefined) check(prefix + name, value)
    }
    // A signal, a URL, a Map: nothing that it contains would count.
    if (isEmpty && !isPlain(options)) throw this.#refusal(owner, options)
  }

  #unknown(owner: string, name: string): TypeError {
    return new TypeError(`${owner} has no option${shownName(name)}; there are ${this.#names()}`)
  }

  #refusal(owner: string, options: unknown): TypeError {
    return new TypeError(
      `${owner} takes ${this.#otherwise}an object of ${this.#names()}; not ${shown(options)}`,
    )
  }

  #names(): string {
    return [...this.#checks.keys()].join(', ')
  }
}

/** A check for an option that has options of its own, and may be something other than an object. */
export function optionsOf<T extends object>(
  checks: Checks<T>,
  otherwise = '',
  isOther: (value: unknown) => boolean = () => false,
): Check {
  const rules = new OptionRules<T>(checks, otherwise)
  return (name, value) => {
    if (!isOther(value)) rules.check(name, value as T, `${name}.`)
  }
}

/** Whether an object is a literal, of whatever realm, or has no prototype. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Longest delay of a timer in Node; with a longer one it fires at once. */
const MAX_DELAY = 2 ** 31 - 1

/**
 * A check for a number of which `fits` is true.
 *
 * @param wanted - what errors say that it is: TypeError, or RangeError for another number.
 */
export function numberThat(
  wanted: string,
  fits: (value: number) => boolean,
): (name: string, value: unknown) => number {
  return (name, value) => {
    if (typeof value === 'number' && fits(value)) return value
    throw misfit(name, wanted, value)
  }
}

function misfit(name: string, wanted: string, value: unknown): TypeError | RangeError {
  const text = wrong(name, wanted, value)
  return typeof value === 'number' ? new RangeError(text) : new TypeError(text)
}

/** @throws TypeError, or RangeError if it is out of range for a timer. */
export const milliseconds: (name: string, value: unknown) => number = numberThat(
  `a number of milliseconds over 0, at most ${MAX_DELAY}`,
  (value) => value > 0 && value <= MAX_DELAY,
)

/** @throws TypeError, or RangeError if it is not a whole number from `least` to `most`. */
export function wholeNumber(
  name: string,
  value: unknown,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) {
    return value
  }
  const limit = most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`
  throw misfit(name, `a whole number from ${least}${limit}`, value)
}

/** A check for {@link wholeNumber}. */
export function wholeNumberFrom(least: number, most?: number): Check {
  return (name, value) => wholeNumber(name, value, least, most)
}

/** @throws TypeError if it is not an AbortSignal, of whatever realm. */
export function abortSignal(name: string, value: unknown): void {
  const signal = value as Partial<AbortSignal> | null
  if (
    typeof signal === 'object' &&
    typeof signal?.aborted === 'boolean' &&
    typeof signal.addEventListener === 'function'
  ) {
    return
  }
  throw new TypeError(wrong(name, 'an AbortSignal', value))
}

/** @throws TypeError */
export function bool(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw new TypeError(wrong(name, 'a boolean', value))
}

/** @throws TypeError */
export function text(name: string, value: unknown): void {
  if (typeof value !== 'string') throw new TypeError(wrong(name, 'a string', value))
}

/** @throws TypeError */
export function callback(name: string, value: unknown): void {
  if (typeof value !== 'function') throw new TypeError(wrong(name, 'a function', value))
}

/** A check for one of a few words. */
export function oneOf(...words: readonly string[]): Check {
  return (name, value) => {
    if (typeof value === 'string' && words.includes(value)) return
    throw new TypeError(wrong(name, `one of '${words.join("', '")}'`, value))
  }
}

/**
 * A boolean, or settings of `node:tls`, which has names of its own. The error does not show the
 * value: it may be a passphrase in the wrong place.
 *
 * @throws TypeError
 */
export function tlsOption(name: string, value: unknown): void {
  if (isTlsOption(value)) return
  throw new TypeError(`${name} is a boolean or an object of settings of node:tls`)
}

/** The same, without an error. */
export function isTlsOption(value: unknown): boolean {
  if (typeof value === 'boolean') return true
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * A list of anything, as an iterable. Text is iterable too, letter by letter, but not a list.
 *
 * @throws TypeError
 */
export function listOf<T>(name: string, list: Iterable<T>): Iterable<T> {
  if (
    typeof list === 'object' &&
    list !== null &&
    !isStringObject(list) &&
    !ArrayBuffer.isView(list) &&
    typeof list[Symbol.iterator] === 'function'
  ) {
    return list
  }
  throw new TypeError(wrong(name, 'an array or another iterable', list))
}

/** The message for an invalid value. */
export function wrong(name: string, wanted: string, value: unknown): string {
  return `${name} is ${wanted}; not ${shown(value)}`
}
