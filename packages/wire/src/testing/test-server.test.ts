import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { makeCertificates } from '../../../../test/support/certificates.js'
import { temporaryDirectory } from '../../../../test/support/temporary-directory.js'
import { type ListenOptions, type Peer, type Reader, TestServer } from './index.js'

/** Says what it hears. */
class Echo extends TestServer<string> {
  gone = 0

  static async start(options: ListenOptions = {}): Promise<Echo> {
    const server = new Echo(options)
    await server.accept()
    opened.push(server)
    return server
  }

  after(milliseconds: number, ring: () => void): void {
    this.alarms.after(milliseconds, ring)
  }

  note(request: string, bytes: number): void {
    this.remember(request, bytes)
  }

  protected override connected(peer: Peer): Reader {
    return {
      read: (chunk) => {
        this.remember(chunk.toString(), chunk.length)
        if (chunk.toString() === 'quit') peer.end()
        else peer.write(chunk)
      },
      gone: () => {
        this.gone += 1
      },
    }
  }
}

const opened: Echo[] = []
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(opened.splice(0).map((server) => server.close()))
})

const dial = (server: Echo): Socket => {
  const path = /^unix:(.+)/.exec(server.address)?.[1]
  const socket =
    path === undefined ? connect({ host: server.host, port: server.port }) : connect({ path })
  sockets.push(socket.on('error', () => undefined))
  return socket
}

const said = async (socket: Socket): Promise<string> => String((await once(socket, 'data'))[0])

const ask = (socket: Socket, text: string): Promise<string> => {
  const answer = said(socket)
  socket.write(text)
  return answer
}

/** What an operation takes that goes through the event loop, on both sides. */
const roundTrip = async (): Promise<void> => {
  await using server = await Echo.start()
  await ask(dial(server), 'there and back')
}

test('it listens at a free port, at IPv6 and at a unix socket', async () => {
  await using directory = await temporaryDirectory()
  const path = join(directory.path, 'socket')
  const servers = [
    await Echo.start(),
    await Echo.start({ host: '::1' }),
    await Echo.start({ path }),
  ]
  expect(servers.map(({ address }) => address.replace(/\d+$/, 'PORT'))).toEqual([
    '127.0.0.1:PORT',
    '[::1]:PORT',
    `unix:${path}`,
  ])
  for (const server of servers) expect(await ask(dial(server), 'hello')).toBe('hello')
  expect(servers[0]?.requests).toEqual(['hello'])
})

test('a port in use is an error', async () => {
  const { port } = await Echo.start()
  await expect(Echo.start({ port })).rejects.toThrow('EADDRINUSE')
})

test('close ends connections and frees the port', async () => {
  const server = await Echo.start()
  const socket = dial(server)
  await ask(socket, 'hello')
  const gone = once(socket, 'close')
  await server.close()
  await gone
  expect(server.connections).toBe(0)
  expect(server.gone).toBe(1)
  await Echo.start({ port: server.port })
  await server.close()
  await expect(server.accept()).rejects.toThrow('closed')
})

test('end comes behind what was written', async () => {
  const server = await Echo.start()
  const socket = dial(server)
  expect(await ask(socket, 'hello')).toBe('hello')
  const ended = once(socket, 'end')
  socket.write('quit')
  await ended
})

test('a frozen server takes connections and says nothing until it is thawed', async () => {
  const server = await Echo.start()
  const before = dial(server)
  await ask(before, 'hello')
  server.freeze()
  const later = dial(server)
  await once(later, 'connect')
  const rung: string[] = []
  server.after(0, () => rung.push('alarm'))
  const answers = [ask(before, 'one'), ask(later, 'two')]
  await roundTrip()
  await roundTrip()
  expect([server.requests, rung]).toEqual([['hello'], []])
  server.thaw()
  expect(await Promise.all(answers)).toEqual(['one', 'two'])
  expect(rung).toEqual(['alarm'])
})

test('a server that refuses keeps its connections and listens again at the same port', async () => {
  const server = await Echo.start()
  const before = dial(server)
  await ask(before, 'hello')
  server.refuse()
  const [error] = await once(dial(server).removeAllListeners('error'), 'error')
  expect(error.code).toBe('ECONNREFUSED')
  expect(await ask(before, 'still there')).toBe('still there')
  await server.accept()
  expect(await ask(dial(server), 'hello')).toBe('hello')
})

