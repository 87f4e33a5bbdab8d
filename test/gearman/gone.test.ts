import { setImmediate as turn } from 'node:timers/promises'
import { GearmanClient, GearmanWorker } from '@glammp/gearman'
import { expect } from 'vitest'
import { test } from '../support/gearman.js'
import { startProxy } from '../support/proxy.js'

test('a worker that was closed connects to no server, and takes no function', async ({
  server,
}) => {
  await using other = await startProxy(server.address)
  const worker = new GearmanWorker(server.address)
  worker.addFunction('f', () => 'x')
  const working = worker.work()
  await worker.close()
  await working
  const closed = expect.objectContaining({ code: 'ERR_GEARMAN_CLOSED' })
  worker.addServer(other.host, other.port)
  await using client = new GearmanClient(other.address)
  await client.ping()
  expect(other.connections).toBe(1)
  const limited = { rateLimit: { jobs: 1, per: 1_000 } }
  expect(() => worker.addFunction('g', () => 'x', limited)).toThrow(closed)
})

test('close with an invalid timeout rejects, and closes nothing', async ({ server }) => {
  await using worker = new GearmanWorker(server.address)
  const invalid = { code: 'ERR_GEARMAN_INVALID_ARGUMENT' }
  await expect(worker.close({ timeout: -1 })).rejects.toMatchObject(invalid)
  worker.addFunction('f', () => 'x')
})

test('many workers with handleSignals share their listeners', async ({ server }) => {
  const before = process.listenerCount('SIGTERM')
  const options = { servers: server.address, handleSignals: true }
  const workers = Array.from({ length: 12 }, () => new GearmanWorker(options))
  expect(process.listenerCount('SIGTERM')).toBe(before + 1)
  await Promise.all(workers.map((worker) => worker.close()))
  expect(process.listenerCount('SIGTERM')).toBe(before)
})

test('the handler of a function that was removed is let go', async ({ server }) => {
  await using client = new GearmanClient(server.address)
  await using worker = new GearmanWorker(server.address)
  worker.addFunction('stays', () => 'x')
  void worker.work()
  await client.do('stays')
  const handler = add(worker)
  await client.do('stays')
  await collected(handler)
})

function add(worker: GearmanWorker): WeakRef<object> {
  const handler = () => 'gone'
  worker.addFunction('goes', handler)
  worker.removeFunction('goes')
  return new WeakRef(handler)
}

/** Waits until nothing holds it; the test's time is the limit. */
async function collected(held: WeakRef<object>): Promise<void> {
  const { runInNewContext } = await import('node:vm')
  const { setFlagsFromString } = await import('node:v8')
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  do {
    await turn()
    collect()
  } while (held.deref() !== undefined)
}
