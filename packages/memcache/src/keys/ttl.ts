import { isDate } from 'node:util/types'
import { type Check, wholeNumber, wrong } from '@glammp/wire'

/**
 * How long an item lives: seconds from now (a whole number; 0 is for ever), or the `Date` on which
 * it ends.
 */
export type Ttl = number | Date

/** Up to this number memcached takes an expiry as seconds from now, above it as a Unix time. */
const LONGEST_RELATIVE = 30 * 86_400

/** An expiry that every server takes as a moment in 1970: the item is gone at once. */
const LONG_AGO = LONGEST_RELATIVE + 1

/** Seconds that a load may take by default. */
export const USUAL_LOAD = 10

/** memcached parses an expiry into 32 bits with a sign: 2038-01-19. */
const LATEST = 2 ** 31 - 1

/** Whether it has the type of a ttl; anything else in its place is options. */
export function isTtl(value: unknown): value is Ttl {
  return typeof value === 'number' || isDate(value)
}

/**
 * The expiry as memcached wants it: 0, seconds up to 30 days, or else a Unix time.
 *
 * @param name - what errors call it.
 * @param round - makes whole seconds of the moment at which a Date over 30 days away ends.
 * @throws RangeError for a ttl that is negative, not a whole number, or past 2038-01-19; TypeError
 *   if it is neither a number nor a Date.
 */
export function toExptime(
  ttl: Ttl,
  name = 'ttl',
  round: (seconds: number) => number = Math.ceil,
): number {
  if (typeof ttl === 'number') {
    if (!Number.isInteger(ttl) || ttl < 0) {
      throw new RangeError(`${name} is a whole number of seconds, 0 for ever; not ${ttl}`)
    }
    return ttl <= LONGEST_RELATIVE ? ttl : checked(Math.floor(Date.now() / 1000) + ttl, name)
  }
  if (!isDate(ttl)) throw new TypeError(wrong(name, 'a whole number of seconds or a Date', ttl))
  const seconds = round(ttl.getTime() / 1000)
  if (Number.isNaN(seconds)) throw new RangeError(`${name} is an invalid Date`)
  const left = Math.ceil((ttl.getTime() - Date.now()) / 1000)
  if (left <= 0) return LONG_AGO
  // Relative if possible: the server's clock may differ.
  return left <= LONGEST_RELATIVE ? left : checked(seconds, name)
}

function checked(exptime: number, name: string): number {
  if (exptime <= LATEST) return exptime
  throw new RangeError(`${name} ends after 2038-01-19, the last day memcached can hold; use 0`)
}

/** A check for a number of whole seconds that memcached can hold. */
export function secondsFrom(least: number): Check {
  return (name, value) => toExptime(wholeNumber(name, value, least), name)
}

/** For `OptionRules`. @throws TypeError or RangeError */
export function checkTtl(name: string, value: unknown): void {
  toExptime(value as Ttl, name)
}

/** True for an item that may be gone before a load ends that is under way when it is stored. */
export function isShort(exptime: number): boolean {
  return exptime === LONG_AGO || (exptime > 0 && exptime <= USUAL_LOAD)
}

/**
 * The expiry that comes first: the one given, or the number of seconds (up to 30 days) from now.
 */
export function shorterExptime(exptime: number, seconds: number): number {
  if (exptime === 0) return seconds
  const left = exptime > LONGEST_RELATIVE ? exptime - Math.floor(Date.now() / 1000) : exptime
  return left < seconds ? exptime : seconds
}
