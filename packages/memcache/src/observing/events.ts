import type { ServerReconnecting, ServerUp } from '@glammp/wire'
import type { MemcacheError } from '../errors.js'
import type { Key } from '../key.js'

/** A server that cannot be reached, or is left out. */
export interface ServerDown {
  /** Its address. */
  readonly server: string
  /** The failure that led to it. */
  readonly error: MemcacheError
}

/** An old value that could not be replaced. */
export interface RefreshFailed {
  readonly key: Key
  /** What `load` threw, or the MemcacheError of the command that failed. */
  readonly error: unknown
  /** Milliseconds for which this process serves the old value without trying again. */
  readonly delay: number
}

/** The events of a client. There is no `'error'` event: failures belong to calls. */
export interface MemcacheEvents {
  /** A server could not be reached; until `server:up` calls to it fail at once or after one try. */
  'server:down': [event: ServerDown]
  /** A server that was down can be reached again. */
  'server:up': [event: ServerUp]
  /** A server failed too often in a row and is left out until it answers again (`ejection`). */
  'server:ejected': [event: ServerDown]
  /** A server that was left out has answered and gets its keys back. */
  'server:rejoined': [event: ServerUp]
  /**
   * A connection to a server could not be opened. Calls to it fail at once for `delay`
   * milliseconds; the first call after that tries again. `attempt` counts failures in a row.
   */
  'server:reconnecting': [event: ServerReconnecting]
  /**
   * `wrap` served an old value and could not replace it because `load` failed in the background; or
   * what `load` returned was passed on, but could not be stored. For `delay` milliseconds, more
   * after each failure in a row, this process serves the old value of the key without trying again.
   */
  'refresh:failed': [event: RefreshFailed]
}

/** Emits the events of a client. */
export type Tell = <Event extends keyof MemcacheEvents>(
  event: Event,
  details: MemcacheEvents[Event][0],
) => void
