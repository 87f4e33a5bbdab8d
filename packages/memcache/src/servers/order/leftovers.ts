import { sleep } from '@glammp/wire'
import type { Request } from '../../requests/request.js'
import { WaitingKeys } from './waiting-keys.js'

/**
 * Milliseconds that a connection gets, from the moment its server is known to be alive, to deliver
 * what was sent on it: a dead connection must not block the keys of its last calls for ever.
 */
const GRACE = 500

export interface LeftoversOwner {
  /**
   * Resolves to true when the server has answered on another connection, to false if it is silent.
   */
  lives(): Promise<boolean>
  /** Requests that were held back may be checked again. */
  released(): void
}

/**
 * What connections that were given up because nothing was answered in time may still deliver: a
 * server that hangs already has the bytes of a change, and carries it out when it continues. Until
 * it has closed such a connection, later changes of those keys are held back, or the old one would
 * undo them.
 */
export class Leftovers {
  readonly #owner: LeftoversOwner
  readonly #keys = new WaitingKeys()
  /** Functions that drop each connection. */
  readonly #drops = new Set<() => void>()
  #looking = false

  constructor(owner: LeftoversOwner) {
    this.#owner = owner
  }

  /** True if there is nothing to wait for. */
  get none(): boolean {
    return this.#drops.size === 0
  }

  /** @param end - ends the connection, calls back when it is gone, and returns what drops it. */
  add(changes: readonly Request[], end: (gone: () => void) => () => void): void {
    for (const request of changes) this.#keys.add(request)
    const drop = end(() => {
      this.#drops.delete(drop)
      for (const request of changes) this.#keys.delete(request)
      this.#owner.released()
    })
    this.#drops.add(drop)
  }

  /** True if the request must wait. */
  concern(request: Request): boolean {
    if (request.readOnly || !this.#keys.concern(request)) return false
    if (!this.#looking) void this.#look()
    return true
  }

  /** Stops waiting for all of them. */
  drop(): void {
    for (const drop of this.#drops) drop()
  }

  async #look(): Promise<void> {
    this.#looking = true
    const old = [...this.#drops]
    const lives = await this.#owner.lives()
    if (lives) {
      await sleep(GRACE, undefined, { ref: false })
      for (const drop of old) drop()
    }
    this.#looking = false
    // Requests that were held back may be over by now, or need another check.
    this.#owner.released()
  }
}
