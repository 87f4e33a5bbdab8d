import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { onRealTicks } from '../clock.js'
import type { ServerAddress } from './address.js'
import { receiveBuffer } from './receive-buffer.js'

/** TLS settings as `node:tls` takes them: `ca`, `cert`, `key`, `servername`, ... */
export type TlsOptions = ConnectionOptions

/**
 * What Node itself uses to tell whether a write still makes progress: within one write nothing else
 * shows it. Over TLS the bytes that the kernel has not taken are its parent's.
 */
interface Handle {
  readonly bytesWritten?: number
  readonly writeQueueSize?: number
  readonly _parent?: Handle | null
}

/**
 * Opens a socket: TCP, TLS or unix.
 *
 * @param received - called with incoming bytes in the shared receive buffer. Where that buffer
 * cannot be used, the socket emits `data` instead.
 */
export function dial(
  address: ServerAddress,
  tls: TlsOptions | undefined,
  received: (chunk: Buffer) => void,
): Socket {
  const place =
    address.path === undefined ? { host: address.host, port: address.port } : { path: address.path }
  return onRealTicks(() =>
    tls === undefined
      ? connectTcp({ ...place, ...reads(received) })
      : connectTls({ ...place, ...serverName(address.host), ...tls }),
  )
}

/** How many of the bytes written to a socket the kernel took; `undefined` if Node does not tell. */
export function bytesTaken(socket: Socket): number | undefined {
  const { _handle: handle } = socket as unknown as { _handle?: Handle | null }
  const waiting = (handle?._parent ?? handle)?.writeQueueSize
  if (handle?.bytesWritten === undefined || waiting === undefined) return undefined
  // Encrypted there are somewhat more bytes.
  return Math.max(0, handle.bytesWritten - waiting)
}

// Windows reads into a buffer while the process does something else, so one cannot serve several
// sockets there.
function reads(received: (chunk: Buffer) => void): { onread?: OnReadOpts } {
  if (process.platform === 'win32') return {}
  const callback = (length: number): boolean => {
    received(length === receiveBuffer.length ? receiveBuffer : receiveBuffer.subarray(0, length))
    return true
  }
  return { onread: { buffer: receiveBuffer, callback } }
}

// node:tls does not send a server name by itself, without which a server with several certificates
// cannot choose one. An IP address is not valid as a server name.
function serverName(host: string): { servername?: string } {
  return host === '' || isIP(host) !== 0 ? {} : { servername: host }
}
