import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { MemcacheClient } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { type Certificates, makeCertificates } from '../support/certificates.js'
import { test } from '../support/memcache.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { startProxy } from '../support/proxy.js'
import {
  serversAreControllable,
  serversAreLocal,
  serversAreReal,
} from '../support/server-source.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { startTlsFront } from '../support/tls-front.js'
import { waitFor } from '../support/wait.js'
import { worksWith } from './works-with.js'

async function roundTrip(cache: MemcacheClient): Promise<void> {
  const value = 'é'.repeat(100_000)
  expect(await cache.set('a', { value })).toBe(true)
  expect(await cache.get('a')).toEqual({ value })
}

describe.skipIf(!serversAreControllable)('a memcached', () => {
  test.skipIf(!serversAreLocal)('is reached over IPv6', async () => {
    await using server = await startMemcached({ host: '::1' })
    await using cache = new MemcacheClient(`[::1]:${server.port}`)
    await roundTrip(cache)
    expect(cache.serverFor('a')).toBe(`[::1]:${server.port}`)
  })

  test.skipIf(!serversAreLocal)('is reached over a unix socket', async () => {
    await using directory = await temporaryDirectory()
    const socket = join(directory.path, 'memcached.sock')
    await using server = await startMemcached({ socket })
    await using cache = new MemcacheClient(server.address)
    await roundTrip(cache)
    expect(cache.serverFor('a')).toBe(socket)
  })

  test.skipIf(!serversAreLocal)('IPv6', async () => {
    await using server = await startMemcached({ host: '::1' })
    await worksWith({ servers: `[::1]:${server.port}` })
  })

  test.skipIf(!serversAreLocal)('unix sockets', async () => {
    await using directory = await temporaryDirectory()
    const socket = join(directory.path, 'memcached.sock')
    await using server = await startMemcached({ socket })
    await worksWith({ servers: server.address })
  })

  test.skipIf(!serversAreReal)('that closes idle connections costs no call', async () => {
    await using server = await startMemcached({ args: ['-o', 'idle_timeout=1'] })
    await using proxy = await startProxy(server.address)
    await using cache = new MemcacheClient(proxy.address)
    await cache.set('a', 1)
    await waitFor(() => proxy.open === 0)
    expect(await cache.get('a')).toBe(1)
    expect(await cache.increment('a')).toBe(2)
    expect(proxy.connections).toBeGreaterThanOrEqual(2)
  })
})

