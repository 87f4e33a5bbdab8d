import type { Socket } from 'node:net'
import { MemcacheClient } from '@glammp/memcache'
import { describe, expect } from 'vitest'
import { type FakeServer, startFakeServer } from '../support/fake-server.js'
import { test } from '../support/memcache.js'
import { startProxy } from '../support/proxy.js'
import { spoken } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'
import { type Call, WITH_BLOCK, WITHOUT_BLOCK } from './calls.js'

// What a text server can say wrong, to every command, over both protocols; the binary protocol is
// in binary.test.ts.

const GOOD = {
  meta: { value: () => 'VA 1 f1 c5\r\n7\r\n', done: 'HD\r\n', number: 'VA 1\r\n7\r\n' },
  classic: {
    value: (key: string) => `VALUE ${key} 1 1 5\r\n7\r\nEND\r\n`,
    done: 'STORED\r\n',
    number: '7\r\n',
  },
} as const

type TextProtocol = keyof typeof GOOD
const PROTOCOLS = ['meta', 'classic'] as const

/** A server on which every key holds 7; whoever names the key `bad` is told `reply`, `times` times. */
function startOddServer(protocol: TextProtocol, reply: string, times = 1): Promise<FakeServer> {
  let left = times
  const good = GOOD[protocol]
  const answer = (line: string): string => {
    const [command = '', ...words] = line.split(' ')
    if (words.includes('bad') && left > 0) {
      left -= 1
      return reply
    }
    const [key = ''] = command.startsWith('gat') ? words.slice(1) : words
    if (/^(mg|gets?|gats?)$/.test(command)) return good.value(key)
    return /^(ma|incr|decr)$/.test(command) ? good.number : good.done
  }
  return startFakeServer((socket: Socket) => {
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      const lines = text.split('\r\n')
      text = lines.pop() ?? ''
      // A block of these tests is one digit; a command is longer.
      const answers = lines.filter((line) => line.length > 1).map(answer)
      if (socket.writable && answers.length > 0) socket.write(answers.join(''), 'latin1')
    })
  })
}

/** The call between two others of the same moment: how each ended. */
async function between(
  cache: MemcacheClient,
  call: Call,
): Promise<PromiseSettledResult<unknown>[]> {
  return Promise.allSettled([cache.get('before'), call(cache), cache.get('after')])
}
const seven = { status: 'fulfilled', value: 7 }

describe.each(PROTOCOLS)('an error of the server on %s', (protocol) => {
  test.each([
    ['SERVER_ERROR out of memory storing object', 'ERR_MEMCACHE_SERVER'],
    ['SERVER_ERROR', 'ERR_MEMCACHE_SERVER'],
    ['CLIENT_ERROR line too long', 'ERR_MEMCACHE_CLIENT'],
    ['ERROR', 'ERR_MEMCACHE_CLIENT'],
  ])('(%s) is that of its call alone, on a connection that stays', async (line, code) => {
    const calls =
      code === 'ERR_MEMCACHE_SERVER' ? { ...WITHOUT_BLOCK, ...WITH_BLOCK } : WITHOUT_BLOCK
    for (const [command, call] of Object.entries(calls)) {
      await using server = await startOddServer(protocol, `${line}\r\n`)
      await using cache = new MemcacheClient({ servers: server.address, protocol })
      const [before, failed, after] = await between(cache, call)
      const reason = { code, command, server: server.address }
      expect(failed, command).toMatchObject({ status: 'rejected', reason })
      expect([before, after], command).toEqual([seven, seven])
      expect(server.connections).toBe(1)
    }
  })

  // Up to 1.6.39 the block of a refused command runs as commands: the order is in doubt.
  test.each(['CLIENT_ERROR bad data chunk', 'ERROR'])(
    '(%s) to a command with a value ends the connection; the next call has another',
    async (line) => {
      for (const [command, call] of Object.entries(WITH_BLOCK)) {
        await using server = await startOddServer(protocol, `${line}\r\n`)
        await using cache = new MemcacheClient({ servers: server.address, protocol })
        const [before, failed] = await between(cache, call)
        const reason = { code: 'ERR_MEMCACHE_CLIENT', command, server: server.address }
        expect(failed, command).toMatchObject({ status: 'rejected', reason })
        expect(before).toEqual(seven)
        expect(await cache.get('next')).toBe(7)
        expect(server.connections).toBe(2)
      }
    },
  )
})

/** What meta's servers, too, answer to a list of keys. */
const LISTED = 'VALUE bad 0 1\r\na\r\nEND\r\n'

const GARBAGE: Readonly<Record<TextProtocol, readonly string[]>> = {
  meta: [
    'asdf\0\xff\r\n',
    'VA 3 f0\r\nabcdef\r\n',
    'VA 1x f0\r\na\r\n',
    'VA f0\r\na\r\n',
    'VA 99999999999 f0\r\n',
    'NS\r\n',
    '7\r\n',
    LISTED,
    'SSH-2.0-OpenSSH\r\n',
    'HTTP/1.1 400 Bad Request\r\n\r\n',
  ],
  classic: [
    'asdf\0\xff\r\n',
    'VALUE bad 0 3\r\nabcdef\r\nEND\r\n',
    'VALUE bad 0 1x\r\na\r\nEND\r\n',
    'VALUE bad 0\r\na\r\nEND\r\n',
    'VALUE bad 0 99999999999\r\n',
    'NOT_STORED\r\n',
    'END\r\n',
    '7\r\n',
    'VALUE stranger 1 1\r\n7\r\nEND\r\n',
    // More than any of the calls asks for.
    `${'VALUE bad 1 1\r\n7\r\n'.repeat(3)}END\r\n`,
    'VA 1 f1\r\n7\r\n',
    'SSH-2.0-OpenSSH\r\n',
  ],
}

