import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FakeServer, startFakeServer } from '../support/fake-server.js'
import { type FaultProxy, startProxy } from '../support/proxy.js'
import { waitFor } from '../support/wait.js'

let echo: FakeServer
let proxy: FaultProxy
let client: Socket
let chunks: Buffer[]

const received = (): string => Buffer.concat(chunks).toString()

beforeEach(async () => {
  echo = await startFakeServer((socket) => socket.on('data', (chunk) => socket.write(chunk)))
  proxy = await startProxy(echo.address)
  chunks = []
  client = connect({ host: proxy.host, port: proxy.port, noDelay: true })
  client.on('data', (chunk) => chunks.push(chunk))
  client.on('error', () => undefined)
  await once(client, 'connect')
})

afterEach(async () => {
  client.destroy()
  await proxy.stop()
  await echo.stop()
})

describe('the proxy', () => {
  it('forwards both ways and counts', async () => {
    client.write('hello')
    await waitFor(() => received() === 'hello')
    expect(proxy.bytes('toServer')).toBe(5)
    expect(proxy.bytes('toClient')).toBe(5)
    expect(proxy.connections).toBe(1)
    expect(proxy.open).toBe(1)
  })

  it('delays each way, in order', async () => {
    proxy.delay(50)
    const start = performance.now()
    client.write('a')
    await sleep(5)
    client.write('b')
    await waitFor(() => received() === 'ab')
    expect(performance.now() - start).toBeGreaterThan(98)
  })

  it('keeps the order of bytes under jitter', async () => {
    proxy.set('toServer', { jitter: 20 })
    for (let digit = 0; digit < 10; digit += 1) {
      client.write(String(digit))
      await sleep(1)
    }
    await waitFor(() => received() === '0123456789')
  })

  it('stalls one direction and lets the bytes go later', async () => {
    proxy.stall('toClient')
    client.write('hello')
    await waitFor(() => echo.received().length === 5)
    await sleep(30)
    expect(received()).toBe('')
    proxy.resume()
    await waitFor(() => received() === 'hello')
  })

  it('lets a stalled sender feel that nobody reads', async () => {
    proxy.stall('toServer')
    client.write(Buffer.alloc(32 * 1024 * 1024))
    await sleep(100)
    expect(client.writableLength).toBeGreaterThan(16 * 1024 * 1024)
    proxy.heal()
    await waitFor(() => proxy.bytes('toClient') === 32 * 1024 * 1024)
  })

  it('splits into pieces that arrive apart', async () => {
    proxy.set('toClient', { pieces: 1 })
    client.write('hello')
    await waitFor(() => received() === 'hello')
    expect(chunks).toHaveLength(5)
  })

  it('corrupts and injects bytes', async () => {
    proxy.set('toClient', { corrupt: (chunk) => Buffer.from(chunk.toString().toUpperCase()) })
    client.write('hello')
    await waitFor(() => received() === 'HELLO')
    proxy.inject('toClient', '!')
    await waitFor(() => received() === 'HELLO!')
  })

  it('resets connections, or ends them', async () => {
    const failed = once(client, 'error')
    // A write in between proves that the link to the server is up.
    client.write('x')
    await waitFor(() => received() === 'x')
    proxy.cut()
    expect(await failed).toMatchObject([{ code: 'ECONNRESET' }])
    await waitFor(() => proxy.open === 0)

    const polite = connect({ host: proxy.host, port: proxy.port })
    polite.resume()
    polite.write('x')
    await once(polite, 'data')
    const ended = once(polite, 'end')
    proxy.cut('end')
    await ended
    await waitFor(() => proxy.open === 0)
  })

  it('cuts at a byte, once', async () => {
    const failed = once(client, 'error')
    proxy.set('toServer', { cutAfter: 5 })
    client.write('abc')
    await waitFor(() => received() === 'abc')
    client.write('defg')
    expect(await failed).toMatchObject([{ code: 'ECONNRESET' }])
    await waitFor(() => echo.received().toString() === 'abcde')

    const next = connect({ host: proxy.host, port: proxy.port })
    next.write('longer than five')
    expect(String(await once(next, 'data'))).toBe('longer than five')
    next.destroy()
  })

  it('ends one direction while the other goes on', async () => {
    client.write('x')
    await waitFor(() => received() === 'x')
    client.allowHalfOpen = true
    const ended = once(client, 'end')
    proxy.halfClose('toClient')
    await ended
    client.write('heard')
    await waitFor(() => echo.received().toString() === 'xheard')
    expect(received()).toBe('x')
  })

  it('lets go at once what a slow line held back', async () => {
    proxy.set('toServer', { rate: 0.01 })
    client.write('hello')
    await waitFor(() => proxy.bytes('toServer') === 5)
    proxy.heal()
    const start = performance.now()
    await waitFor(() => received() === 'hello')
    expect(performance.now() - start).toBeLessThan(400)
  })

  it('refuses new connections while the open ones go on', async () => {
    proxy.refuse(true)
    const late = connect({ host: proxy.host, port: proxy.port })
    const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNRESET')
    client.write('on')
    await waitFor(() => received() === 'on')
    proxy.heal()
    const next = connect({ host: proxy.host, port: proxy.port })
    next.write('again')
    expect(String(await once(next, 'data'))).toBe('again')
    next.destroy()
  })

  it('passes on the end of either side', async () => {
    const closed = once(client, 'close')
    client.end('bye')
    await closed
    expect(received()).toBe('bye')
    await waitFor(() => proxy.open === 0)
  })
  it('passes on the end of a side that has closed before it is due', async () => {
    const ending = await startFakeServer((socket) => socket.end())
    const late = await startProxy(ending.address)
    try {
      late.set('toServer', { delay: 100 })
      const polite = connect({ host: late.host, port: late.port })
      polite.resume()
      await once(polite, 'close')
      await waitFor(() => late.open === 0)
    } finally {
      await late.stop()
      await ending.stop()
    }
  })
})
