import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { AuthenticationError, MemcacheClient, type MemcacheOptions } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { findProgram } from '../../scripts/programs.mjs'
import { makeCertificates } from '../support/certificates.js'
import { startFakeServer } from '../support/fake-server.js'
import { test } from '../support/memcache.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { startProxy } from '../support/proxy.js'
import { saslOptions } from '../support/sasl.js'
import { serversAreControllable, serversAreProcesses, spoken } from '../support/server-source.js'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.js'
import { waitFor } from '../support/wait.js'
import { worksWith } from './works-with.js'

const saslpasswd2 = findProgram('saslpasswd2')
// Without a space: memcached 1.6.18 takes no such password from its file.
const PASSWORD = 'pa:55wörd'
const WRONG = 'not-the-p4ssword'

/** What a server wants of us, with the protocols that it speaks. */
interface Guarded {
  readonly server: MemcachedServer
  readonly username: string
}

let directory: TemporaryDirectory
const servers = new Map<string, Guarded>()

/** A memcached with a file of users and passwords (`-Y`). */
async function startWithFile(args: readonly string[] = []): Promise<Guarded> {
  const file = join(directory.path, 'users')
  await writeFile(file, `other:x\nuser:${PASSWORD}\n`)
  const directories = [directory.path]
  const server = await startMemcached({ args: ['-Y', file, ...args], directories })
  return { server, username: 'user' }
}

/** A memcached with SASL (`-S`), whose users have a realm. */
async function startWithSasl(): Promise<Guarded> {
  const options = await saslOptions(saslpasswd2 as string, directory.path, PASSWORD)
  const server = await startMemcached(options)
  return { server, username: 'user@realm' }
}

beforeAll(async () => {
  directory = await temporaryDirectory()
  if (serversAreControllable) servers.set('-Y', await startWithFile())
  if (serversAreProcesses && saslpasswd2 !== undefined) servers.set('-S', await startWithSasl())
})
afterAll(async () => {
  await Promise.all([...servers.values()].map(({ server }) => server.stop()))
  await directory.remove()
})

function guarded(flag: string): Guarded {
  const found = servers.get(flag)
  if (found === undefined) throw new Error(`no memcached with ${flag} runs`)
  return found
}

const settled = (calls: readonly Promise<unknown>[]): Promise<unknown[]> =>
  Promise.all(calls.map((call) => call.catch((error: unknown) => error)))

