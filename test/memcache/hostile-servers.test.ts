import type { Socket } from 'node:net'
import { MemcacheClient, MemcacheError } from '@glammp/memcache'
import { describe, expect, test } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { Growth } from '../support/growth.js'

// A server that means harm ends each call with an error of its own, in time, and costs a bounded
// amount of memory: measured on the heap and beside it while it does its worst.

const TIMEOUT = 500
const MB = 2 ** 20

/** Writes the same for as long as the other side takes it. */
function endless(head: string, piece: string | Buffer): (socket: Socket) => void {
  const bytes = Buffer.alloc(262_144, piece)
  return (socket) => {
    socket.once('data', () => {
      socket.write(head, 'latin1')
      const more = (): void => {
        while (!socket.destroyed && socket.write(bytes)) {}
      }
      socket.on('drain', more)
      more()
    })
  }
}

/** Writes a byte at a time. */
function drip(head: string, milliseconds: number): (socket: Socket) => void {
  return (socket) => {
    socket.once('data', () => {
      socket.write(head, 'latin1')
      const timer = setInterval(() => socket.write('x'), milliseconds)
      socket.on('close', () => clearInterval(timer))
    })
  }
}

const says = (text: string | Buffer) => (socket: Socket) => {
  socket.on('data', () => socket.write(text as string, 'latin1'))
}

function binaryHead(length: number): Buffer {
  const header = Buffer.alloc(24)
  header.writeUInt8(0x81, 0)
  header.writeUInt32BE(length, 8)
  header.writeUInt32BE(0x0a00_0000, 12)
  return header
}

const [META, CLASSIC, BINARY] = ['meta', 'classic', 'binary'] as const
type Script = (socket: Socket) => void
const ROWS: readonly [string, typeof META | typeof CLASSIC | typeof BINARY, Script][] = [
  ['an endless line', META, endless('VA 5 f', '0')],
  ['an endless line', CLASSIC, endless('VALUE ', 'k')],
  ['a value of 4 GB announced', META, says('VA 4294967295 f0\r\n')],
  ['a value of 4 GB announced', CLASSIC, says('VALUE k 0 4294967295\r\n')],
  ['a value of 4 GB announced', BINARY, says(binaryHead(0xffff_ffff))],
  ['a value of 1 GB announced', META, says(`VA ${2 ** 30} f0\r\nx`)],
  ['a value of 1 GB announced', CLASSIC, says(`VALUE k 0 ${2 ** 30}\r\nx`)],
  ['a value of 1 GB announced', BINARY, says(binaryHead(2 ** 30))],
  ['items that nobody asked for', META, endless('', 'VALUE a 0 1\r\nx\r\n')],
  ['items that nobody asked for', CLASSIC, endless('', 'VALUE a 0 1\r\nx\r\n')],
  ['the item again and again', CLASSIC, endless('', 'VALUE k 0 1\r\nx\r\n')],
  ['endless statistics', CLASSIC, endless('', 'STAT a b\r\n')],
  ['a drip of a line', META, drip('VA ', 50)],
  ['a drip of a value', META, drip('VA 1000000 f0\r\n', 50)],
  ['a drip of a value', CLASSIC, drip('VALUE k 0 1000000\r\n', 50)],
  ['a drip of a value', BINARY, drip(binaryHead(1_000_000).toString('latin1'), 50)],
  ['HTTP', META, says('HTTP/1.1 400 Bad Request\r\nContent-Length: 5\r\n\r\nhello')],
  ['SSH', CLASSIC, says('SSH-2.0-OpenSSH_9.2\r\n')],
  ['gearmand', BINARY, says('\0RES\0\0\0\x06\0\0\0\0')],
  ['gearmand', META, says('\0RES\0\0\0\x06\0\0\0\0\n')],
  ['TLS', META, says(Buffer.from('15030300020228', 'hex'))],
  ['Redis', CLASSIC, says("-ERR unknown command 'get'\r\n")],
]

describe.each(ROWS)('%s over %s', (_name, protocol, script) => {
  test('ends every retrieval with an error, in time and within bounds', async () => {
    await using server = await startFakeServer(script)
    await using cache = new MemcacheClient({
      servers: server.address,
      protocol,
      timeout: TIMEOUT,
      retries: 0,
    })
    const growth = new Growth()
    for (const call of [
      () => cache.get('k'),
      () => cache.getMany(['k', 'l']),
      () => cache.gets('k'),
      () => cache.wrap('k', () => 'loaded', { onError: 'throw' }),
    ]) {
      const begin = performance.now()
      const error: unknown = await call().then(
        (value) => `no failure but ${value}`,
        (reason: unknown) => reason,
      )
      expect(error, String(error)).toBeInstanceOf(MemcacheError)
      expect((error as MemcacheError).code).toMatch(/PROTOCOL|TIMEOUT|CONNECTION/)
      expect(performance.now() - begin).toBeLessThan(8 * TIMEOUT)
    }
    expect(growth.most()).toBeLessThan(64 * MB)
  })
})

test('endless statistics end, and so do endless lists of keys, which are no keys', async () => {
  await using server = await startFakeServer(endless('', `STAT a ${'b'.repeat(100)}\r\n`))
  await using cache = new MemcacheClient({
    servers: server.address,
    protocol: 'classic',
    timeout: 20_000,
  })
  const growth = new Growth()
  const stats = await cache.stats()
  expect(stats[server.address]).toMatchObject({ code: 'ERR_MEMCACHE_PROTOCOL' })
  await expect(cache.keys().next()).rejects.toMatchObject({ code: 'ERR_MEMCACHE_PROTOCOL' })
  expect(growth.most()).toBeLessThan(400 * MB)
})

test('keys that come faster than they are read wait at the server', async () => {
  await using server = await startFakeServer(endless('', 'key=a exp=-1 la=0\r\n'))
  await using cache = new MemcacheClient({ servers: server.address, protocol: 'classic' })
  const growth = new Growth()
  const keys = cache.keys()
  expect((await keys.next()).value).toBe('a')
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(growth.most()).toBeLessThan(64 * MB)
  await keys.return?.()
})
