import { getEventListeners } from 'node:events'
import { GearmanClient, TimeoutError } from '@glammp/gearman'
import { expect } from 'vitest'
import { test } from '../support/gearman.js'
import { startProxy } from '../support/proxy.js'

const questions: [string, (client: GearmanClient, options: object) => Promise<unknown>][] = [
  ['ping', (client, options) => client.ping(options)],
  ['jobStatus', (client, options) => client.jobStatus('H:x:1', options)],
  ['jobStatusByUnique', (client, options) => client.jobStatusByUnique('u', options)],
]

test.for(questions)('%s takes a time and a signal of its own', async ([_, ask], { server }) => {
  await using proxy = await startProxy(server.address)
  await using client = new GearmanClient({ servers: proxy.address, timeout: 20_000 })
  await ask(client, { timeout: 10_000 })
  proxy.stall('toClient')
  const error = await ask(client, { timeout: 50 }).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(TimeoutError)
  expect(error).toMatchObject({ message: /50 ms/, server: proxy.address })

  const controller = new AbortController()
  const asked = ask(client, { signal: controller.signal })
  controller.abort('enough')
  const given = await asked.catch((caught: unknown) => caught)
  expect(given).toBe('enough')
  expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  await expect(ask(client, { signal: controller.signal })).rejects.toBe('enough')

  // The late answers fall on those who asked for them, and the connection is still in step.
  proxy.heal()
  await ask(client, { signal: new AbortController().signal })
  await client.doBackground('f', 'x')
  expect(proxy.connections).toBe(1)
})

test.for(questions)('%s refuses an invalid time', async ([_, ask], { server }) => {
  await using client = new GearmanClient(server.address)
  await expect(ask(client, { timeout: 0 })).rejects.toMatchObject({
    code: 'ERR_GEARMAN_INVALID_ARGUMENT',
  })
})

test('questions count among the calls under way', async ({ server }) => {
  await using client = new GearmanClient({ servers: server.address, maxPending: 2 })
  const ends = await Promise.allSettled([client.ping(), client.ping(), client.ping()])
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
  expect(ends[2]).toMatchObject({ reason: { code: 'ERR_GEARMAN_QUEUE_FULL' } })
  await client.ping()
})

test('a question may be given more time than the client gives', async ({ server }) => {
  await using proxy = await startProxy(server.address)
  await using client = new GearmanClient({ servers: proxy.address, timeout: 100 })
  await client.ping({ timeout: 10_000 })
  proxy.delay(200)
  expect(await client.jobStatus('H:x:1', { timeout: 10_000 })).toMatchObject({ known: false })
})

test('one signal serves any number of calls', async ({ server }) => {
  const warnings: Error[] = []
  const note = (warning: Error): void => {
    warnings.push(warning)
  }
  process.on('warning', note)
  await using client = new GearmanClient(server.address)
  const controller = new AbortController()
  const { signal } = controller
  const calls = Array.from({ length: 50 }, () => client.do('unserved', 'x', { signal }))
  await client.ping({ signal })
  controller.abort()
  const ends = await Promise.allSettled(calls)
  expect(ends.every((end) => end.status === 'rejected')).toBe(true)
  await new Promise(setImmediate)
  process.off('warning', note)
  expect(warnings).toEqual([])
})
