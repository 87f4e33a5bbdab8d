import type { Socket } from 'node:net'
import { MemcacheClient } from '@glammp/memcache'
import { describe, expect } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { test } from '../support/memcache.js'
import { startProxy } from '../support/proxy.js'
import { hasBinary } from '../support/server-source.js'
import { WITH_BLOCK, WITHOUT_BLOCK } from './calls.js'

const HEADER = 24

/** The packets of a chunk, which must be whole. */
function packetsOf(chunk: Buffer): Buffer[] {
  const packets: Buffer[] = []
  for (let at = 0; at < chunk.length; at += packets.at(-1)?.length ?? 0) {
    packets.push(chunk.subarray(at, at + HEADER + chunk.readUInt32BE(at + 8)))
  }
  return packets
}

/** Answers every packet of a chunk by one of `7`, with the opaque that it came with. */
function answerSevens(socket: Socket, chunk: Buffer): void {
  for (const packet of packetsOf(chunk)) {
    const header = Buffer.from(`8100000004000000${'00000005'}${'00'.repeat(12)}`, 'hex')
    packet.copy(header, 12, 12, 16)
    socket.write(Buffer.concat([header, Buffer.from('00000001', 'hex'), Buffer.from('7')]))
  }
}

/** Answers the first connection with the bytes, and all later ones properly. */
const onceWith = (reply: Buffer) => {
  let first = true
  return (socket: Socket): void => {
    const bad = first
    first = false
    socket.on('data', (chunk: Buffer) => {
      if (bad) socket.write(reply)
      else answerSevens(socket, chunk)
    })
  }
}

describe('an invalid binary reply', () => {
  test.each([
    ['text', 'ERROR\r\n'],
    ['garbage', Buffer.alloc(100, 0x42)],
    ['to another request', `8100000000000001${'00000000'}0a000007${'00'.repeat(8)}`],
    ['beyond memory', `8100000004000000${'ffffffff'}0a000000${'00'.repeat(8)}`],
    ['with an odd header', `8100ffff04000000${'00000005'}0a000000${'00'.repeat(8)}`],
    // NOT_STORED, which no retrieval is answered.
    ['to another command', `8100000000000005${'00000000'}0a000000${'00'.repeat(8)}`],
  ])('(%s) closes the connection; the next call works', async (_name, bytes) => {
    const reply =
      typeof bytes === 'string' && bytes.startsWith('81')
        ? Buffer.from(bytes, 'hex')
        : Buffer.from(bytes)
    await using fake = await startFakeServer(onceWith(reply))
    await using cache = new MemcacheClient({ servers: fake.address, protocol: 'binary' })
    const outcomes = await Promise.allSettled([cache.get('a'), cache.get('b'), cache.get('c')])
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { code: 'ERR_MEMCACHE_PROTOCOL', server: fake.address },
      })
    }
    expect(await cache.get('a')).toBe(7)
    expect(fake.connections).toBe(2)
  })

  test.skipIf(!hasBinary)(
    '(one that comes twice) never answers the next request',
    async ({ server }) => {
      await using proxy = await startProxy(server.address)
      await using cache = new MemcacheClient({ servers: proxy.address, protocol: 'binary' })
      await cache.set('a', 'mine')
      // With the mark of the first request, while the second is on its way.
      const again = `810000000400000000000009${'0a000000'}${'00'.repeat(12)}${'6f74686572'}`
      const call = cache.get('a')
      proxy.inject('toClient', Buffer.from(again, 'hex'))
      const outcome = await call.catch(({ code }) => code)
      expect(['mine', 'ERR_MEMCACHE_PROTOCOL']).toContain(outcome)
      expect(await cache.get('a')).toBe('mine')
      expect(proxy.connections).toBe(2)
    },
  )
})

