import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GearmanClient, GearmanWorker } from '@glammp/gearman'
import { expect } from 'vitest'
import { makeCertificates } from '../support/certificates.js'
import { test as base } from '../support/gearman.js'
import type { GearmandServer } from '../support/gearmand.js'
import { startProgram } from '../support/program.js'
import { startProxy } from '../support/proxy.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { startTlsFront } from '../support/tls-front.js'
import { waitFor } from '../support/wait.js'

const SIZE = 20_000_000
/** Bytes a millisecond: the result takes three seconds. */
const RATE = 7_000

const test = base
  .extend('client', { scope: 'file' }, ({ server }, { onCleanup }) => {
    const client = new GearmanClient({ servers: server.address, codec: 'buffer' })
    onCleanup(() => client.close())
    return client
  })
  .extend('line', async ({ server }, { onCleanup }) => {
    const line = await startProxy(server.address)
    onCleanup(() => line.stop())
    line.set('toServer', { rate: RATE })
    return line
  })

/** Serves the function beside the worker under test: what that one loses comes here. */
const serveAgain = (server: GearmandServer, fn: string): GearmanWorker => {
  const worker = new GearmanWorker(server.address)
  worker.addFunction(fn, () => 'again')
  void worker.work()
  return worker
}

test.concurrent.for([undefined, 20_000])(
  'close with the timeout %j waits until a large result has arrived',
  async (timeout, { server, client, line }) => {
    const worker = new GearmanWorker(line.address)
    worker.addFunction('large', () => Buffer.alloc(SIZE, 7))
    const working = worker.work()
    const result = client.do<Buffer>('large')
    await new Promise((resolve) => worker.once('job:end', resolve))
    await worker.close({ timeout })
    await working
    await using _ = serveAgain(server, 'large')
    expect((await result).length).toBe(SIZE)
  },
)

test.concurrent('a function that was removed leaves after its result, and close waits for it too', async ({
  server,
  client,
  line,
}) => {
  const worker = new GearmanWorker(line.address)
  worker.addFunction('limited', () => Buffer.alloc(SIZE, 7), { rateLimit: { jobs: 1, per: 10 } })
  const working = worker.work()
  const result = client.do<Buffer>('limited')
  await new Promise((resolve) => worker.once('job:end', resolve))
  worker.removeFunction('limited')
  await worker.close()
  await working
  await using _ = serveAgain(server, 'limited')
  expect((await result).length).toBe(SIZE)
})

test.concurrent('jobs that are asked for behind a large result are not silence', async ({
  server,
  client,
  line,
}) => {
  const worker = new GearmanWorker({ servers: line.address, concurrency: 2, timeout: 1_000 })
  worker.addFunction('behind', (job) => Buffer.alloc(SIZE, job.workload()))
  const working = worker.work()
  const results = Promise.all(['a', 'b'].map((text) => client.do<Buffer>('behind', text)))
  await waitFor(() => worker.metrics().functions['behind']?.jobs === 2)
  await worker.close()
  await working
  await using _ = serveAgain(server, 'behind')
  expect((await results).map(({ length }) => length)).toEqual([SIZE, SIZE])
})

test.concurrent('over TLS', async ({ server, client, line }) => {
  await using certificates = await makeCertificates()
  await using front = await startTlsFront(line, certificates.server)
  const tls = { ca: readFileSync(certificates.ca) }
  const worker = new GearmanWorker({ servers: front.address, tls })
  worker.addFunction('encrypted', () => Buffer.alloc(SIZE, 7))
  const working = worker.work()
  const result = client.do<Buffer>('encrypted')
  await new Promise((resolve) => worker.once('job:end', resolve))
  await worker.close()
  await working
  await using _ = serveAgain(server, 'encrypted')
  expect((await result).length).toBe(SIZE)
})

test.concurrent('a result that goes no further is given up by the timeout of close, or of the worker', async ({
  server,
  client,
}) => {
  await using own = await startProxy(server.address)
  const close = [(worker: GearmanWorker) => worker.close({ timeout: 100 })]
  close.push((worker) => worker.close())
  for (const leave of close) {
    own.heal()
    const worker = new GearmanWorker({ servers: own.address, timeout: 300 })
    worker.addFunction('stuck', () => Buffer.alloc(leave === close[0] ? SIZE : 10, 7))
    const working = worker.work()
    worker.once('job:start', () => own.stall('toServer'))
    const result = client.do<Buffer>('stuck')
    await new Promise((resolve) => worker.once('job:end', resolve))
    await leave(worker)
    await working
    own.cut()
    await using _ = serveAgain(server, 'stuck')
    expect(String(await result)).toBe('again')
  }
})

test.concurrent.for<[string, number, number]>([
  ['20', 0, SIZE],
  ['0.5', 1, 5],
])('the runner with a drain of %s s', async ([drain, exit, length], { server, client, line }) => {
  await using directory = await temporaryDirectory()
  const path = join(directory.path, 'run.mjs')
  await writeFile(path, `export const run${exit} = () => Buffer.alloc(${SIZE}, 7)`)
  const runner = 'packages/gearman/src/runner/glammp-worker.ts'
  const options = ['--servers', line.address, '--drain', drain]
  await using program = await startProgram(runner, [path, ...options])
  await program.waitForOutput('connected', 20_000)
  const result = client.do<Buffer>(`run${exit}`)
  await program.waitForOutput('complete')
  const { code } = await program.kill('SIGTERM')
  expect(code).toBe(exit)
  await using _ = serveAgain(server, `run${exit}`)
  expect((await result).length).toBe(length)
})
