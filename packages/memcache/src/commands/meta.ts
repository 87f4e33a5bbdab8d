import type { Key } from '../given-key.js'
import { type MetaReply, MetaRequest } from '../protocol/meta-request.js'
import { encodeText } from '../values/serializer.js'
import { isBinary, storeHead } from '../wire-key.js'
import type { CommandContext } from './context.js'
import { type CallOptions, route } from './route.js'

/** Letters with their tokens, one space between; neither `b` nor `q`. */
const FLAGS = /^(?:[A-Zac-pr-z][!-~]*(?: [A-Zac-pr-z][!-~]*)*)?$/

/**
 * The meta commands with flags of your choice, for what has no method of its own. Flags are those
 * of memcached's `protocol.txt`, as one string (`'v t c'`); what a server does not know it may
 * ignore without a word (1.6.18 does with `mg C`). `q` and `b` are refused: a quiet command has no
 * reply to wait for, and keys are encoded by this client; `k` is refused for a key of bytes that
 * are no text. Values are bytes as they are stored.
 */
export class Meta {
  readonly #context: CommandContext

  constructor(context: CommandContext) {
    this.#context = context
  }

  /** `mg`: reads an item and what is known of it. */
  get(key: Key, flags = 'v', options?: CallOptions): Promise<MetaReply> {
    return this.#send('mg', key, flags, undefined, options)
  }

  /** `ms`: stores bytes as they are, or text as UTF-8. */
  set(key: Key, value: string | Uint8Array, flags = '', options?: CallOptions): Promise<MetaReply> {
    return this.#send('ms', key, flags, value, options)
  }

  /** `md`: deletes an item or marks it stale. */
  delete(key: Key, flags = '', options?: CallOptions): Promise<MetaReply> {
    return this.#send('md', key, flags, undefined, options)
  }

  /** `ma`: counts. */
  arithmetic(key: Key, flags = 'v', options?: CallOptions): Promise<MetaReply> {
    return this.#send('ma', key, flags, undefined, options)
  }

  async #send(
    command: string,
    key: Key,
    flags: string,
    value: string | Uint8Array | undefined,
    options: CallOptions | undefined,
  ): Promise<MetaReply> {
    const wireKey = this.#context.keys.toWire(key, `meta ${command}`)
    if (typeof flags !== 'string' || !FLAGS.test(flags)) {
      throw new TypeError(
        `meta flags are letters with their tokens, without q and b; not '${flags}'`,
      )
    }
    // memcached (1.6.18) gives back the key of an item that was stored by the binary protocol as
    // it is: line ends in it would be replies to other commands.
    if (isBinary(wireKey) && / k/.test(` ${flags}`)) {
      throw new TypeError('the meta flag k is refused for a key of bytes that are no text')
    }
    const block = typeof value === 'string' ? encodeText(value) : value
    const head = block === undefined ? `${command} ${wireKey}` : storeHead(wireKey, block.length)
    const line = flags === '' ? head : `${head} ${flags}`
    const request = new MetaRequest(`meta ${command}`, key, line, block)
    return route(this.#context, wireKey, request, options)
  }
}
