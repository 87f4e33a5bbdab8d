import type { Fault } from '@glammp/wire'
import type { LinkOptions } from '../../link/link.js'

export interface ClientConnectionOptions extends LinkOptions {
  /** Milliseconds that gearmand may take for an answer. */
  readonly timeout: number
  /** Milliseconds of silence before the server is asked whether it lives; 0: never. */
  readonly heartbeat: number
  /** Whether there is no other server. */
  readonly alone: () => boolean
  /** Called when the server is found to be down, and when it is up again. */
  readonly watcher: ClientConnectionOwner
}

/** The listener for the state of servers. */
export interface ClientConnectionOwner {
  up(server: string): void
  down(server: string, reason: Fault): void
  /** It failed for the `attempt`th time in a row, and rests for `delay` milliseconds. */
  reconnecting(server: string, attempt: number, delay: number): void
}
