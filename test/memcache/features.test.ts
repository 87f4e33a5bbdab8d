import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Key, MemcacheClient, type MemcacheOptions } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCertificates } from '../support/certificates.js'
import { startFakeServer } from '../support/fake-server.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { serversAreControllable, serversAreProcesses } from '../support/server-source.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { waitForEvent } from '../support/wait.js'

// One test a row of the table "Side by side" in the manual, in the row's words; values and
// cache-aside are in features-values.test.ts, others with the tests of their subject (distribution,
// counters, raw-meta). What a row needs in depth is tested in the other files.

let servers: MemcachedServer[] = []
let addresses: string[] = []
let cache: MemcacheClient
beforeAll(async () => {
  servers = await Promise.all([startMemcached(), startMemcached()])
  addresses = servers.map(({ address }) => address)
  cache = new MemcacheClient(addresses)
})
afterAll(async () => {
  await cache.close()
  await Promise.all(servers.map((server) => server.stop()))
})

const keys = Array.from({ length: 40 }, (_, index) => `key:${index}`)
const client = (options: MemcacheOptions = {}): MemcacheClient =>
  new MemcacheClient({ servers: addresses, ...options })

async function roundTrip(options: MemcacheOptions): Promise<void> {
  await using other = client(options)
  expect(await other.set('é', { nome: 'Ivo' }, 60)).toBe(true)
  expect(await other.get('é')).toEqual({ nome: 'Ivo' })
  expect(await other.delete('é')).toBe(true)
}

describe('protocols and connections', () => {
  test('meta protocol', () => roundTrip({ protocol: 'meta' }))
  test('classic protocol', () => roundTrip({ protocol: 'classic' }))
  test('binary protocol', () => roundTrip({ protocol: 'binary' }))

  test('the protocol of each server found out', async () => {
    await using old = await startFakeServer((socket) => {
      socket.on('data', (chunk) => {
        const lines = String(chunk).split('\r\n').slice(0, -1)
        for (const line of lines) {
          const [command, ...asked] = line.split(' ')
          const items = asked.map((key) => `VALUE ${key} 1 1\r\n7\r\n`).join('')
          if (command === 'version') socket.write('VERSION 1.4.15\r\n')
          else socket.write(command === 'get' ? `${items}END\r\n` : 'ERROR\r\n')
        }
      })
    })
    await using other = client({ servers: [old.address, ...addresses] })
    await cache.setMany(keys.map((key) => [key, 7] as const))
    expect(await other.getMany(keys)).toEqual(new Map(keys.map((key) => [key, 7])))
  })

  test('SASL', async () => {
    const told: Buffer[] = []
    await using server = await startFakeServer((socket) => {
      socket.on('data', (packet) => {
        told.push(packet)
        const answer = Buffer.alloc(24)
        answer[0] = 0x81
        answer[1] = packet[1] as number
        packet.copy(answer, 12, 12, 16)
        socket.write(answer)
      })
    })
    const auth = { username: 'user', password: 'secret' }
    await using other = client({ servers: server.address, protocol: 'binary', auth })
    await other.set('a', 1)
    expect(told[0]?.subarray(24).toString()).toBe('PLAIN\0user\0secret')
  })

  test.skipIf(!serversAreControllable)('the handshake of -Y', async () => {
    await using directory = await temporaryDirectory()
    const file = join(directory.path, 'users')
    await writeFile(file, 'user:secret\n')
    const directories = [directory.path]
    await using server = await startMemcached({ args: ['-Y', file], directories })
    await roundTrip({ servers: `memcached://user:secret@${server.address}` })
    await expect(roundTrip({ servers: server.address })).rejects.toMatchObject({
      code: 'ERR_MEMCACHE_AUTHENTICATION',
    })
  })

  test.skipIf(!serversAreControllable)('TLS', async () => {
    await using files = await makeCertificates()
    const { cert, key } = files.server
    const args = ['-Z', '-o', `ssl_chain_cert=${cert},ssl_key=${key}`]
    await using server = await startMemcached({ args, directories: [files.directory] })
    await roundTrip({ servers: server.address, tls: { ca: await readFile(files.ca) } })
  })

  test.skipIf(!serversAreProcesses)('unix sockets', async () => {
    await using directory = await temporaryDirectory()
    const socket = join(directory.path, 'memcached.sock')
    await using server = await startMemcached({ socket })
    await roundTrip({ servers: server.address })
  })
})

describe('addresses', () => {
  test.skipIf(!serversAreProcesses)('IPv6', async () => {
    await using server = await startMemcached({ host: '::1' })
    await roundTrip({ servers: `[::1]:${server.port}` })
  })

  test.skipIf(!serversAreControllable)('TLS and password of its own for each server', async () => {
    await using files = await makeCertificates()
    const users = join(files.directory, 'users')
    await writeFile(users, 'user:secret\n')
    const { cert, key } = files.server
    const args = ['-Z', '-o', `ssl_chain_cert=${cert},ssl_key=${key}`, '-Y', users]
    await using guarded = await startMemcached({ args, directories: [files.directory] })
    const { host, port } = guarded
    const tls = { ca: await readFile(files.ca) }
    const own = { host, port, tls, username: 'user', password: 'secret' }
    await using other = client({ servers: [...addresses, own] })
    expect(await other.setMany(keys.map((name) => [name, 1] as const))).toBe(keys.length)
    expect(new Set(keys.map((name) => other.serverFor(name))).size).toBe(3)
  })
})

