import type { Socket } from 'node:net'
import { MemcacheClient } from '@glammp/memcache'
import { describe, expect, test } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { startMemcached } from '../support/memcached.js'
import { startProxy } from '../support/proxy.js'
import { waitFor } from '../support/wait.js'

/** Answers the first connection with the text, and all later ones properly. */
const onceWith = (reply: string) => {
  let first = true
  return (socket: Socket): void => {
    const bad = first
    first = false
    socket.on('data', (chunk) => {
      if (bad) socket.write(reply)
      else socket.write('VA 1 f1\r\n7\r\n'.repeat(String(chunk).split('\n').length - 1))
    })
  }
}

describe('a reply that cannot be', () => {
  test.each([
    ['garbage', 'asdf\0\xff\r\n'],
    ['a block of the wrong length', 'VA 3 f0\r\nabcdef\r\n'],
    ['a number with letters', 'VA 1x f0\r\na\r\n'],
    ['an answer to another command', 'NS\r\n'],
    ['a length beyond memory', 'VA 99999999999 f0\r\n'],
    ['the greeting of another protocol', 'SSH-2.0-OpenSSH\r\n'],
  ])(
    '(%s) closes the connection; the calls behind it fail, the next one works',
    async (_name, reply) => {
      await using server = await startFakeServer(onceWith(reply))
      await using cache = new MemcacheClient({ servers: server.address, protocol: 'meta' })
      const outcomes = await Promise.allSettled([cache.get('a'), cache.get('b'), cache.get('c')])
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({
          status: 'rejected',
          reason: { code: 'ERR_MEMCACHE_PROTOCOL', server: server.address },
        })
      }
      expect(await cache.get('a')).toBe(7)
      expect(server.connections).toBe(2)
    },
  )

  test('(one nobody asked for) closes the connection before it is used again', async () => {
    await using real = await startMemcached()
    await using proxy = await startProxy(real.address)
    await using cache = new MemcacheClient({ servers: proxy.address, protocol: 'meta' })
    await cache.set('a', 'mine')
    proxy.inject('toClient', 'VA 5 f0\r\nother\r\n')
    await waitFor(() => proxy.open === 0)
    expect(await cache.get('a')).toBe('mine')
    expect(proxy.connections).toBe(2)
  })
})

test('a reply that comes twice is not given to the next call', async () => {
  await using server = await startFakeServer(onceWith('EN\r\nEN\r\n'))
  await using cache = new MemcacheClient({ servers: server.address, protocol: 'meta' })
  expect(await cache.get('a')).toBeUndefined()
  expect(await cache.get('b')).toBe(7)
  expect(server.connections).toBe(2)
})

describe('an error of the server', () => {
  test.each([
    ['SERVER_ERROR out of memory storing object', 'ERR_MEMCACHE_SERVER', 1],
    ['SERVER_ERROR', 'ERR_MEMCACHE_SERVER', 1],
    ['CLIENT_ERROR bad data chunk', 'ERR_MEMCACHE_CLIENT', 2],
    ['ERROR', 'ERR_MEMCACHE_CLIENT', 2],
  ])('%s on a set fails that set alone', async (line, code, connections) => {
    await using server = await startFakeServer(onceWith(`${line}\r\n`))
    await using cache = new MemcacheClient({ servers: server.address, protocol: 'meta' })
    await expect(cache.set('a', 1)).rejects.toMatchObject({ code, key: 'a', command: 'set' })
    // Where the value may have run as commands, the connection is not used again.
    if (connections === 2) expect(await cache.get('a')).toBe(7)
    await expect(cache.set('a', 1)).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_/) })
    expect(server.connections).toBeGreaterThanOrEqual(connections)
  })
})

test('a connection that is lost in mid-value is a ConnectionError, never half a value', async () => {
  await using server = await startFakeServer((socket) => {
    socket.on('data', () => socket.end('VA 10 f0\r\nhalf'))
  })
  await using cache = new MemcacheClient({ servers: server.address, protocol: 'meta' })
  await expect(cache.get('a')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CONNECTION' })
})

test('a value that cannot be decoded is a DecodeError of its key; in wrap it is a miss', async () => {
  await using server = await startFakeServer((socket) => {
    socket.on('data', (chunk) => {
      const reply = String(chunk).startsWith('ms') ? 'HD\r\n' : 'VA 2 f7\r\n\x93\x01\r\n'
      socket.write(reply, 'latin1')
    })
  })
  await using cache = new MemcacheClient({ servers: server.address, protocol: 'meta' })
  await expect(cache.get('old')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_DECODE', key: 'old' })
  await expect(cache.getMany(['old'])).rejects.toMatchObject({ code: 'ERR_MEMCACHE_DECODE' })
  expect(await cache.wrap('old', () => 'new')).toBe('new')
})

describe('a reply never reaches another request', () => {
  test('after calls that timed out or were given up', async () => {
    await using real = await startMemcached()
    await using proxy = await startProxy(real.address)
    await using cache = new MemcacheClient({ servers: proxy.address, timeout: 2_000 })
    const keys = Array.from({ length: 200 }, (_, index) => `key:${index}`)
    await Promise.all(keys.map((key) => cache.set(key, key)))
    proxy.delay(80)
    let late = 0
    for (let round = 0; round < 5; round += 1) {
      const signal = AbortSignal.timeout(40)
      const calls = keys.map(async (key, index) => {
        const options = index % 3 === 0 ? { timeout: 30 } : index % 3 === 1 ? { signal } : {}
        try {
          expect(await cache.get(key, options)).toBe(key)
        } catch (error) {
          if (error instanceof Error && error.name === 'AssertionError') throw error
          late += 1
        }
      })
      await Promise.all(calls)
    }
    expect(late).toBeGreaterThan(0)
    proxy.heal()
    for (const key of keys) expect(await cache.get(key)).toBe(key)
  })

  test('in whatever pieces it arrives', async () => {
    await using real = await startMemcached()
    await using proxy = await startProxy(real.address)
    await using cache = new MemcacheClient({ servers: proxy.address, timeout: 20_000 })
    const keys = Array.from({ length: 50 }, (_, index) => `key:${index}`)
    const values = keys.map((_, index) => 'é\r\nEND\r\n'.repeat(index))
    await Promise.all(keys.map((key, index) => cache.set(key, values[index])))
    for (const size of [1, 2, 3, 7, 11]) {
      proxy.set('toClient', { pieces: size })
      const found = await Promise.all(keys.map((key) => cache.get(key)))
      expect(found).toEqual(values)
    }
  })
})
