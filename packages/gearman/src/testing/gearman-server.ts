import { type ListenOptions, type Peer, type Reader, TestServer } from '@glammp/wire/testing'

/** Options of `GearmanServer.start`. */
export interface GearmanServerOptions extends ListenOptions {}

/** A gearmand inside this process. */
export class GearmanServer extends TestServer<string> {
  /** Starts a server; resolves when it accepts connections. */
  static async start(options: GearmanServerOptions = {}): Promise<GearmanServer> {
    const server = new GearmanServer(options)
    await server.accept()
    return server
  }

  protected override connected(peer: Peer): Reader {
    return {
      read: () => peer.write('ERR UNKNOWN_COMMAND\r\n'),
      gone: () => undefined,
    }
  }
}