describe('commands', () => {
  test('get of many keys, one round trip a server', async () => {
    await Promise.all(keys.map((key) => cache.set(key, key)))
    expect([...(await cache.getMany([...keys, 'missing'])).keys()]).toEqual(keys)
  })

  test('cas tokens of many keys', async () => {
    await cache.setMany({ a: 1, b: 2 })
    const found = await cache.getsMany<number>(['a', 'b'])
    expect(await cache.cas('b', 3, found.get('b')?.cas ?? '')).toBe('stored')
  })

  test('set and delete of many keys', async () => {
    expect(await cache.setMany(new Map(keys.map((key) => [key, 1])))).toBe(keys.length)
    expect(await cache.deleteMany(keys)).toBe(keys.length)
  })

  test('compare and swap', async () => {
    await cache.set('cas', 1)
    const item = await cache.gets('cas')
    await cache.set('cas', 2)
    expect(await cache.cas('cas', 3, item?.cas ?? '')).toBe('exists')
    expect(await cache.cas('cas-missing', 3, '1')).toBe('missing')
  })

  test('get and touch', async () => {
    await cache.set('touched', 'value', 5)
    expect(await cache.getAndTouch('touched', 1_000)).toBe('value')
    expect((await cache.inspect('touched'))?.ttl).toBeGreaterThan(900)
  })

  test('statistics of all servers', async () => {
    const stats = await cache.stats()
    expect(Object.keys(stats)).toEqual(addresses)
    for (const one of Object.values(stats)) expect(one).toMatchObject({ pid: expect.any(Number) })
  })

  test('emptying of all servers, now or later', async () => {
    await using own = await startMemcached()
    await using other = client({ servers: own.address })
    await other.set('a', 1)
    expect(await other.flushAll({ delay: 3_600 })).toEqual({ [own.address]: true })
    expect(await other.get('a')).toBe(1)
    expect(await other.flushAll()).toEqual({ [own.address]: true })
    expect(await other.get('a')).toBeUndefined()
  })

  test('listing of all keys', async () => {
    await cache.setMany({ 'list:á': 1, 'list:b': 2 })
    const found: Key[] = []
    for await (const key of cache.keys({ prefix: 'list:' })) found.push(key)
    expect(found.sort()).toEqual(['list:b', 'list:á'])
  })

  test('the log of the servers', async () => {
    const timer = setInterval(() => void cache.set('logged', 1), 50)
    const enough = new AbortController()
    const follow = async (): Promise<void> => {
      for await (const { key, type } of cache.watch('mutations', { signal: enough.signal })) {
        expect({ key, type }).toEqual({ key: 'logged', type: 'item_store' })
        enough.abort()
      }
    }
    await expect(follow()).rejects.toMatchObject({ name: 'AbortError' })
    clearInterval(timer)
  })

  test('settings of running servers', async () => {
    expect(Object.values(await cache.admin.lruMode('segmented'))).toEqual([true, true])
    expect(Object.values(await cache.cacheMemoryLimit(64))).toEqual([true, true])
  })

  test('what a server knows of an item', async () => {
    await cache.set('known', 'twelve bytes', 100)
    expect(await cache.inspect('known')).toMatchObject({ size: 12, hit: false, stale: false })
  })
})

describe('many servers', () => {
  test('servers added and removed at run time', async () => {
    await using other = client({ servers: addresses.slice(0, 1) })
    other.addServer(addresses[1] as string)
    expect(await other.setMany(keys.map((key) => [key, key]))).toBe(keys.length)
    await other.removeServer(addresses[0] as string)
    expect(other.servers).toEqual(addresses.slice(1))
    expect(await other.set('a', 1)).toBe(true)
  })

  const survives = async (options: MemcacheOptions): Promise<void> => {
    await using other = client(options)
    expect(await other.setMany(keys.map((key) => [key, key]))).toBe(keys.length)
    expect((await other.getMany(keys)).size).toBe(keys.length)
  }
  test('failover', () => survives({ servers: [...addresses, 'localhost:1'], failover: 'next' }))
  test('a gutter', () => survives({ servers: 'localhost:1', failover: { gutter: addresses } }))

  test.skipIf(!serversAreControllable)('a failing server left out until it answers', async () => {
    await using server = await startMemcached()
    await using other = client({
      servers: server.address,
      ejection: { failures: 1, cooldown: 50 },
    })
    const ejected = waitForEvent(other, 'server:ejected')
    await server.kill()
    await expect(other.get('a')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CONNECTION' })
    await ejected
    const rejoined = waitForEvent(other, 'server:rejoined')
    await server.restart()
    // By a probe: nothing is called meanwhile.
    expect(await rejoined).toEqual({ server: server.address })
    expect(await other.get('a')).toBeUndefined()
  })

  test('auto discovery', async () => {
    await using endpoint = await startFakeServer((socket) => {
      const list = servers.map(({ host, port }) => `${host}|${host}|${port}`).join(' ')
      const block = `1\n${list}\n`
      socket.on('data', () =>
        socket.write(`CONFIG cluster 0 ${block.length}\r\n${block}\r\nEND\r\n`),
      )
    })
    await using other = client({ servers: endpoint.address, discovery: true })
    await other.connect()
    expect(other.servers).toEqual(addresses)
  })
})
