import { inspect } from 'node:util'
import { isNativeError } from 'node:util/types'

/** Longer texts say nothing in an error, and may be anything: an address with its password, a value. */
const PLAIN_TEXT = /^[\w .+-]{0,40}$/

/**
 * An invalid value as an error shows it: text only if it is short and plain, since other text may
 * contain anything. Never throws.
 */
export function shown(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return PLAIN_TEXT.test(value) ? `'${value}'` : 'a text'
    case 'bigint':
      // Converting a bigint of a million digits to text takes seconds.
      return value > -SHORT && value < SHORT ? `${value}n` : 'a large bigint'
    case 'object':
      return value === null ? 'null' : isArray(value) ? 'an array' : 'an object'
    case 'symbol':
      return 'a symbol'
    case 'function':
      return 'a function'
    default:
      return String(value)
  }
}

// For a revoked Proxy it throws.
function isArray(value: object): boolean {
  try {
    return Array.isArray(value)
  } catch {
    return false
  }
}

const SHORT = 10n ** 40n

/**
 * The name of a property, quoted; empty if it may be something else than a name, an address for
 * example.
 */
export function shownName(name: string): string {
  return /^[\w$-]{1,40}$/.test(name) ? ` '${name}'` : ''
}

/** The message of an error; for any other thrown value its text. Never throws. */
export function messageOf(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error || isNativeError(thrown))) return String(thrown)
    // Some programs set it to what a server answered: an object, a list, nothing.
    const message: unknown = thrown.message
    return typeof message === 'string' ? message : inspect(message)
  } catch {
    return 'a value without text'
  }
}

/** The `code` of a failure, else its name. */
export function codeOf(reason: unknown): string {
  try {
    const { code, name } = (reason ?? {}) as { code?: unknown; name?: unknown }
    return typeof code === 'string' ? code : typeof name === 'string' ? name : 'unknown'
  } catch {
    // What a codec or a signal gave may be anything, also an object that does not let itself be read.
    return 'unknown'
  }
}
