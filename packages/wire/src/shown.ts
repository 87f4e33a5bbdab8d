import { inspect } from 'node:util'
import { isNativeError } from 'node:util/types'

/** Longer texts say nothing in an error, and may be anything: an address with its password, a value. */
const PLAIN_TEXT = /^[\w .+-]{0,40}$/

/**
 * What was given in place of what is wanted, for an error: text only where it is short and plain,
 * for nobody knows what else it may hold. Never throws.
 */
export function shown(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return PLAIN_TEXT.test(value) ? `'${value}'` : 'a text'
    case 'bigint':
      // The text of one of a million digits takes seconds.
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

// Of a Proxy that was revoked it throws.
function isArray(value: object): boolean {
  try {
    return Array.isArray(value)
  } catch {
    return false
  }
}

const SHORT = 10n ** 40n

/** The name of a property, quoted; empty where it may be more than a name, an address for example. */
export function shownName(name: string): string {
  return /^[\w$-]{1,40}$/.test(name) ? ` '${name}'` : ''
}

/** What an error says; of any other thrown value its text. Never throws. */
export function messageOf(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error || isNativeError(thrown))) return String(thrown)
    // Many put there what a server answered: an object, a list, nothing.
    const message: unknown = thrown.message
    return typeof message === 'string' ? message : inspect(message)
  } catch {
    return 'a value without text'
  }
}
