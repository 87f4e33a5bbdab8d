import type { CommandContext } from '../dispatch/context.js'
import { type CallOptions, checkCall, route } from '../dispatch/route.js'
import type { Key } from '../key.js'
import { inspectionLine, returnLine } from '../protocol/meta/lines.js'
import { MetaRequest } from '../requests/meta-request.js'

/** What the server knows of an item besides its value. */
export interface ItemMetadata {
  /** Bytes of the value as it is stored. */
  readonly size: number
  /** Seconds that it still lives; `Infinity` for one that lives for ever. */
  readonly ttl: number
  /** Seconds since it was last read; since it was stored, if it never was. */
  readonly lastAccess: number
  /** Whether it was read since it was stored. */
  readonly hit: boolean
  /** Client flags: what kind of value it is, to the client that wrote it. */
  readonly flags: number
  /** The token that `cas` compares. */
  readonly cas: string
  /** Whether it was marked stale. */
  readonly stale: boolean
}

/** The command that inspects an item without reading it. */
export class Inspection {
  readonly #context: CommandContext

  constructor(context: CommandContext) {
    this.#context = context
  }

  async inspect(key: Key, options: CallOptions | undefined): Promise<ItemMetadata | undefined> {
    checkCall('inspect', options)
    const wireKey = this.#context.keys.toWire(key, 'inspect')
    const request = new MetaRequest('inspect', key, wireKey, inspectionLine(wireKey))
    const { status, flags } = await route(this.#context, wireKey, request, options)
    if (status !== 'found') return undefined
    if (flags.has('W') && flags.has('X')) {
      // The first to look at a stale item wins the right to recompute it, for clients that use
      // this. We give it back.
      const again = new MetaRequest(
        'inspect',
        key,
        wireKey,
        returnLine(wireKey, flags.get('c') ?? ''),
      )
      await route(this.#context, wireKey, again, options)
    }
    const number = (letter: string): number => Number(flags.get(letter))
    const ttl = number('t')
    return {
      size: number('s'),
      ttl: ttl === -1 ? Number.POSITIVE_INFINITY : ttl,
      lastAccess: number('l'),
      hit: flags.get('h') === '1',
      flags: number('f'),
      cas: flags.get('c') ?? '',
      stale: flags.has('X'),
    }
  }
}
