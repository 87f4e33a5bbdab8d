import { getEventListeners, once } from 'node:events'
import type { Socket } from 'node:net'
import { MemcacheClient, type MemcacheOptions } from '@glammp/memcache'
import { describe, expect, test } from 'vitest'
import { type FakeServer, startFakeServer } from '../support/fake-server.js'
import { waitFor } from '../support/wait.js'

// Every wait of these clients is longer than a test may take: only the signal can end them.
const LONG = 60_000
const open = (server: FakeServer, options: MemcacheOptions = {}): MemcacheClient =>
  new MemcacheClient({
    servers: server.address,
    protocol: 'classic',
    timeout: LONG,
    connectTimeout: LONG,
    ...options,
  })

const LINES = {
  keys: Array.from({ length: 100 }, (_, index) => `key=k${index} exp=-1 la=1 cas=1 fetch=no\r\n`),
  watch: [
    'OK\r\n',
    ...Array.from({ length: 100 }, (_, index) => `ts=1.1 gid=${index} type=item_get key=k\r\n`),
  ],
}

describe.each(['keys', 'watch'] as const)('%s and an abort', (method) => {
  const list = (cache: MemcacheClient, signal: AbortSignal): AsyncIterableIterator<unknown> =>
    method === 'keys' ? cache.keys({ signal }) : cache.watch('mutations', { signal })
  const reason = new Error('the page was left')
  const abortOnceAsked = async (cache: MemcacheClient, server: FakeServer): Promise<void> => {
    const abort = new AbortController()
    const next = list(cache, abort.signal).next()
    await waitFor(() => server.received().length > 0)
    abort.abort(reason)
    await expect(next).rejects.toBe(reason)
  }

  test('before it begins: nothing is asked', async () => {
    await using server = await startFakeServer(() => {})
    await using cache = open(server)
    await expect(list(cache, AbortSignal.abort(reason)).next()).rejects.toBe(reason)
    expect(server.connections).toBe(0)
  })

  test('while it is connecting', async () => {
    // It is asked which protocol it speaks, and says nothing.
    await using server = await startFakeServer(() => {})
    await using cache = open(server, { protocol: 'auto' })
    await abortOnceAsked(cache, server)
  })

  test('while it is connecting: the connection that comes late is closed', async () => {
    let answer = (): void => {}
    let closed: Promise<unknown> | undefined
    await using server = await startFakeServer((socket) => {
      closed = once(socket, 'close')
      answer = () => socket.write('MN\r\nVERSION 1.6.18\r\n')
    })
    await using cache = open(server, { protocol: 'auto' })
    await abortOnceAsked(cache, server)
    answer()
    await closed
    expect(String(server.received())).not.toMatch(/metadump|watch/)
  })

  test('while the servers are being found out', async () => {
    await using endpoint = await startFakeServer(() => {})
    const cache = open(endpoint, { discovery: true })
    const abort = new AbortController()
    const next = list(cache, abort.signal).next()
    await waitFor(() => endpoint.received().length > 0)
    abort.abort(reason)
    await expect(next).rejects.toBe(reason)
    // The endpoint still owes an answer.
    await endpoint.stop()
    await cache.close()
  })

  test('while the server is silent from the start', async () => {
    const sockets: Socket[] = []
    await using server = await startFakeServer((socket) => sockets.push(socket))
    await using cache = open(server)
    const abort = new AbortController()
    const next = list(cache, abort.signal).next()
    await waitFor(() => server.received().length > 0)
    abort.abort(reason)
    await expect(next).rejects.toBe(reason)
    await waitFor(() => sockets[0]?.closed === true)
  })

  test('while the server is silent in the middle', async () => {
    const sockets: Socket[] = []
    await using server = await startFakeServer((socket) => {
      sockets.push(socket)
      socket.on('data', () => socket.write(LINES[method].slice(0, 3).join('')))
    })
    await using cache = open(server)
    const abort = new AbortController()
    const listing = list(cache, abort.signal)
    await listing.next()
    await listing.next()
    if (method === 'keys') await listing.next()
    const next = listing.next()
    abort.abort(reason)
    await expect(next).rejects.toBe(reason)
    expect(await listing.next()).toEqual({ done: true, value: undefined })
    await waitFor(() => sockets[0]?.closed === true)
  })

  test('while lines wait to be read: none of them comes any more', async () => {
    await using server = await startFakeServer((socket) => {
      socket.on('data', () => socket.write(LINES[method].join('')))
    })
    await using cache = open(server)
    const abort = new AbortController()
    const listing = list(cache, abort.signal)
    await listing.next()
    abort.abort(reason)
    await expect(listing.next()).rejects.toBe(reason)
  })

  test('that never comes leaves no listener behind', async () => {
    await using server = await startFakeServer((socket) => {
      socket.on('data', () => socket.write(LINES[method].join('')))
    })
    await using cache = open(server)
    const { signal } = new AbortController()
    for (let round = 0; round < 3; round += 1) for await (const _ of list(cache, signal)) break
    await waitFor(() => getEventListeners(signal, 'abort').length === 0)
  })
})

test('keys notices an abort while it waits for the crawler of another', async () => {
  await using server = await startFakeServer((socket) => {
    socket.on('data', () => socket.write('BUSY currently processing crawler request\r\n'))
  })
  await using cache = open(server)
  const signal = AbortSignal.timeout(150)
  const error = await cache
    .keys({ signal })
    .next()
    .catch((thrown: unknown) => thrown)
  expect(error).toBe(signal.reason)
  expect(server.connections).toBeLessThan(20)
})
