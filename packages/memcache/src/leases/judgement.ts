import type { Key } from '../key.js'
import type { Seen } from '../requests/look.js'
import type { WrappedItem } from '../values/envelope.js'

/** `Seen.left` with a protocol that does not report it. */
const UNTOLD = -2

/**
 * What an item is worth: `fresh`, `stale` and to be computed anew because of its age, `invalidated`, or
 * equivalent to `missing`.
 */
export type Worth = 'fresh' | 'stale' | 'invalidated' | 'missing'

/** @param refreshAhead - seconds before its end at which an item is stale. */
export function worthOf(
  seen: Seen<WrappedItem> | undefined,
  fingerprint: string,
  refreshAhead: number,
): Worth {
  const item = seen?.item
  if (item?.readable !== true || item.fingerprint !== fingerprint) return 'missing'
  if (seen?.stale === true) return 'invalidated'
  return freshFor(seen as Seen<WrappedItem>, refreshAhead) < 0 ? 'stale' : 'fresh'
}

/**
 * True if an item may be served as it is.
 *
 * @param mayRefresh - `false` for a key that this process must not compute now.
 */
export function isServed(worth: Worth, key: Key, mayRefresh: (key: Key) => boolean): boolean {
  return worth === 'fresh' || (worth === 'stale' && !mayRefresh(key))
}

/**
 * Seconds until an item is due; negative: it is due. `Infinity` if it never is, or if that is
 * unknown: servers report the age of items only over the meta protocol, whatever wrote and touched
 * them since; with other protocols the header of the value does, by the clock of its writer.
 */
export function freshFor({ item, left }: Seen<WrappedItem>, refreshAhead: number): number {
  const { expiry = 0, stale = 0 } = item ?? {}
  if (left >= 0) return left - stale - refreshAhead
  if (left !== UNTOLD || expiry === 0) return Infinity
  const rest = expiry - refreshAhead - Date.now() / 1_000
  return rest === 0 ? -1 : rest
}
