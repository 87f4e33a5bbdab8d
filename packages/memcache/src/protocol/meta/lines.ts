import { isBinary } from '../../key.js'

/** The beginning of an `ms`: the length of the block stands between the key and its flag. */
export function storeHead(wireKey: string, length: number): string {
  if (isBinary(wireKey)) return `ms ${wireKey.slice(0, -1)}${length} b`
  return `ms ${wireKey} ${length}`
}

/** Reads value and flags, and with `t` the seconds left: -1 for an item that does not expire. */
export function lookLine(wireKey: string, withCas: boolean): string {
  return `mg ${wireKey}${withCas ? ' v f c t\r\n' : ' v f t\r\n'}`
}

/** Marks an item stale (`I`) and gives it a new expiry (`T`). */
export function staleLine(wireKey: string, exptime: number): string {
  return `md ${wireKey} I T${exptime}\r\n`
}

/**
 * What the server knows of an item. `u`: this does not count as an access, so its place in the LRU
 * stays.
 */
export function inspectionLine(wireKey: string): string {
  return `mg ${wireKey} s t l h f c u`
}

/**
 * Gives back the right to compute a stale item anew: a second mark makes the next reader win it again.
 *
 * @param cas - of the item that it was won for; another item is left unchanged.
 */
export function returnLine(wireKey: string, cas: string): string {
  return `md ${wireKey} I C${cas}`
}
