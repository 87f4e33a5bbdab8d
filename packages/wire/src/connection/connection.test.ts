import { getEventListeners, once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Fault } from '../fault.js'
import { parseServer } from './address.js'
import { Connection, type ConnectionOwner } from './connection.js'
import { kept } from './receive-buffer.js'

const rules = { defaultPort: 1, schemes: {} }
const cleanUp: (() => void)[] = []
afterEach(() => {
  for (const undo of cleanUp.splice(0)) undo()
})

async function listen(onSocket: (socket: Socket) => void, path?: string): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {})
    cleanUp.push(() => socket.destroy())
    onSocket(socket)
  })
  cleanUp.push(() => server.close())
  server.listen(path ?? { port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  return path ?? `127.0.0.1:${(server.address() as AddressInfo).port}`
}

class Owner implements ConnectionOwner {
  readonly chunks: Buffer[] = []
  readonly reasons: Fault[] = []
  readonly over: Promise<Fault>
  #over: (reason: Fault) => void = () => {}
  onChunk: (chunk: Buffer) => void = () => {}

  constructor() {
    this.over = new Promise((resolve) => {
      this.#over = resolve
    })
  }
  received(chunk: Buffer): void {
    this.chunks.push(kept(chunk))
    this.onChunk(chunk)
  }
  closed(reason: Fault): void {
    this.reasons.push(reason)
    this.#over(reason)
  }
}

const open = (address: string, owner: ConnectionOwner, connectTimeout = 1_000) =>
  Connection.open({ address: parseServer(address, rules), connectTimeout }, owner)

test('what one tick appends leaves as one write, over TCP and unix sockets', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wire-'))
  cleanUp.push(() => rmSync(folder, { recursive: true }))
  for (const path of [undefined, join(folder, 's.sock')]) {
    const chunks: Buffer[] = []
    const address = await listen((socket) => {
      socket.on('data', (chunk) => {
        chunks.push(chunk)
        socket.write('pong')
      })
    }, path)
    const owner = new Owner()
    const connection = await open(address, owner)
    const answered = new Promise<void>((resolve) => {
      owner.onChunk = () => resolve()
    })
    for (const word of ['a', 'b', 'c']) {
      connection.output.text(word)
      connection.flushSoon()
    }
    await answered
    expect(chunks.map(String)).toEqual(['abc'])
    expect(owner.chunks.map(String)).toEqual(['pong'])
    connection.close(new Fault('closed', 'done'))
  }
})

test('text and large Buffers arrive whole and in order', async () => {
  const large = Buffer.alloc(300_000, 7)
  const expected = Buffer.concat([Buffer.from('\xff head ', 'latin1'), large, Buffer.from(' tail')])
  const received: Buffer[] = []
  const owner = new Owner()
  const answered = new Promise<void>((resolve) => {
    owner.onChunk = () => resolve()
  })
  const address = await listen((socket) => {
    socket.on('data', (chunk) => {
      received.push(chunk)
      if (Buffer.concat(received).length === expected.length) socket.write('all')
    })
  })
  const connection = await open(address, owner)
  connection.output.text('\xff head ')
  connection.output.bytes(large)
  connection.output.text(' tail')
  connection.flush()
  await answered
  expect(Buffer.concat(received).equals(expected)).toBe(true)
})

test('what several connections receive at the same time arrives whole at each', async () => {
  const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(400_000))
  const addresses = await Promise.all(texts.map((text) => listen((socket) => socket.end(text))))
  const owners = addresses.map(() => new Owner())
  await Promise.all(addresses.map((address, at) => open(address, owners[at] as Owner)))
  await Promise.all(owners.map(({ over }) => over))
  const received = owners.map(({ chunks }) => Buffer.concat(chunks).toString())
  expect(received).toEqual(texts)
})

test('nothing is received while it is paused, nor after it was closed', async () => {
  const owner = new Owner()
  const sockets: Socket[] = []
  const address = await listen((socket) => sockets.push(socket))
  const connection = await open(address, owner)
  const [socket] = sockets as [Socket]
  const heard = (): Promise<void> =>
    new Promise((resolve) => {
      owner.onChunk = () => resolve()
    })
  connection.pause()
  const first = heard()
  socket.write('first')
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(owner.chunks).toEqual([])
  connection.resume()
  await first
  const second = heard()
  socket.write('second')
  await second
  connection.end(new Fault('closed', 'done'))
  socket.end('third')
  await once(socket, 'close')
  expect(owner.chunks.map(String)).toEqual(['first', 'second'])
})

test('it closes once, with the first reason', async () => {
  const address = await listen(() => {})
  const owner = new Owner()
  const connection = await open(address, owner)
  connection.close(new Fault('closed', 'first'))
  connection.close(new Fault('lost', 'second'))
  connection.output.text('too late')
  connection.flush()
  expect(owner.reasons.map(({ message }) => message)).toEqual(['first'])
  expect(connection.reason?.message).toBe('first')
})

