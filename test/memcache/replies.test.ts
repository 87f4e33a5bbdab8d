import type { Socket } from 'node:net'
import { MemcacheClient } from '@glammp/memcache'
import { describe, expect } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { test } from '../support/memcache.js'
import { startProxy } from '../support/proxy.js'

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

test('a reply that comes twice is not given to the next call', async () => {
  await using server = await startFakeServer(onceWith('EN\r\nEN\r\n'))
  await using cache = new MemcacheClient({ servers: server.address, protocol: 'meta' })
  expect(await cache.get('a')).toBeUndefined()
  expect(await cache.get('b')).toBe(7)
  expect(server.connections).toBe(2)
})

describe.each(['meta', 'classic'] as const)(
  'a reply on %s never reaches another request',
  (protocol) => {
    test('after calls that timed out or were given up', async ({ server: real }) => {
      await using proxy = await startProxy(real.address)
      await using cache = new MemcacheClient({ servers: proxy.address, protocol, timeout: 2_000 })
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

    test('in whatever pieces it arrives', async ({ server: real }) => {
      await using proxy = await startProxy(real.address)
      await using cache = new MemcacheClient({ servers: proxy.address, protocol, timeout: 20_000 })
      const keys = Array.from({ length: 50 }, (_, index) => `key:${index}`)
      const values = keys.map((_, index) => 'é\r\nEND\r\n'.repeat(index))
      await Promise.all(keys.map((key, index) => cache.set(key, values[index])))
      for (const size of [1, 2, 3, 7, 11]) {
        proxy.set('toClient', { pieces: size })
        const found = await Promise.all(keys.map((key) => cache.get(key)))
        expect(found).toEqual(values)
      }
    })
  },
)

describe('a getMany that is sent again keeps nothing of its first try', () => {
  // The first connection breaks in the middle of its answer.
  const breaking = (half: string) => {
    let first = true
    return (socket: Socket): void => {
      const breaks = first
      first = false
      socket.on('data', (chunk: Buffer) => {
        if (!breaks) socket.write('VALUE a 0 1\r\nx\r\nVALUE b 0 1\r\ny\r\nEND\r\n')
        else if (String(chunk).startsWith('get ')) socket.end(half)
      })
    }
  }
  const whole = new Map([
    ['a', 'x'],
    ['b', 'y'],
  ])

  test.each([
    ['an item that cannot be decoded', 'VALUE a 9999 1\r\nx\r\n'],
    ['an item that may be none', 'VALUE a 0 0\r\n\r\n'],
  ])('%s', async (_name, half) => {
    await using server = await startFakeServer(breaking(half))
    await using cache = new MemcacheClient({ servers: server.address, protocol: 'meta' })
    expect(await cache.getMany(['a', 'b'])).toEqual(whole)
    expect(String(server.received())).toBe('get a b\r\nget a b\r\n')
  })
})
