import { MemcacheError, type MemcacheErrorDetails } from '../errors.js'
import type { Key } from '../key.js'

/**
 * The failure of a command of many keys: the first that happened, naming the keys of all that
 * failed.
 *
 * @param lists - the keys of each outcome.
 * @returns `undefined` if nothing failed.
 */
export function togetherFailed(
  command: string,
  outcomes: readonly PromiseSettledResult<unknown>[],
  lists: readonly (readonly Key[])[],
): unknown {
  let first: PromiseRejectedResult | undefined
  const keys: Key[] = []
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status === 'fulfilled') continue
    first ??= outcome
    for (const key of lists[index] ?? []) keys.push(key)
  }
  const reason: unknown = first?.reason
  if (!(reason instanceof MemcacheError)) return reason
  const type = reason.constructor as new (
    text: string,
    details: MemcacheErrorDetails,
  ) => MemcacheError
  const { server, cause } = reason
  const message = `${command} failed for ${keys.length} keys: ${reason.message}`
  // If the server answered, a single one of its keys may be at fault.
  const key = keys.length === 1 ? keys[0] : reason.keys && reason.key
  return new type(message, { server, command, cause, key, keys })
}
