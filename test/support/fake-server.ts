import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { reservePort } from './ports.js'

export interface FakeServer extends AsyncDisposable {
  readonly address: string
  readonly host: string
  readonly port: number
  /** How many connections it has accepted. */
  readonly connections: number
  /** All that clients have sent, in the order of its arrival. */
  received(): Buffer
  /** Ends all connections and frees the port. */
  stop(): Promise<void>
}

export interface FakeServerOptions {
  /** 127.0.0.1 by default. */
  readonly host?: string | undefined
  readonly port?: number | undefined
}

/**
 * A TCP server that says whatever the test's script says, for replies that no real server can be
 * made to give: garbage, half a reply, silence. The script gets every accepted connection.
 */
export const startFakeServer = async (
  script: (socket: Socket) => void,
  { host = '127.0.0.1', port: wish }: FakeServerOptions = {},
): Promise<FakeServer> => {
  const reservation = wish === undefined ? await reservePort(host) : undefined
  const port = reservation?.port ?? wish ?? 0
  const sockets = new Set<Socket>()
  const chunks: Buffer[] = []
  let connections = 0
  const server = createServer((socket) => {
    connections += 1
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('close', () => sockets.delete(socket))
    // A client that resets the connection is part of many scripts.
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => chunks.push(chunk))
    script(socket)
  })
  server.listen({ host, port, exclusive: true })
  await once(server, 'listening')

  let stopped: Promise<void> | undefined
  const close = async (): Promise<void> => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
    reservation?.release()
  }
  const stop = (): Promise<void> => {
    stopped ??= close()
    return stopped
  }
  return {
    address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    host,
    port,
    get connections() {
      return connections
    },
    received: () => Buffer.concat(chunks),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
