import { readFileSync } from 'node:fs'
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net'
import { createServer as createTlsServer } from 'node:tls'

import { expect, test } from 'vitest'
import { makeCertificates } from '../../../../test/support/certificates.js'
import { waitFor } from '../../../../test/support/wait.js'
import { Fault } from '../fault.js'
import { parseServer } from './address.js'
import { Connection } from './connection.js'

const SIZE = 48_000_000

test.each([false, true])(
  'what has left of one large write is known, over TLS: %s',
  async (secure) => {
    await using certificates = await makeCertificates()
    const accepted: Socket[] = []
    const accept = (socket: Socket): void => {
      // Nothing is read until the test says so.
      accepted.push(socket.on('error', () => {}).pause())
    }
    const server: Server = secure
      ? createTlsServer(
          {
            key: readFileSync(certificates.server.key),
            cert: readFileSync(certificates.server.cert),
          },
          accept,
        )
      : createTcpServer(accept)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const address = parseServer({ host: '127.0.0.1', port }, { defaultPort: 1, schemes: {} })
    const tls = secure
      ? { ca: readFileSync(certificates.ca), checkServerIdentity: () => undefined }
      : undefined
    const owner = { received: () => {}, closed: () => {} }
    const connection = await Connection.open({ address, connectTimeout: 5_000, tls }, owner)
    await waitFor(() => accepted.length === 1)

    connection.output.bytes(Buffer.alloc(SIZE))
    connection.flush()
    expect(connection.unsent).toBeGreaterThan(0)
    const seen = new Set<number>()
    const socket = accepted[0] as Socket
    socket.on('data', () => {
      seen.add(connection.left)
    })
    socket.resume()
    await waitFor(() => connection.unsent === 0)
    expect(connection.left).toBe(SIZE)
    // More than its beginning and its end: it is not taken for silent while it goes.
    expect(seen.size).toBeGreaterThan(2)
    const steps = [...seen]
    expect(steps).toEqual([...steps].sort((one, other) => one - other))

    connection.close(new Fault('closed', 'done'))
    socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  },
)
