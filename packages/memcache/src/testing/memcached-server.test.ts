import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { MemcachedServer, type MemcachedServerOptions, startMemcached } from './memcached-server.js'

const started: MemcachedServer[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.close()))
})

const start = async (options?: MemcachedServerOptions): Promise<MemcachedServer> => {
  const server = await MemcachedServer.start(options)
  started.push(server)
  return server
}

/** All that a server answers to these bytes and a `quit`. */
const answers = async (server: MemcachedServer, ...pieces: string[]): Promise<string> => {
  const socket = connect(server.port, server.host)
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk
  })
  for (const piece of [...pieces, 'quit\r\n']) {
    await new Promise((written) => socket.write(piece, 'latin1', written))
  }
  await once(socket, 'close')
  return text
}

const CONVERSATION =
  'set a 5 0 3\r\nabc\r\nget a b a\r\nms b 2 c k O1\r\nhi\r\nmg b v k t f c\r\nincr a 1\r\n' +
  'set n 0 0 2 noreply\r\n10\r\ndecr n 1\r\ngets n\r\nma n v c\r\nme n\r\ndelete n\r\nversion\r\n'

test('it answers as memcached does', async () => {
  const server = await start()
  expect((await answers(server, CONVERSATION)).split('\r\n')).toEqual([
    ...['STORED', 'VALUE a 5 3', 'abc', 'VALUE a 5 3', 'abc', 'END'],
    ...['HD c2 kb O1', 'VA 2 kb t-1 f0 c2', 'hi'],
    ...['CLIENT_ERROR cannot increment or decrement non-numeric value'],
    ...['9', 'VALUE n 0 2 4', '9 ', 'END', 'VA 2 c5', '10'],
    ...['ME n exp=-1 la=0 cas=5 fetch=yes cls=1 size=62', 'DELETED', 'VERSION 1.6.18', ''],
  ])
  expect(server.requests.slice(0, 3)).toEqual(['set a 5 0 3', 'get a b a', 'ms b 2 c k O1'])
})

test('a connection that speaks the binary protocol is closed', async () => {
  const server = await start()
  expect(await answers(server, '\x80\x0b'.padEnd(24, '\0'))).toBe('')
  expect(await answers(server, 'set a 0 0 1\r\n\x80\r\nget a\r\n')).toContain('\x80\r\nEND')
})

test('an advanced clock makes items expire', async () => {
  const server = await start()
  expect(await answers(server, 'set a 0 60 1\r\na\r\n')).toBe('STORED\r\n')
  expect(await answers(server, 'get a\r\n')).toBe('VALUE a 0 1\r\na\r\nEND\r\n')
  server.clock.advance(60)
  expect(await answers(server, 'get a\r\n')).toBe('END\r\n')
})

test('several at once, which close together', async () => {
  let first: MemcachedServer | undefined
  {
    await using servers = await startMemcached(3)
    expect(new Set(servers.map(({ address }) => address)).size).toBe(3)
    first = servers[0]
  }
  expect(first).toBeDefined()
  await expect(first?.accept()).rejects.toThrow('closed')
})

test('several that want one port: none is left', async () => {
  const { port } = await start()
  await started.pop()?.close()
  await expect(startMemcached(2, { port })).rejects.toThrow('EADDRINUSE')
  await start({ port })
})

test.each([
  [{ ports: 1 }, "has no option 'ports'"],
  [{ port: '1' }, 'port is a whole number'],
  [{ maxBytes: '64m' }, 'maxBytes is a whole number'],
  [{ itemSize: true }, 'itemSize is a whole number'],
  [{ clock: 5 }, 'clock is a function'],
  [{ auth: 'user:password' }, 'auth is an object of username and password'],
  [{ auth: { username: 'a' } }, 'auth is an object of username and password'],
  [{ tls: 'cert.pem' }, 'tls is'],
])('the option %o is refused', async (options, message) => {
  const refused = MemcachedServer.start(options as MemcachedServerOptions)
  await expect(refused).rejects.toBeInstanceOf(TypeError)
  await expect(refused).rejects.toThrow(message)
})