test('dropConnections ends them all, and new ones are taken', async () => {
  const server = await Echo.start()
  const dropped = [dial(server), dial(server)]
  await Promise.all(dropped.map((socket) => ask(socket, 'hello')))
  const gone = dropped.map((socket) => once(socket, 'close'))
  server.dropConnections()
  await Promise.all(gone)
  expect(await ask(dial(server), 'hello')).toBe('hello')
})

test('a delay holds answers back, in their order', async () => {
  const server = await Echo.start()
  const socket = dial(server)
  server.delay(40)
  const begin = performance.now()
  expect(await ask(socket, 'late')).toBe('late')
  expect(performance.now() - begin).toBeGreaterThan(35)
  server.delay(60_000)
  socket.write('a')
  await roundTrip()
  server.delay(0)
  socket.write('b')
  await roundTrip()
  // What comes later does not overtake what waits.
  expect(server.requests).toEqual(['late', 'a', 'b'])
  expect(socket.bytesRead).toBe('late'.length)
})

test('who does not read its answers is not read', async () => {
  const server = await Echo.start()
  const socket = dial(server).pause()
  const megabyte = 'x'.repeat(1 << 20)
  for (let count = 0; count < 64; count += 1) socket.write(megabyte)
  let taken = -1
  // Until nothing moves: the buffers of both kernels are full.
  while (taken !== socket.bytesWritten - socket.writableLength) {
    taken = socket.bytesWritten - socket.writableLength
    for (let count = 0; count < 20; count += 1) await roundTrip()
  }
  expect(socket.writableLength).toBeGreaterThan(32 << 20)
  let read = 0
  socket.resume()
  socket.on('data', (chunk) => {
    read += chunk.length
  })
  while (read < 64 << 20) await once(socket, 'data')
})

test('requests are the last 10,000, and not more than 64 MiB', async () => {
  const server = await Echo.start()
  for (let index = 0; index < 20_000; index += 1) server.note(`${index}`, 1)
  const held = server.requests
  server.note('one more', 1)
  expect([held.length, server.requests.length, server.requests[0]]).toEqual([
    20_000,
    10_001,
    '10000',
  ])
  server.note('large', 64 << 20)
  expect(server.requests).toEqual(['large'])
  server.note('small', 10)
  expect(server.requests).toEqual(['small'])
})

test('alarms ring when the clock is moved, in their order, or by themselves', async () => {
  const server = await Echo.start()
  const rung: string[] = []
  server.after(10_000, () => rung.push('second'))
  server.after(5_000, () => rung.push('first'))
  const now = server.clock.now()
  server.clock.advance(7)
  expect(rung).toEqual(['first'])
  server.clock.advance(7)
  expect(rung).toEqual(['first', 'second'])
  expect(server.clock.now() - now).toBeGreaterThanOrEqual(14_000)
  await new Promise<void>((ring) => server.after(10, ring))
})

test("the clock may be the caller's", async () => {
  let time = 1_000
  const server = await Echo.start({ clock: () => time })
  expect(server.clock.now()).toBe(1_000)
  const rung = new Promise<void>((ring) => server.after(50, ring))
  time = 2_000
  await rung
  server.clock.advance(0.5)
  expect(server.clock.now()).toBe(2_500)
})

test('over TLS, too', async () => {
  await using certificates = await makeCertificates()
  const [ca, key, cert] = await Promise.all(
    [certificates.ca, certificates.server.key, certificates.server.cert].map((path) =>
      readFile(path),
    ),
  )
  const server = await Echo.start({ tls: { key, cert } })
  const secured = (): Socket => {
    const socket = connectTls({ host: server.host, port: server.port, ca })
    sockets.push(socket.on('error', () => undefined))
    return socket
  }
  expect(await ask(secured(), 'hello')).toBe('hello')
  const plain = dial(server)
  plain.write('this is no handshake\r\n')
  await once(plain.resume(), 'close')
  server.freeze()
  const later = secured()
  await once(later, 'connect')
  const answer = ask(later, 'after all')
  await roundTrip()
  expect(server.requests).toEqual(['hello'])
  server.thaw()
  expect(await answer).toBe('after all')
  const megabyte = 'x'.repeat(1 << 20)
  let read = ''
  later.on('data', (chunk) => {
    read += chunk
  })
  later.write(megabyte)
  while (read.length < megabyte.length) await once(later, 'data')
  await server.close()
  expect(server.connections).toBe(0)
})

test.each([-1, Number.NaN])('%s is no time', async (wrong) => {
  const server = await Echo.start()
  expect(() => server.delay(wrong)).toThrow(TypeError)
  expect(() => server.clock.advance(wrong)).toThrow(TypeError)
})
