import type { ServerReconnecting, ServerUp } from '@glammp/wire'
import type { GearmanError } from '../errors.js'

/** A server that cannot be reached. */
export interface ServerDown {
  /** Its address. */
  readonly server: string
  /** The failure that led to it. */
  readonly error: GearmanError
}

/** Events of a GearmanClient. There is no `error` event: failures belong to calls. */
export interface GearmanClientEvents {
  /** A server could not be reached or did not answer: jobs go to others, if there are any. */
  'server:down': [state: ServerDown]
  /** A server that was down has answered. */
  'server:up': [state: ServerUp]
  /**
   * A connection to a server could not be opened, or was silent. For `delay` milliseconds jobs go
   * to others, if there are any; the first call after that tries again.
   */
  'server:reconnecting': [state: ServerReconnecting]
}
