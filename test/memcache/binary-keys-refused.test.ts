import { InvalidKeyError, type Key, MemcacheClient, type MemcacheOptions } from '@glammp/memcache'
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { startFakeServer } from '../support/fake-server.js'
import { test } from '../support/memcache.js'
import { startProxy } from '../support/proxy.js'
import { hasBinary } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

describe('a server that is used over the classic protocol', () => {
  const key = bytes('a b\r\nflush_all\r\n')
  const refused = {
    code: 'ERR_MEMCACHE_INVALID_KEY',
    key,
    message: expect.stringContaining('a%20b%0D%0Aflush_all%0D%0A on '),
  }

  test('gets none of a batch but what it can have, on the same connection', async ({ server }) => {
    await using proxy = await startProxy(server.address)
    await using cache = new MemcacheClient({
      servers: proxy.address,
      protocol: 'classic',
      pool: { max: 1 },
    })
    await cache.set('text', 'fine')
    // Alone in its batch, and again: the connection is given back.
    await expect(cache.get(key)).rejects.toMatchObject({ ...refused, server: proxy.address })
    await expect(cache.set(key, 1)).rejects.toMatchObject({ ...refused, command: 'set' })
    const outcomes = await Promise.allSettled([
      cache.get(key),
      cache.get('text'),
      cache.set(key, Buffer.alloc(10_000)),
      cache.getMany<unknown, Key>(['text', key]),
      cache.getMany(['text', 'missing']),
      cache.delete(key),
      cache.touch(key, 1),
      cache.getAndTouch(key, 1),
      cache.increment(key),
      cache.invalidate(key),
      cache.wrap(key, () => 1),
      cache.get('text'),
    ])
    expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual([
      ...[false, true, false, false, true, false],
      ...[false, false, false, false, false, true],
    ])
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(InvalidKeyError)
    }
    expect(outcomes[1]).toMatchObject({ value: 'fine' })
    expect(outcomes[4]).toMatchObject({ value: new Map([['text', 'fine']]) })
    expect(outcomes[3]).toMatchObject({ reason: { keys: ['text', key] } })
    expect(proxy.connections).toBe(1)
    // What invalidate sent beside the key, of its lock, is answered in its own time.
    await waitFor(() => cache.metrics().servers[proxy.address]?.pending === 0)
  })

  test('refuses while others are in flight, which go on', async ({ server }) => {
    await using proxy = await startProxy(server.address)
    await using cache = new MemcacheClient({ servers: proxy.address, protocol: 'classic' })
    await cache.set('text', 'fine')
    proxy.stall('toClient')
    const waiting = cache.get('text')
    await new Promise((resolve) => setImmediate(resolve))
    await expect(cache.get(key)).rejects.toMatchObject(refused)
    proxy.resume()
    expect(await waiting).toBe('fine')
    expect(await cache.get('text')).toBe('fine')
  })

  test('fails a binary key in wrapMany without those who wait for another key of it', async ({
    server,
  }) => {
    await using cache = new MemcacheClient({ servers: server.address, protocol: 'classic' })
    await cache.delete('joined')
    const many = cache.wrapMany<string, Key>(['joined', key], (keys) => keys.map(() => 'loaded'))
    const joined = cache.wrap('joined', () => 'own')
    await expect(many).rejects.toBeInstanceOf(InvalidKeyError)
    expect(await joined).toBe('loaded')
  })

  test('names the keys that did not make it', async ({ server }) => {
    await using cache = new MemcacheClient({ servers: server.address, protocol: 'classic' })
    const stored = cache.setMany(
      new Map<Key, unknown>([
        ['ok', 1],
        [key, 2],
      ]),
    )
    await expect(stored).rejects.toMatchObject({ code: 'ERR_MEMCACHE_INVALID_KEY', keys: [key] })
    expect(await cache.get('ok')).toBe(1)
    await expect(cache.deleteMany(['ok', key])).rejects.toMatchObject({ keys: [key] })
    expect(await cache.get('ok')).toBeUndefined()
  })

  test('found out by negotiation: not a byte of the key is sent', async () => {
    await using fake = await startFakeServer((socket) => {
      socket.on('data', (chunk) => {
        for (const line of String(chunk).trimEnd().split('\r\n')) {
          if (line === 'version') socket.write('VERSION 1.4.0\r\n')
          else socket.write(line === 'mn' ? 'ERROR\r\n' : 'END\r\n')
        }
      })
    })
    await using cache = new MemcacheClient(fake.address)
    const outcomes = await Promise.allSettled([cache.set(key, 'v'), cache.get('text')])
    expect(outcomes).toMatchObject([{ reason: refused }, { value: undefined }])
    expect(String(fake.received())).not.toMatch(/flush_all|YSBi/)
  })
})

describe('nothing in a key reaches the server as a command', () => {
  const options: MemcacheOptions[] = [{}, { protocol: 'classic' }]
  if (hasBinary) options.push({ protocol: 'binary' })
  test.for(options)('%j', async (option, { server }) => {
    await using cache = new MemcacheClient({ servers: server.address, ...option })
    await cache.set('alive', 1)
    const parts = fc.constantFrom(
      ...['\r\n', '\n', '\0', ' ', 'b', ' b', 'flush_all', 'set alive 0 0 1\r\n2', 'mn', 'q', '='],
    )
    await fc.assert(
      fc.asyncProperty(fc.array(parts, { minLength: 1, maxLength: 10 }), async (words) => {
        const key = bytes(words.join(''))
        await Promise.allSettled([
          cache.set(key, words.join('')),
          cache.get(key),
          cache.delete(key),
        ])
        expect(await cache.get('alive')).toBe(1)
      }),
      { numRuns: 100 },
    )
    expect(await cache.get('alive')).toBe(1)
  })
})
