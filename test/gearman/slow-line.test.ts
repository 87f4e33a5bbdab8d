import { readFileSync } from 'node:fs'
import { GearmanClient, GearmanWorker } from '@glammp/gearman'
import { describe, expect, test } from 'vitest'
import { type Certificates, makeCertificates } from '../support/certificates.js'
import { startGearmand } from '../support/gearmand.js'
import { startProxy } from '../support/proxy.js'
import { startTlsFront } from '../support/tls-front.js'

/** As much as the kernels on the way take at once: when all has left the process, nothing has arrived. */
const SIZE = 2_000_000
/** Bytes a millisecond: it takes four seconds. */
const RATE = 500
const times = { timeout: 1_500, heartbeat: 1_000 }

/** A gearmand behind a slow line, and what a client or worker is to be given for it. */
const startSlow = async (certificates: Certificates | undefined) => {
  const server = await startGearmand()
  const line = await startProxy(server.address)
  line.set('toServer', { rate: RATE })
  const front = certificates && (await startTlsFront(line, certificates.server))
  const options = {
    ...times,
    servers: front?.address ?? line.address,
    tls: certificates && { ca: readFileSync(certificates.ca) },
  }
  return {
    server,
    options,
    [Symbol.asyncDispose]: async () => {
      await front?.stop()
      await line.stop()
      await server.stop()
    },
  }
}

describe.concurrent.each([false, true])(
  'on a line that takes what the kernels hold, TLS: %s',
  (secure) => {
    test('a workload is acknowledged', async () => {
      await using certificates = await makeCertificates()
      await using slow = await startSlow(secure ? certificates : undefined)
      await using client = new GearmanClient(slow.options)
      const down: string[] = []
      client.on('server:down', ({ error }) => down.push(error.message))
      await client.ping()
      const started = performance.now()
      const large = client.doBackground('large', Buffer.alloc(SIZE, 'x'))
      expect(await Promise.all([large, client.ping()])).toEqual([expect.any(String), undefined])
      expect(performance.now() - started).toBeGreaterThan(3_000)
      expect(down).toEqual([])
    })

    test('a result arrives, also where the worker leaves', async () => {
      await using certificates = await makeCertificates()
      await using slow = await startSlow(secure ? certificates : undefined)
      const worker = new GearmanWorker({ ...slow.options, concurrency: 2 })
      let runs = 0
      worker.addFunction('large', () => {
        runs += 1
        return Buffer.alloc(SIZE, 7)
      })
      const working = worker.work()
      await using client = new GearmanClient({ servers: slow.server.address, codec: 'buffer' })
      const first = await client.do<Buffer>('large')
      const second = client.do<Buffer>('large')
      await new Promise((resolve) => worker.once('job:end', resolve))
      await worker.close()
      await working
      expect([first.length, (await second).length, runs]).toEqual([SIZE, SIZE, 2])
    })
  },
)
