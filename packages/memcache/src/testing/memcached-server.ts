import { type ListenOptions, type Peer, type Reader, TestServer } from '@glammp/wire/testing'

/** Options of `MemcachedServer.start`. */
export interface MemcachedServerOptions extends ListenOptions {}

/** A memcached inside this process. */
export class MemcachedServer extends TestServer<string> {
  /** Starts a server; resolves when it accepts connections. */
  static async start(options: MemcachedServerOptions = {}): Promise<MemcachedServer> {
    const server = new MemcachedServer(options)
    await server.accept()
    return server
  }

  protected override connected(peer: Peer): Reader {
    return {
      read: () => peer.write('ERROR\r\n'),
      gone: () => undefined,
    }
  }
}
