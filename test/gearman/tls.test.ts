import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { GearmanAdmin, GearmanClient, GearmanWorker } from '@glammp/gearman'
import { afterAll, expect } from 'vitest'
import { type Certificates, makeCertificates } from '../support/certificates.js'
import { startFakeServer } from '../support/fake-server.js'
import { test } from '../support/gearman.js'
import { startTlsFront, type TlsFront } from '../support/tls-front.js'
import { waitFor } from '../support/wait.js'

let certificates: Certificates
let front: TlsFront
let address: string

test.beforeAll(async ({ server }) => {
  certificates = await makeCertificates()
  front = await startTlsFront(server, certificates.server)
  address = front.address
})

afterAll(async () => {
  await front?.stop()
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

test('a gearmand without TLS is an error within the time for connecting', async ({ server }) => {
  await using client = new GearmanClient({
    servers: server.address,
    tls: true,
    connectTimeout: 300,
  })
  await expect(client.do('secret', 'x')).rejects.toMatchObject({
    code: expect.stringMatching(/^ERR_GEARMAN_(CONNECTION|TIMEOUT)$/),
  })
})

test('a connection of an admin that did not come about harms no later command', async () => {
  let stalls = false
  let given = false
  await using before = await startFakeServer((socket) => {
    // It is accepted and never shakes hands, as where one packet was lost.
    if (stalls) {
      socket.once('close', () => {
        given = true
      })
    } else socket.pipe(connect(Number(address.split(':')[1]), '127.0.0.1')).pipe(socket)
  })
  await using admin = new GearmanAdmin({
    servers: before.address,
    tls: { rejectUnauthorized: false },
    connectTimeout: 300,
  })
  const expected = await admin.version()
  expect(expected).toEqual({ [before.address]: expect.any(String) })
  stalls = true
  // The second one opens a connection, and is given that of the first meanwhile.
  expect(await Promise.all([admin.version(), admin.version()])).toEqual([expected, expected])
  await waitFor(() => given)
  stalls = false
  expect(await admin.version()).toEqual(expected)
  expect(before.connections).toBe(2)
})