describe.each([
  ['-Y', 'auto'],
  ['-Y', 'meta'],
  ['-Y', 'classic'],
  ['-S', 'auto'],
  ['-S', 'binary'],
] as const)('a server with %s, by protocol %s,', (flag, protocol) => {
  const canRun = flag === '-Y' ? serversAreControllable : saslpasswd2 && serversAreProcesses

  test.skipIf(!canRun)('lets in who knows the password, on every connection', async () => {
    const { server, username } = guarded(flag)
    await using proxy = await startProxy(server.address)
    await using cache = new MemcacheClient({
      servers: proxy.address,
      protocol,
      auth: { username, password: PASSWORD },
      timeout: 10_000,
    })
    await cache.connect()
    const first = proxy.connections
    // What piles up before one connection sends the next call to another.
    proxy.stall('toServer')
    const value = Buffer.alloc(800_000, 1)
    const stored = Array.from({ length: 20 }, (_, at) => cache.set(`large:${at}`, value))
    // The first batch leaves once the idle connection was read.
    await waitFor(() => {
      stored.push(cache.set('a', 4))
      return proxy.connections > first
    })
    proxy.resume()
    expect(await Promise.all(stored)).not.toContain(false)
    expect(await cache.get('a')).toBe(4)
    // A handshake that comes twice would have stored the password.
    expect(await cache.get('authentication')).toBeUndefined()
  })

  test.skipIf(!canRun)('takes a name and password from the URL and from an object', async () => {
    const { server, username } = guarded(flag)
    const login = `${encodeURIComponent(username)}:${encodeURIComponent(PASSWORD)}`
    const { host, port } = server
    for (const one of [
      `memcached://${login}@${server.address}`,
      { host, port, username, password: PASSWORD },
    ]) {
      await using cache = new MemcacheClient({
        servers: [one],
        protocol,
        // What the server has of its own comes first.
        auth: { username: 'other', password: WRONG },
      })
      expect(await cache.set('a', 'é')).toBe(true)
      expect(cache.serverFor('a')).toBe(server.address)
    }
  })

  test.skipIf(!canRun)('fails every call of who does not know it, at once', async () => {
    const { server, username } = guarded(flag)
    await using proxy = await startProxy(server.address)
    await using cache = new MemcacheClient({
      servers: proxy.address,
      protocol,
      auth: { username, password: WRONG },
      timeout: 20_000,
    })
    const events: unknown[] = []
    cache.on('server:down', (event) => events.push(event))
    const started = performance.now()
    const calls = Array.from({ length: 50 }, (_, index) => [
      cache.get(`key:${index}`),
      cache.set(`key:${index}`, index),
    ])
    const errors = await settled([cache.connect(), cache.getMany(['a', 'b']), ...calls.flat()])
    for (const error of errors) {
      expect(error).toBeInstanceOf(AuthenticationError)
      expect(error).toMatchObject({ code: 'ERR_MEMCACHE_AUTHENTICATION', server: proxy.address })
    }
    expect(performance.now() - started).toBeLessThan(10_000)
    // Callers that go on and on meet the server's rest, not the server.
    const until = performance.now() + 300
    while (performance.now() < until) {
      expect(await cache.get('a').catch((error: unknown) => error)).toBeInstanceOf(
        AuthenticationError,
      )
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(proxy.connections).toBeLessThan(30)
    expect(events).toEqual([{ server: proxy.address, error: expect.any(AuthenticationError) }])
    const all = [...errors, ...events, cache, await cache.stats()]
    const shown = all
      .map((thing) => `${inspect(thing, { depth: 20, showHidden: true })} ${JSON.stringify(thing)}`)
      .join('\n')
    expect(shown).not.toContain(WRONG)
    expect(shown).not.toContain(Buffer.from(WRONG).toString('base64'))
  })

  test.skipIf(!canRun)('is shown the password anew by a new connection', async () => {
    const { server, username } = guarded(flag)
    await using proxy = await startProxy(server.address)
    await using cache = new MemcacheClient({
      servers: proxy.address,
      protocol,
      auth: { username, password: PASSWORD },
    })
    await cache.set('a', 1)
    proxy.cut()
    await waitFor(() => proxy.open === 0)
    expect(await cache.get('a')).toBe(1)
    expect(proxy.connections).toBeGreaterThanOrEqual(2)
  })
})

describe.skipIf(!serversAreControllable)('a text server with a password', () => {
  test.each(['auto', 'meta', 'classic'] as const)(
    'fails who shows none by an AuthenticationError (%s)',
    async (protocol) => {
      const { server } = guarded('-Y')
      await using cache = new MemcacheClient({ servers: server.address, protocol })
      const errors = await settled([cache.set('a', 'a b'), cache.get('a'), cache.delete('a')])
      for (const error of errors) {
        expect(error).toMatchObject({
          code: 'ERR_MEMCACHE_AUTHENTICATION',
          server: server.address,
        })
      }
    },
  )

  test('the handshake of -Y', async () => {
    const { address } = guarded('-Y').server
    await worksWith({ servers: `memcached://user:${encodeURIComponent(PASSWORD)}@${address}` })
    await expect(worksWith({ servers: address })).rejects.toMatchObject({
      code: 'ERR_MEMCACHE_AUTHENTICATION',
    })
  })

  test('is told apart by the binary protocol at once', async () => {
    const { server, username } = guarded('-Y')
    const auth = { username, password: PASSWORD }
    await using cache = new MemcacheClient({
      servers: server.address,
      protocol: 'binary',
      auth,
      timeout: 20_000,
    })
    const started = performance.now()
    await expect(cache.get('a')).rejects.toMatchObject({ code: 'ERR_MEMCACHE_PROTOCOL' })
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  test('is reached over TLS', async () => {
    await using certificates = await makeCertificates()
    const { key, cert } = certificates.server
    const args = ['-Z', '-o', `ssl_chain_cert=${cert},ssl_key=${key}`]
    const file = join(certificates.directory, 'users')
    await writeFile(file, `user:${PASSWORD}\n`)
    await using server = await startMemcached({
      args: ['-Y', file, ...args],
      directories: [certificates.directory],
    })
    await using cache = new MemcacheClient({
      servers: `memcacheds://user:${encodeURIComponent(PASSWORD)}@${server.address}`,
      tls: { ca: await readFile(certificates.ca) },
    })
    expect(await cache.set('a', 1)).toBe(true)
  })
})

test.for(spoken(['auto', 'meta', 'classic', 'binary']))(
  'a server that asks for no password is not sent one in text, and is an error (%s)',
  async (protocol, { server }) => {
    await using proxy = await startProxy(server.address)
    const auth = { username: 'user', password: PASSWORD }
    await using cache = new MemcacheClient({ servers: proxy.address, protocol, auth })
    await expect(cache.get('a')).rejects.toMatchObject({
      code: 'ERR_MEMCACHE_AUTHENTICATION',
      message: expect.stringContaining('asks for no password'),
    })
    await using open = new MemcacheClient(server.address)
    expect(await open.get('authentication')).toBeUndefined()
  },
)

test.each(['auto', 'meta', 'classic', 'binary'] as const)(
  'a server that says nothing to a password ends calls in time, and one that lies too (%s)',
  async (protocol) => {
    const auth = { username: 'user', password: WRONG }
    const options: MemcacheOptions = { protocol, auth, timeout: 200, connectTimeout: 200 }
    for (const reply of ['', 'STORED\r\n', `SERVER_ERROR ${WRONG}\r\n`, `${WRONG}\r\n`]) {
      await using server = await startFakeServer((socket) => {
        socket.on('data', () => socket.write(reply))
      })
      await using cache = new MemcacheClient({ ...options, servers: server.address })
      const started = performance.now()
      const [error] = await settled([cache.get('a')])
      expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_MEMCACHE_/) })
      expect(performance.now() - started).toBeLessThan(5_000)
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(WRONG)
    }
  },
)

