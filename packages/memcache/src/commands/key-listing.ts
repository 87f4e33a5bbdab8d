import { isUint8Array } from 'node:util/types'
import { Backoff, latin1, OptionRules, orAborted, sleep, wrong } from '@glammp/wire'
import type { CommandContext } from '../dispatch/context.js'
import { CALL_CHECKS, type CallOptions, timeoutOf } from '../dispatch/route.js'
import { ProtocolError, ServerError } from '../errors.js'
import type { Key } from '../key.js'
import { CRAWLER_ATTEMPTS, CRAWLER_BUSY } from '../requests/retry.js'
import type { Server } from '../servers/server.js'
import type { LineStream } from '../servers/streams/line-stream.js'

/** Options of `keys`. */
export interface KeysOptions extends CallOptions {
  /** Only keys that begin with this. */
  readonly prefix?: Key | undefined
}

const RULES = new OptionRules<KeysOptions>({
  prefix: checkPrefix,
  ...CALL_CHECKS,
})

function checkPrefix(name: string, value: unknown): void {
  if (typeof value === 'string' || isUint8Array(value)) return
  throw new TypeError(wrong(name, 'a string or bytes', value))
}

/** Lists the keys of all servers by `lru_crawler metadump`. */
export class KeyListing {
  readonly #context: CommandContext

  constructor(context: CommandContext) {
    this.#context = context
  }

  async *keys(options: KeysOptions = {}): AsyncGenerator<string | Buffer, void, undefined> {
    RULES.check('keys', options)
    const { prefix = '', signal } = options
    const start = latin1(typeof prefix === 'string' ? Buffer.from(prefix) : prefix)
    const timeout = timeoutOf(this.#context, options)
    await this.#context.fleet.ready(signal)
    for (const server of this.#context.fleet.servers) {
      for await (const line of await this.#open(server, timeout, signal)) {
        const key = this.#keyOf(line, start, server)
        if (key !== undefined) yield key
      }
    }
  }

  async #open(
    server: Server,
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<AsyncIterable<string>> {
    const backoff = new Backoff(CRAWLER_BUSY)
    for (let attempt = 1; ; attempt += 1) {
      const stream = await server.streams.open(
        'keys',
        'lru_crawler metadump all',
        timeout,
        timeout,
        signal,
      )
      const lines = stream[Symbol.asyncIterator]()
      const first = await lines.next()
      if (first.done || !first.value.startsWith('BUSY')) return chain(stream, first, lines)
      stream.close()
      if (attempt === CRAWLER_ATTEMPTS) {
        const details = { command: 'keys', server: server.address.name }
        throw new ServerError(`keys: ${first.value}`, details)
      }
      await orAborted(sleep(backoff.next()), signal)
    }
  }

  /**
   * `key=foo%20bar exp=-1 ...` -> the key without the namespace, if it is in the namespace and has
   * the prefix.
   */
  #keyOf(line: string, prefix: string, server: Server): string | Buffer | undefined {
    const encoded = /^key=(\S+)/.exec(line)?.[1]
    if (encoded !== undefined) return this.#context.keys.fromLog(encoded, prefix)
    // Else a server that sends anything without an end would be read for ever.
    const details = { command: 'keys', server: server.address.name }
    throw new ProtocolError('keys: a line that is no key', details)
  }
}

async function* chain(
  stream: LineStream,
  first: IteratorResult<string, void>,
  rest: AsyncIterableIterator<string>,
): AsyncGenerator<string, void, undefined> {
  try {
    if (!first.done) yield first.value
    yield* rest
  } finally {
    stream.close()
  }
}
