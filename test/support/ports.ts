import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below the ports that Linux and macOS hand to outgoing connections (32768 and 49152 upward). */
const FIRST = 20_000
const LAST = 32_000
const ATTEMPTS = 500

export interface PortReservation {
  readonly port: number
  release(): void
}

export const canListen = async (host: string, port: number): Promise<boolean> => {
  const server = createServer()
  try {
    server.listen({ host, port, exclusive: true })
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}

/**
 * Holds the UDP port of the same number, which no server here uses: a lock between processes that
 * the kernel drops when its holder dies, so that no stale one can exist.
 */
const lock = async (port: number): Promise<(() => void) | undefined> => {
  const socket = createSocket('udp4')
  socket.unref()
  try {
    socket.bind({ port, address: '127.0.0.1', exclusive: true })
    await once(socket, 'listening')
    return () => socket.close()
  } catch {
    socket.close()
    return undefined
  }
}

/**
 * A TCP port that is free on `host` and that no other reservation has, in this process or another,
 * until it is released or this process ends.
 */
export const reservePort = async (host = '127.0.0.1'): Promise<PortReservation> => {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
    const release = await lock(port)
    if (release === undefined) continue
    if (await canListen(host, port)) return { port, release }
    release()
  }
  throw new Error(`no free port on ${host} between ${FIRST} and ${LAST} in ${ATTEMPTS} attempts`)
}
