import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { reservePort } from './ports.js'
import { noFaults, type PipeFaults, type PipeOwner, ProxyPipe } from './proxy-pipe.js'

/** `toServer`: what the client says. `toClient`: what the server answers. */
export type Direction = 'toServer' | 'toClient'

export interface FaultProxy extends AsyncDisposable {
  readonly address: string
  readonly host: string
  readonly port: number
  /** Connections accepted so far, and those open now. */
  readonly connections: number
  readonly open: number
  /** Of those that are open, how many the client has not ended. */
  readonly held: number
  /** Bytes that came in for this direction, forwarded or not. */
  bytes(direction: Direction): number
  /** Sets faults of one direction; they hold for open and for later connections. */
  set(direction: Direction, faults: Partial<PipeFaults>): void
  /** Sets the delay (milliseconds) of both directions. */
  delay(milliseconds: number): void
  /** Stops forwarding, in both directions if none is named. */
  stall(direction?: Direction): void
  resume(direction?: Direction): void
  /** Ends all open connections: at once by RST, or politely by FIN. */
  cut(how?: 'reset' | 'end'): void
  /** Ends this direction of all open connections by FIN; the other goes on. */
  halfClose(direction: Direction): void
  /** Writes bytes into all open connections. */
  inject(direction: Direction, bytes: Buffer | string): void
  /** While it refuses, new connections are reset; the open ones go on. */
  refuse(refuses: boolean): void
  /** Forgets all faults, and lets go what they held back. */
  heal(): void
  stop(): Promise<void>
}

interface Link {
  readonly client: Socket
  readonly server: Socket
  readonly pipes: readonly ProxyPipe[]
}

const DIRECTIONS: readonly Direction[] = ['toServer', 'toClient']

const target = (address: string): { host: string; port: number } | { path: string } => {
  if (address.startsWith('unix:')) return { path: address.slice('unix:'.length) }
  const [, host, port] = /^\[?(.+?)\]?:(\d+)$/.exec(address) ?? []
  if (host === undefined) throw new Error(`a proxy needs host:port or unix:/path, not ${address}`)
  return { host, port: Number(port) }
}

/**
 * Ends a socket by RST. Node never closes one of which the end is on its way, by `end` or by an
 * earlier reset, when it is reset or when reading fails then.
 */
const reset = (socket: Socket): void => {
  socket.pause()
  if (socket.writableEnded || socket.writableLength > 0) socket.destroy()
  else socket.resetAndDestroy()
}

/** A TCP proxy on loopback between a client and the server at `address`, with faults on demand. */
export const startProxy = async (address: string): Promise<FaultProxy> => {
  const upstream = target(address)
  const { port, release } = await reservePort()
  const host = '127.0.0.1'
  const faults: Record<Direction, PipeFaults> = { toServer: noFaults(), toClient: noFaults() }
  const bytes: Record<Direction, number> = { toServer: 0, toClient: 0 }
  const links = new Set<Link>()
  let connections = 0
  let refusing = false

  const breakLink = (link: Link): void => {
    if (!links.delete(link)) return
    for (const pipe of link.pipes) pipe.stop()
    for (const socket of [link.client, link.server]) reset(socket)
  }

  // Half-open, so that one side's FIN passes in its turn among the delayed bytes.
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    connections += 1
    if (refusing) {
      reset(client)
      return
    }
    const server = connect({ ...upstream, allowHalfOpen: true, noDelay: true })
    const owner = (direction: Direction): PipeOwner => ({
      count: (length) => {
        bytes[direction] += length
      },
      cut: () => breakLink(link),
    })
    const pipes = [
      new ProxyPipe(client, server, faults.toServer, owner('toServer')),
      new ProxyPipe(server, client, faults.toClient, owner('toClient')),
    ]
    const link: Link = { client, server, pipes }
    links.add(link)
    for (const socket of [client, server]) {
      // What breaks one side breaks the other the same way: the proxy is not to be noticed.
      socket.on('error', () => breakLink(link))
      socket.on('close', () => {
        if (client.destroyed && server.destroyed) links.delete(link)
      })
    }
  })

  const pump = (): void => {
    for (const { pipes } of links) for (const pipe of pipes) pipe.pump()
  }
  const set = (direction: Direction, changes: Partial<PipeFaults>): void => {
    Object.assign(faults[direction], changes)
    pump()
  }
  const setAll = (direction: Direction | undefined, changes: Partial<PipeFaults>): void => {
    for (const each of direction === undefined ? DIRECTIONS : [direction]) set(each, changes)
  }
  const cut = (how: 'reset' | 'end' = 'reset'): void => {
    for (const link of links) {
      if (how === 'reset') breakLink(link)
      else for (const socket of [link.client, link.server]) socket.end()
    }
  }

  listener.listen({ host, port, exclusive: true })
  await once(listener, 'listening')

  const close = async (): Promise<void> => {
    const closed = once(listener, 'close')
    listener.close()
    cut()
    await closed
    release()
  }
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopped ??= close()
    return stopped
  }

  return {
    address: `${host}:${port}`,
    host,
    port,
    get connections() {
      return connections
    },
    get open() {
      return links.size
    },
    get held() {
      return [...links].filter(({ client }) => !client.readableEnded && !client.destroyed).length
    },
    bytes: (direction) => bytes[direction],
    set,
    delay: (milliseconds) => setAll(undefined, { delay: milliseconds }),
    stall: (direction) => setAll(direction, { stalled: true }),
    resume: (direction) => setAll(direction, { stalled: false }),
    cut,
    halfClose: (direction) => {
      for (const { client, server } of links) (direction === 'toServer' ? server : client).end()
    },
    inject: (direction, injected) => {
      for (const { client, server } of links) {
        ;(direction === 'toServer' ? server : client).write(injected)
      }
    },
    refuse: (refuses) => {
      refusing = refuses
    },
    heal: () => {
      refusing = false
      setAll(undefined, noFaults())
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
