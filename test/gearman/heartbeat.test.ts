import { GearmanClient, GearmanWorker } from '@glammp/gearman'
import { expect } from 'vitest'
import { test } from '../support/gearman.js'
import { startGearmand } from '../support/gearmand.js'
import { startProxy } from '../support/proxy.js'
import { waitFor } from '../support/wait.js'

test('heartbeats find a frozen server: for an idle worker, and for a client that waits', async () => {
  await using own = await startGearmand()
  await using proxy = await startProxy(own.address)
  const options = { servers: proxy.address, heartbeat: 200, timeout: 1_000 }
  await using worker = new GearmanWorker(options)
  const told: string[] = []
  worker.on('server:down', ({ error }) => told.push(error.code))
  worker.addFunction('x', () => 'served')
  void worker.work()
  await using waiting = new GearmanClient(options)
  expect(await waiting.do('x')).toBe('served')
  const call = waiting.do('nobody_has_it')
  const answers = proxy.bytes('toClient')
  // The connections live on heartbeats alone.
  await waitFor(() => proxy.bytes('toClient') > answers + 60)
  expect(told).toEqual([])
  proxy.stall()
  await expect(call).rejects.toMatchObject({ code: 'ERR_GEARMAN_TIMEOUT' })
  await waitFor(() => told.length === 1)
  expect(told).toEqual(['ERR_GEARMAN_TIMEOUT'])
  proxy.heal()
  expect(await waiting.do('x', '', { retries: 5 })).toBe('served')
})
