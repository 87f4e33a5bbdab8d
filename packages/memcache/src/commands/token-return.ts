import { MetaRequest } from '../protocol/meta-request.js'
import type { TokenKeeper } from '../protocol/retrieval.js'
import type { CommandContext } from './context.js'

/**
 * Any `mg` of an item that was marked stale takes its win token, even one that only wants to read:
 * nobody would compute it until it expires. A plain read that got the token gives it back by
 * marking the item stale again, under a cas token so that no newer value is touched.
 */
export class TokenReturn implements TokenKeeper {
  readonly #context: CommandContext

  constructor(context: CommandContext) {
    this.#context = context
  }

  /** The key, as it travels, was read with `W` by a caller that will compute nothing. */
  taken(wireKey: string): void {
    this.#giveBack(wireKey).catch(() => {
      // The server is away, or the item has changed: both end the matter.
    })
  }

  async #giveBack(wireKey: string): Promise<void> {
    const { fleet, timeout } = this.#context
    const server = fleet.homeOf(wireKey)
    const send = (line: string): MetaRequest => new MetaRequest('get', undefined, line)
    const { status, flags } = await server.submit(send(`mg ${wireKey} c`), timeout)
    // An item without X was stored anew meanwhile.
    if (status !== 'found' || !flags.has('X') || flags.has('W')) return
    await server.submit(send(`md ${wireKey} I C${flags.get('c')}`), timeout)
  }
}
