import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import { createServer, type Server } from 'node:tls'
import { GearmanClient, GearmanWorker } from '@glammp/gearman'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Certificates, makeCertificates } from '../support/certificates.js'
import { type GearmandServer, startGearmand } from '../support/gearmand.js'

let server: GearmandServer
let certificates: Certificates
let front: Server
let address: string

// gearmand as Debian builds it has no TLS, so a front in Node ends it, as stunnel would.
beforeAll(async () => {
  server = await startGearmand()
  certificates = await makeCertificates()
  const { key, cert } = certificates.server
  front = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (socket) => {
    const inner = connect(server.port, server.host)
    for (const each of [socket, inner]) each.on('error', () => inner.destroy())
    socket.pipe(inner).pipe(socket)
  })
  front.on('tlsClientError', () => {})
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  address = `localhost:${(front.address() as AddressInfo).port}`
})

afterAll(async () => {
  front?.close()
  await server?.stop()
  await certificates?.remove()
})

test('client and worker over TLS', async () => {
  const tls = { ca: readFileSync(certificates.ca) }
  await using worker = new GearmanWorker({ servers: address, tls })
  worker.addFunction('secret', (job) => job.workload())
  void worker.work()
  await using client = new GearmanClient({ servers: `gearmans://${address}`, tls })
  const large = 'x'.repeat(300_000)
  expect(await client.do('secret', large)).toBe(large)
})

test('a certificate of an unknown authority is a ConnectionError that says so', async () => {
  await using client = new GearmanClient({ servers: address, tls: true })
  await expect(client.do('secret', 'x')).rejects.toMatchObject({
    code: 'ERR_GEARMAN_CONNECTION',
    cause: { code: expect.stringMatching(/CERT|SIGNATURE|ISSUER/) },
  })
})

test('a gearmand without TLS is an error within the time for connecting', async () => {
  await using client = new GearmanClient({
    servers: server.address,
    tls: true,
    connectTimeout: 300,
  })
  await expect(client.do('secret', 'x')).rejects.toMatchObject({
    code: expect.stringMatching(/^ERR_GEARMAN_(CONNECTION|TIMEOUT)$/),
  })
})