test.each([
  ['ends', (socket: Socket) => socket.end()],
  ['resets', (socket: Socket) => socket.resetAndDestroy()],
])('a peer that %s is a lost connection', async (_name, act) => {
  const address = await listen((socket) => socket.once('data', () => act(socket)))
  const owner = new Owner()
  const connection = await open(address, owner)
  connection.output.text('hello')
  connection.flush()
  expect(await owner.over).toMatchObject({ kind: 'lost' })
})

test('an owner that cannot read the bytes closes the connection as garbled', async () => {
  const address = await listen((socket) => socket.write('nonsense'))
  const owner = new Owner()
  owner.onChunk = () => {
    throw new SyntaxError('not my protocol')
  }
  await open(address, owner)
  expect(await owner.over).toMatchObject({ kind: 'garbled', message: 'not my protocol' })
})

test('a port where nobody listens is a fault at once, with the cause', async () => {
  await expect(open('127.0.0.1:1', new Owner())).rejects.toMatchObject({
    kind: 'connect',
    cause: { code: 'ECONNREFUSED' },
  })
})

test('a name that does not resolve is a fault like any other', async () => {
  await expect(open('no-such-host.invalid:1', new Owner())).rejects.toBeInstanceOf(Fault)
})

test('connecting ends with its time, handshake included', async () => {
  const silent = parseServer(await listen(() => {}), rules)
  await expect(
    Connection.open({ address: silent, connectTimeout: 50, tls: {} }, new Owner()),
  ).rejects.toMatchObject({ kind: 'timeout', message: 'no connection within 50 ms' })
})

test('connecting ends with its signal', async () => {
  const silent = parseServer(await listen(() => {}), rules)
  const controller = new AbortController()
  const options = { address: silent, connectTimeout: 1_000, tls: {}, signal: controller.signal }
  const opening = Connection.open(options, new Owner())
  controller.abort(new Error('enough'))
  await expect(opening).rejects.toMatchObject({ kind: 'closed', cause: { message: 'enough' } })
  await expect(Connection.open(options, new Owner())).rejects.toMatchObject({ kind: 'closed' })
})

test('connections that are opened at once with one signal are one listener of it', async () => {
  const address = parseServer(await listen(() => {}), rules)
  const { signal } = new AbortController()
  const options = { address, connectTimeout: 1_000, signal }
  const openings = Array.from({ length: 12 }, () => Connection.open(options, new Owner()))
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  const connections = await Promise.all(openings)
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  for (const connection of connections) connection.close(new Fault('closed', 'over'))
})

test('a server that answers a TLS handshake with something else is a fault that says so', async () => {
  const plain = parseServer(await listen((socket) => socket.write('ERROR\r\n')), rules)
  await expect(
    Connection.open({ address: plain, connectTimeout: 1_000, tls: {} }, new Owner()),
  ).rejects.toMatchObject({ kind: 'connect', message: expect.stringContaining('wrong version') })
})

test('a TLS handshake names the host, and never an address', async () => {
  const hellos: Buffer[] = []
  const listening = await listen((socket) => {
    socket.once('data', (chunk) => {
      hellos.push(chunk)
      socket.destroy()
    })
  })
  const port = listening.split(':')[1]
  for (const host of ['localhost', '127.0.0.1']) {
    const address = parseServer(`${host}:${port}`, rules)
    const opening = Connection.open({ address, connectTimeout: 1_000, tls: {} }, new Owner())
    await expect(opening).rejects.toMatchObject({ kind: 'connect' })
  }
  expect(hellos.map((hello) => hello.includes('localhost'))).toEqual([true, false])
  expect(hellos[1]?.includes('127.0.0.1')).toBe(false)
})

test('end sends what is left before it closes', async () => {
  let received = ''
  const ended = new Promise<void>((resolve) => {
    void listen((socket) => {
      socket.on('data', (chunk) => {
        received += String(chunk)
      })
      socket.on('end', resolve)
    }).then(async (address) => {
      const connection = await open(address, new Owner())
      connection.output.text('quit\r\n')
      connection.end(new Fault('closed', 'done'))
    })
  })
  await ended
  expect(received).toBe('quit\r\n')
})

test('a congested connection tells when it has drained, and when it never will', async () => {
  const sockets: Socket[] = []
  const address = await listen((socket) => {
    socket.pause()
    sockets.push(socket)
  })
  const fill = async (): Promise<Connection> => {
    const connection = await open(address, new Owner())
    connection.output.bytes(Buffer.alloc(32 * 1024 * 1024))
    connection.flush()
    expect(connection.congested).toBe(true)
    return connection
  }
  const read = await fill()
  const drained = read.drained()
  expect(read.drained()).toBe(drained)
  sockets[0]?.resume()
  await expect(drained).resolves.toBe(true)
  await expect(read.drained()).resolves.toBe(true)
  read.close(new Fault('closed', 'done'))

  const unread = await fill()
  const never = unread.drained()
  unread.close(new Fault('closed', 'done'))
  await expect(never).resolves.toBe(false)
  await expect(unread.drained()).resolves.toBe(false)
})