describe.skipIf(!serversAreControllable)('over TLS', () => {
  let certificates: Certificates
  let ca: Buffer
  let server: MemcachedServer
  const start = (more = ''): Promise<MemcachedServer> => {
    const { key, cert } = certificates.server
    return startMemcached({
      args: ['-Z', '-o', `ssl_chain_cert=${cert},ssl_key=${key}${more}`],
      directories: [certificates.directory],
    })
  }
  beforeAll(async () => {
    certificates = await makeCertificates()
    ca = await readFile(certificates.ca)
    server = await start()
  })
  afterAll(async () => {
    await server.stop()
    await certificates.remove()
  })

  test('a server is reached by option and by URL', async () => {
    await using cache = new MemcacheClient({ servers: server.address, tls: { ca } })
    await roundTrip(cache)
    await using url = new MemcacheClient({
      servers: `memcacheds://${server.address}`,
      tls: { ca },
    })
    await roundTrip(url)
  })

  test('TLS', () => worksWith({ servers: server.address, tls: { ca } }))

  test('TLS and password of its own for each server', async ({ server: plain }) => {
    const users = join(certificates.directory, 'users')
    await writeFile(users, 'user:secret\n')
    const { cert, key } = certificates.server
    const args = ['-Z', '-o', `ssl_chain_cert=${cert},ssl_key=${key}`, '-Y', users]
    const directories = [certificates.directory]
    await using guarded = await startMemcached({ args, directories })
    const tls = { ca }
    const servers = [
      plain.address,
      { host: server.host, port: server.port, tls },
      { host: guarded.host, port: guarded.port, tls, username: 'user', password: 'secret' },
    ]
    await using other = new MemcacheClient({ servers })
    const keys = Array.from({ length: 40 }, (_, index) => `key:${index}`)
    expect(await other.setMany(keys.map((name) => [name, 1] as const))).toBe(keys.length)
    expect(new Set(keys.map((name) => other.serverFor(name))).size).toBe(3)
  })

  test('a certificate that we cannot check is a ConnectionError', async () => {
    const strangers = await readFile(certificates.stranger.cert)
    for (const tls of [true, { ca: strangers }, { ca, servername: 'example.org' }]) {
      await using cache = new MemcacheClient({ servers: server.address, tls })
      await expect(cache.get('a')).rejects.toMatchObject({
        code: 'ERR_MEMCACHE_CONNECTION',
        server: server.address,
        message: expect.stringMatching(/certificate|issuer/i),
      })
    }
  })

  test.for(['auto', 'meta', 'classic', 'binary'] as const)(
    'speaking plainly to it fails in time (%s)',
    async (protocol, { server: plain }) => {
      const options = { protocol, timeout: 400, connectTimeout: 400 } as const
      await using cache = new MemcacheClient({ servers: server.address, ...options })
      await expect(cache.get('a')).rejects.toMatchObject({
        code: expect.stringMatching(/CONNECTION|TIMEOUT|PROTOCOL/),
      })
      await using secret = new MemcacheClient({ servers: plain.address, tls: { ca }, ...options })
      await expect(secret.get('a')).rejects.toMatchObject({
        code: expect.stringMatching(/CONNECTION|TIMEOUT/),
      })
    },
  )

  test('a server that asks for it gets our own certificate', async () => {
    await using strict = await start(`,ssl_verify_mode=2,ssl_ca_cert=${certificates.ca}`)
    const read = async ({ key, cert }: Certificates['client']): Promise<object> => ({
      ca,
      key: await readFile(key),
      cert: await readFile(cert),
    })
    await using known = new MemcacheClient({
      servers: strict.address,
      tls: await read(certificates.client),
    })
    await roundTrip(known)
    for (const tls of [{ ca }, await read(certificates.stranger)]) {
      await using unknown = new MemcacheClient({ servers: strict.address, tls })
      await expect(unknown.get('a')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_CONNECTION' })
    }
  })

  test('a server that has no more than TLS 1.2 is spoken to, many answers in one record', async ({
    server: plain,
  }) => {
    await using front = await startTlsFront(plain, certificates.server, 'TLSv1.2')
    await using cache = new MemcacheClient({ servers: front.address, tls: { ca } })
    await roundTrip(cache)
    const keys = Array.from({ length: 200 }, (_, index) => `record:${index}`)
    await Promise.all(keys.map((key, index) => cache.set(key, index)))
    const answers = Promise.all([
      cache.stats(),
      cache.getMany(keys),
      ...keys.map((key) => cache.get(key)),
    ])
    const [stats, found, ...each] = await answers
    expect(stats[front.address]).toMatchObject({ version: expect.any(String) })
    expect([...found.values()]).toEqual([...keys.keys()])
    expect(each).toEqual([...keys.keys()])
  })

  test('a server is told the name that we know it by', async ({ server: plain }) => {
    const names: unknown[] = []
    const front = createServer(
      {
        key: await readFile(certificates.server.key),
        cert: await readFile(certificates.server.cert),
      },
      (socket) => {
        names.push(socket.servername)
        const back = connect(plain.port, plain.host)
        for (const end of [socket, back]) end.on('error', () => undefined)
        socket.pipe(back).pipe(socket)
      },
    )
    front.listen(0, '127.0.0.1')
    await once(front, 'listening')
    const { port } = front.address() as AddressInfo
    const calls = [
      { servers: `localhost:${port}`, tls: { ca } },
      { servers: `127.0.0.1:${port}`, tls: { ca, servername: 'localhost' } },
      { servers: `127.0.0.1:${port}`, tls: { ca } },
    ]
    for (const options of calls) {
      await using cache = new MemcacheClient({ ...options, pool: { max: 1 } })
      await roundTrip(cache)
    }
    // An IP address is no name there.
    expect(names).toEqual(['localhost', 'localhost', false])
    front.close()
  })
})