describe('an error of a binary server', () => {
  const calls = { ...WITHOUT_BLOCK, ...WITH_BLOCK }

  test.each([
    ['too large', 0x0003, 'ERR_MEMCACHE_SERVER'],
    ['invalid arguments', 0x0004, 'ERR_MEMCACHE_CLIENT'],
    ['unknown command', 0x0081, 'ERR_MEMCACHE_CLIENT'],
    ['out of memory', 0x0082, 'ERR_MEMCACHE_SERVER'],
    ['busy', 0x0085, 'ERR_MEMCACHE_SERVER'],
    ['of a later version', 0x0099, 'ERR_MEMCACHE_SERVER'],
  ])('(%s) is that of its call alone', async (_name, status, code) => {
    for (const [command, call] of Object.entries(calls)) {
      await using fake = await startFakeServer((socket) => {
        socket.on('data', (chunk: Buffer) => {
          for (const packet of packetsOf(chunk)) {
            const extras = packet[4] as number
            const key = packet.toString('latin1', HEADER + extras, HEADER + extras + 3)
            if (key !== 'bad') {
              answerSevens(socket, packet)
              continue
            }
            const header = Buffer.alloc(HEADER)
            header[0] = 0x81
            header[1] = packet[1] as number
            header.writeUInt16BE(status, 6)
            packet.copy(header, 12, 12, 16)
            socket.write(header)
          }
        })
      })
      await using cache = new MemcacheClient({ servers: fake.address, protocol: 'binary' })
      const [before, failed] = await Promise.allSettled([cache.get('before'), call(cache)])
      const reason = { code, command, server: fake.address }
      expect(failed, command).toMatchObject({ status: 'rejected', reason })
      expect(before, command).toEqual({ status: 'fulfilled', value: 7 })
      expect(await cache.get('after'), command).toBe(7)
    }
  })
})

describe.skipIf(!hasBinary)('a binary reply never reaches another request', () => {
  const keys = Array.from({ length: 100 }, (_, index) => `key:${index}`)

  test('after calls that timed out', async ({ server }) => {
    await using proxy = await startProxy(server.address)
    const options = { protocol: 'binary', timeout: 2_000 } as const
    await using cache = new MemcacheClient({ servers: proxy.address, ...options })
    await Promise.all(keys.map((key) => cache.set(key, key)))
    proxy.delay(80)
    for (let round = 0; round < 3; round += 1) {
      const found = await Promise.all(
        keys.map((key, index) =>
          cache.get(key, index % 3 === 0 ? { timeout: 30 } : {}).catch(({ code }) => code),
        ),
      )
      for (const [index, value] of found.entries()) {
        expect([keys[index], 'ERR_MEMCACHE_TIMEOUT']).toContain(value)
      }
    }
    proxy.heal()
    for (const key of keys) expect(await cache.get(key)).toBe(key)
  })

  test('in whatever pieces it arrives', async ({ server }) => {
    await using proxy = await startProxy(server.address)
    const options = { protocol: 'binary', timeout: 20_000 } as const
    await using cache = new MemcacheClient({ servers: proxy.address, ...options })
    const values = keys.map((_, index) => '\x81\0é'.repeat(index))
    await Promise.all(keys.map((key, index) => cache.set(key, values[index])))
    for (const size of [1, 7, 23, 24, 25]) {
      proxy.set('toClient', { pieces: size })
      expect(await Promise.all(keys.map((key) => cache.get(key)))).toEqual(values)
    }
  })
})

test.skipIf(!hasBinary)(
  'what the binary protocol has no word for is refused, and costs nothing else',
  async ({ server }) => {
    await using proxy = await startProxy(server.address)
    await using cache = new MemcacheClient({ servers: proxy.address, protocol: 'binary' })
    await cache.set('a', 1)
    const refused = expect.objectContaining({ code: 'ERR_MEMCACHE_CLIENT' })
    expect(await cache.verbosity(1)).toEqual({ [proxy.address]: refused })
    expect(await cache.stats('conns')).toEqual({ [proxy.address]: refused })
    await expect(cache.inspect('a')).rejects.toEqual(refused)
    await expect(cache.meta.get('a', 'v')).rejects.toEqual(refused)
    const listing = async (): Promise<void> => {
      for await (const key of cache.keys()) expect.fail(`listed ${JSON.stringify(key)}`)
    }
    await expect(listing()).rejects.toEqual(refused)
    expect(await cache.get('a')).toBe(1)
  },
)
