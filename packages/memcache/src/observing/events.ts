import type { EventEmitter } from 'node:events'
import { tell } from '@glammp/wire'
import type { Key } from '../key.js'
import type { Server, ServerListener } from '../servers/server.js'

/** What a client tells its listeners. There is no `'error'` event: failures belong to calls. */
export interface MemcacheEvents {
  /** A server could not be reached; until `server:up` calls to it fail at once or after one try. */
  'server:down': [event: { readonly server: string; readonly reason: Error }]
  /** A server that was down can be reached again. */
  'server:up': [event: { readonly server: string }]
  /** A server failed too often in a row and is left out until it answers again (`ejection`). */
  'server:ejected': [event: { readonly server: string; readonly reason: Error }]
  /** A server that was left out has answered and gets its keys back. */
  'server:rejoined': [event: { readonly server: string }]
  /**
   * A connection to a server did not come about. Calls to it fail at once for `delay` milliseconds;
   * the first call after that tries again. `attempt` counts failures in a row.
   */
  'server:reconnecting': [
    event: { readonly server: string; readonly attempt: number; readonly delay: number },
  ]
  /**
   * `wrap` served an old value and could not replace it, since `load` failed in the background; or
   * what `load` gave was returned, but could not be stored. For `delay` milliseconds, more after each
   * failure in a row, this process serves the old value of the key without trying again.
   */
  'refresh:failed': [event: { readonly key: Key; readonly reason: unknown; readonly delay: number }]
}

/** Makes events of what servers tell. A listener that throws harms nobody but itself. */
export class Announcer implements ServerListener {
  /** Who emits; set as soon as there is one. */
  emitter: EventEmitter<MemcacheEvents> | undefined

  serverDown({ address }: Server, reason: Error): void {
    this.#tell('server:down', { server: address.name, reason })
  }

  serverUp({ address }: Server): void {
    this.#tell('server:up', { server: address.name })
  }

  serverEjected({ address }: Server, reason: Error): void {
    this.#tell('server:ejected', { server: address.name, reason })
  }

  serverRejoined({ address }: Server): void {
    this.#tell('server:rejoined', { server: address.name })
  }

  serverReconnecting({ address }: Server, attempt: number, delay: number): void {
    const event = { server: address.name, attempt, delay }
    this.#tell('server:reconnecting', event)
  }

  #tell(event: keyof MemcacheEvents, told: unknown): void {
    if (this.emitter !== undefined) tell(this.emitter, event, told)
  }
}
