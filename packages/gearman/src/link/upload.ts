import type { Connection } from '@glammp/wire'

/** Bytes that leave within a moment on any working connection. */
const SMALL = 65_536

/**
 * Bytes that the kernels on the way take at once and pass on later, and bytes per millisecond that
 * the slowest line takes: this process cannot see what happens there.
 */
const HELD = { most: 6 * 1024 * 1024, rate: 200 }

/** Where a request is in the stream of bytes that its connection sends, and when something moved. */
export interface Sending {
  /** When it was written. */
  written: number
  /** How many bytes the connection sends up to its end. */
  position: number
  /** How many of them had left at the last check. */
  left: number
  /** When some of them were seen to have left. */
  moved: number
}

/**
 * Milliseconds that a request must still be waited for although its time is over, 0 for none. A time limit
 * measures silence, not size: it is not over while bytes leave, its own and those before it.
 *
 * @param arrived - bytes that the server is known to have.
 */
export function unfinished(
  sending: Sending,
  connection: Connection,
  arrived: number,
  timeout: number,
  now: number,
): number {
  const bytes = sending.position - arrived
  if (bytes <= SMALL) return 0
  const left = Math.min(connection.left, sending.position)
  if (sending.left >= 0 && left > sending.left) sending.moved = now
  sending.left = left
  const { written, moved } = sending
  const patience = timeout + heldFor(bytes) + (moved - written)
  return Math.max(0, Math.min(timeout, moved + patience - now))
}

/** Milliseconds that this many bytes may be on the way without being seen. */
export function heldFor(bytes: number): number {
  return bytes <= SMALL ? 0 : Math.min(bytes, HELD.most) / HELD.rate
}
