import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import { createServer, type SecureVersion } from 'node:tls'
import type { KeyPair } from './certificates.js'

export interface TlsFront extends AsyncDisposable {
  readonly address: string
  stop(): Promise<void>
}

/** Ends TLS before a server that has none, as stunnel would: gearmand as Debian builds it. */
export const startTlsFront = async (
  server: { readonly host: string; readonly port: number },
  { key, cert }: KeyPair,
  maxVersion: SecureVersion = 'TLSv1.3',
): Promise<TlsFront> => {
  const identity = { key: readFileSync(key), cert: readFileSync(cert) }
  const front = createServer({ ...identity, maxVersion }, (socket) => {
    const inner = connect(server.port, server.host)
    for (const each of [socket, inner]) each.on('error', () => inner.destroy())
    socket.pipe(inner).pipe(socket)
  })
  front.on('tlsClientError', () => {})
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  const stop = async (): Promise<void> => void front.close()
  const { port } = front.address() as AddressInfo
  return { address: `localhost:${port}`, stop, [Symbol.asyncDispose]: stop }
}
