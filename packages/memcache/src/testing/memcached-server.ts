import {
  type Check,
  callback,
  OptionRules,
  text,
  tlsOption,
  wholeNumber,
  wholeNumberFrom,
} from '@glammp/wire'
import {
  type ListenOptions,
  type Peer,
  type Reader,
  startSeveral,
  TestServer,
} from '@glammp/wire/testing'
import { runCommand } from './commands.js'
import { Session, type SessionOwner } from './session.js'
import { Settings } from './settings.js'
import { Store } from './store.js'
import { Watchers } from './watchers.js'

/** Options of `MemcachedServer.start`. */
export interface MemcachedServerOptions extends ListenOptions {
  /** Bytes that items may take, before the least recently used ones go; 64 MiB by default. */
  readonly maxBytes?: number | undefined
  /** Bytes of the largest item, with its key and its head; 1 MiB by default. */
  readonly itemSize?: number | undefined
  /** What a client has to name first, as with memcached's `-Y`. */
  readonly auth?: { readonly username: string; readonly password: string } | undefined
}

/** Its errors show no value: it may be a password in the wrong place. */
const credentials: Check = (name, value) => {
  const { username, password, ...others } = Object(value) as Record<string, unknown>
  if (typeof username === 'string' && typeof password === 'string') {
    if (Object.keys(others).length === 0) return
  }
  throw new TypeError(`${name} is an object of username and password, both of them text`)
}

const RULES = new OptionRules<MemcachedServerOptions>({
  port: wholeNumberFrom(0, 65_535),
  host: text,
  path: text,
  tls: tlsOption,
  clock: callback,
  maxBytes: wholeNumberFrom(1),
  itemSize: wholeNumberFrom(1_024, 1 << 30),
  auth: credentials,
})

/** A memcached inside this process. */
export class MemcachedServer extends TestServer<string> {
  readonly #owner: SessionOwner

  private constructor(options: MemcachedServerOptions) {
    super(options)
    const { maxBytes = 64 << 20, itemSize = 1 << 20, auth } = options
    const store = new Store({ maxBytes, itemSize }, () => this.clock.now())
    // The socket that listens is one of them.
    store.counters.total_connections = 1
    this.#owner = {
      store,
      settings: new Settings({
        place: this,
        path: options.path,
        hasTls: options.tls !== undefined,
        auth: auth !== undefined,
      }),
      watchers: new Watchers(store, () => this.clock.now()),
      sessions: new Set(),
      secret: auth === undefined ? undefined : bytesOf(`${auth.username} ${auth.password}`),
      heard: (line) => this.remember(line, line.length),
      run: runCommand,
    }
  }

  /**
   * Starts a server; resolves when it accepts connections.
   *
   * @throws TypeError or RangeError for an option that is not valid; an error of Node, such as `EADDRINUSE`.
   */
  static async start(options: MemcachedServerOptions = {}): Promise<MemcachedServer> {
    RULES.check('MemcachedServer.start', options)
    const server = new MemcachedServer(options)
    await server.accept()
    return server
  }

  protected override connected(peer: Peer): Reader {
    return new Session(peer, this.#owner)
  }
}

/** Text as bytes, a character each. */
function bytesOf(value: string): string {
  return Buffer.from(value).toString('latin1')
}

/**
 * Starts several servers, each at a port of its own. If one fails, the others are closed again.
 *
 * @param count - how many.
 * @param options - of each server.
 * @throws what `MemcachedServer.start` throws.
 */
export async function startMemcached(
  count: number,
  options: MemcachedServerOptions = {},
): Promise<MemcachedServer[] & AsyncDisposable> {
  wholeNumber('count', count, 1)
  return startSeveral(count, () => MemcachedServer.start(options))
}
