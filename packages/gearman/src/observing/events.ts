import type { GearmanError } from '../errors.js'

/** A server that can be reached. */
export interface ServerUp {
  /** Its address. */
  readonly server: string
}

/** A server that cannot be reached. */
export interface ServerDown {
  /** Its address. */
  readonly server: string
  readonly error: GearmanError
}

/** Events of a GearmanClient. There is no `error` event: failures belong to calls. */
export interface GearmanClientEvents {
  /** A server could not be reached or said nothing: jobs go to others, where there are any. */
  'server:down': [state: ServerDown]
  /** A server that was down has answered. */
  'server:up': [state: ServerUp]
}