/** A number is the answer of a counter, the end that of a miss, `NS` that of a condition. */
function isAnswer(reply: string, command: string): boolean {
  if (reply === LISTED) return /^gets?Many$/.test(command)
  if (reply === '7\r\n') return command === 'increment'
  if (reply === 'END\r\n') return /^get/.test(command)
  return /^(NS|NOT_STORED)/.test(reply) && command in WITH_BLOCK
}

describe.each(PROTOCOLS)('an invalid reply on %s', (protocol) => {
  test.each(GARBAGE[protocol])(
    '(%j) is a ProtocolError of its call and of those behind; the next has another connection',
    async (reply) => {
      const calls = { ...WITHOUT_BLOCK, ...WITH_BLOCK }
      for (const [command, call] of Object.entries(calls)) {
        if (isAnswer(reply, command)) continue
        await using server = await startOddServer(protocol, reply, 2)
        await using cache = new MemcacheClient({ servers: server.address, protocol })
        const [before, failed, after] = await between(cache, call)
        const reason = { code: 'ERR_MEMCACHE_PROTOCOL', server: server.address }
        expect(failed, command).toMatchObject({
          status: 'rejected',
          reason: { ...reason, command },
        })
        expect(before, command).toEqual(seven)
        expect(after, command).toMatchObject({ status: 'rejected', reason })
        expect(await cache.get('next')).toBe(7)
        expect(server.connections).toBe(2)
      }
    },
  )
})

test('a server that answers administrative commands with something else is a ProtocolError there', async () => {
  for (const reply of ['asdf\r\n', 'HD\r\n', 'VALUE a 0 1\r\n7\r\nEND\r\n']) {
    await using server = await startFakeServer((socket) => {
      socket.on('data', () => socket.write(reply))
    })
    await using cache = new MemcacheClient({ servers: server.address, protocol: 'classic' })
    const garbled = { [server.address]: { code: 'ERR_MEMCACHE_PROTOCOL' } }
    expect(await cache.version(), reply).toMatchObject(garbled)
    expect(await cache.stats(), reply).toMatchObject(garbled)
    const refused = { [server.address]: { code: expect.stringMatching(/PROTOCOL|SERVER/) } }
    expect(await cache.flushAll(), reply).toMatchObject(refused)
  }
})

describe.each(spoken(['meta', 'classic', 'binary']))('over %s', (protocol) => {
  test('a connection that is lost in mid-value is a ConnectionError, never half a value', async ({
    server: real,
  }) => {
    await using proxy = await startProxy(real.address)
    await using cache = new MemcacheClient({ servers: proxy.address, protocol, retries: 0 })
    await cache.setMany({ whole: 'x', half: 'h'.repeat(500_000) })
    for (const how of ['end', 'reset'] as const) {
      let left = 50_000
      const corrupt = (chunk: Buffer): Buffer => {
        const passed = chunk.subarray(0, left)
        left -= passed.length
        return passed
      }
      proxy.set('toClient', { corrupt })
      const calls = [cache.get('half'), cache.getMany(['whole', 'half']), cache.gets('half')]
      await waitFor(() => left === 0)
      proxy.cut(how)
      for (const outcome of await Promise.allSettled(calls)) {
        expect(outcome).toMatchObject({
          status: 'rejected',
          reason: { code: 'ERR_MEMCACHE_CONNECTION', server: proxy.address },
        })
      }
      proxy.heal()
      expect(await cache.get('whole')).toBe('x')
    }
  })

  test('a reply that nobody asked for ends the connection before it is used again', async ({
    server: real,
  }) => {
    await using proxy = await startProxy(real.address)
    await using cache = new MemcacheClient({ servers: proxy.address, protocol })
    await cache.set('a', 'mine')
    const other = {
      meta: 'VA 5 f0\r\nother\r\n',
      classic: 'VALUE a 0 5\r\nother\r\nEND\r\n',
      binary: Buffer.from(`810000000400000000000009${'00'.repeat(16)}6f74686572`, 'hex'),
    }
    proxy.inject('toClient', other[protocol])
    await waitFor(() => proxy.open === 0)
    expect(await cache.get('a')).toBe('mine')
    expect(proxy.connections).toBe(2)
  })

  test('a value of an old version of the application is a DecodeError of its key alone', async ({
    server: real,
  }) => {
    await using raw = new MemcacheClient(real.address)
    await using cache = new MemcacheClient({ servers: real.address, protocol })
    // msgpack that ends in mid-array, invalid igbinary, a number with letters.
    for (const [bytes, flags] of [
      [Buffer.from([0x93, 1]), 7],
      [Buffer.from('old'), 5],
      [Buffer.from('12a'), 1],
    ] as const) {
      await raw.meta.set('old', bytes, `F${flags}`)
      await raw.set('new', 'value')
      const decode = { code: 'ERR_MEMCACHE_DECODE', key: 'old', server: real.address }
      const [one, token, many, touched, other] = await Promise.allSettled([
        cache.get('old'),
        cache.gets('old'),
        cache.getMany(['new', 'old']),
        cache.getAndTouch('old', 60),
        cache.get('new'),
      ])
      for (const outcome of [one, token, many, touched]) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: decode })
      }
      expect(other).toEqual({ status: 'fulfilled', value: 'value' })
      expect(await cache.wrap('old', () => 'loaded')).toBe('loaded')
      expect(await cache.get('old')).toBe('loaded')
    }
  })
})