test('invalid credentials are refused before anything is sent', () => {
  const of = (username: unknown, password: unknown, protocol?: MemcacheOptions['protocol']) => () =>
    new MemcacheClient({
      servers: 'localhost',
      protocol,
      auth: { username, password } as MemcacheOptions['auth'],
    })
  for (const [username, password] of [
    ['', WRONG],
    ['user', ''],
    [undefined, WRONG],
    ['user', undefined],
    ['us\0er', WRONG],
    ['user', `${WRONG}\0`],
    [1, WRONG],
  ]) {
    expect(of(username, password)).toThrow(TypeError)
    expect(of(username, password)).not.toThrow(WRONG)
  }
  for (const protocol of ['meta', 'classic'] as const) {
    for (const username of ['us er', 'user\r\nflush_all', 'us:er']) {
      expect(of(username, WRONG, protocol)).toThrow(TypeError)
      expect(of(username, WRONG, protocol)).not.toThrow(WRONG)
    }
  }
  for (const url of [`memcached://user@localhost`, `memcached://:${WRONG}@localhost`]) {
    expect(() => new MemcacheClient(url)).toThrow(TypeError)
    expect(() => new MemcacheClient(url)).not.toThrow(WRONG)
  }
})

test('nothing is sent behind a password before the server has taken it', async () => {
  let early = 0
  let taken = false
  await using silent = await startFakeServer((socket) => {
    socket.on('data', async (packets) => {
      if (!taken) early += packets.length
      const answer = Buffer.alloc(24)
      answer[0] = 0x81
      answer[1] = packets[1] as number
      packets.copy(answer, 12, 12, 16)
      if (!taken) await sleep(200)
      taken = true
      socket.write(answer)
    })
  })
  const auth = { username: 'user', password: 'secret' }
  await using cache = new MemcacheClient({ servers: silent.address, protocol: 'binary', auth })
  const calls = Promise.allSettled([cache.set('a', 1), cache.set('b', 2)])
  await sleep(150)
  // Header, the mechanism PLAIN, and what it says: the password's packet alone.
  expect(early).toBe(24 + 'PLAIN'.length + '\0user\0secret'.length)
  await cache.close().catch(() => {})
  await calls
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
  await using cache = new MemcacheClient({ servers: server.address, protocol: 'binary', auth })
  await cache.set('a', 1)
  expect(told[0]?.subarray(24).toString()).toBe('PLAIN\0user\0secret')
})
