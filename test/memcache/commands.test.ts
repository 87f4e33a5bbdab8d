import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MemcacheClient, type MemcacheOptions } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Certificates, makeCertificates } from '../support/certificates.js'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { serversAreControllable, serversAreLocal, spoken } from '../support/server-source.js'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.js'
import { testCommands } from './command-suite.js'

const PROTOCOLS = spoken(['meta', 'classic', 'binary'])

let tcp: MemcachedServer[] = []
let tls: MemcachedServer[] = []
let unix: MemcachedServer[] = []
let certificates: Certificates | undefined
let directory: TemporaryDirectory | undefined
let ca: Buffer | undefined

beforeAll(async () => {
  tcp = await Promise.all([startMemcached(), startMemcached(), startMemcached()])
  if (serversAreControllable) {
    certificates = await makeCertificates()
    const { key, cert } = certificates.server
    const options = {
      args: ['-Z', '-o', `ssl_chain_cert=${cert},ssl_key=${key}`],
      directories: [certificates.directory],
    }
    tls = await Promise.all([startMemcached(options), startMemcached(options)])
    ca = await readFile(certificates.ca)
  }
  if (serversAreLocal) {
    directory = await temporaryDirectory()
    const socket = (name: string): string => join(directory?.path ?? '', `${name}.sock`)
    unix = await Promise.all([
      startMemcached({ socket: socket('one') }),
      startMemcached({ socket: socket('two') }),
    ])
  }
})
afterAll(async () => {
  await Promise.all([...tcp, ...tls, ...unix].map((server) => server.stop()))
  await Promise.all([certificates?.remove(), directory?.remove()])
})

const addresses = (servers: readonly MemcachedServer[]): string[] =>
  servers.map(({ address }) => address)

const overTcp = (): MemcacheOptions => ({ servers: addresses(tcp) })
const overTls = (): MemcacheOptions => ({ servers: addresses(tls), tls: { ca } })
const overUnix = (): MemcacheOptions => ({ servers: addresses(unix) })

testCommands('auto', overTcp)
testCommands('a namespace', () => ({ ...overTcp(), namespace: 'app:' }))

for (const protocol of PROTOCOLS) {
  testCommands(`${protocol} on TCP`, () => ({ ...overTcp(), protocol }), { protocol })
  describe.skipIf(!serversAreControllable)('encrypted', () => {
    testCommands(`${protocol} on TLS`, () => ({ ...overTls(), protocol }), { protocol })
  })
  describe.skipIf(!serversAreLocal)('on one machine', () => {
    testCommands(`${protocol} on a unix socket`, () => ({ ...overUnix(), protocol }), { protocol })
  })
}

test('getAndTouch lets an item live on, over every protocol', async () => {
  await Promise.all(
    PROTOCOLS.map(async (protocol) => {
      await using cache = new MemcacheClient({ ...overTcp(), protocol, namespace: protocol })
      await using meta = new MemcacheClient({ ...overTcp(), protocol: 'meta', namespace: protocol })
      await cache.set('a', { b: 1 }, 30)
      expect(await cache.getAndTouch('a', 0)).toEqual({ b: 1 })
      expect((await meta.inspect('a'))?.ttl).toBe(Infinity)
      expect(await cache.getAndTouch('a', 600)).toEqual({ b: 1 })
      expect((await meta.inspect('a'))?.ttl).toBeGreaterThan(500)
    }),
  )
})

test('two clients with different namespaces do not see each other', async () => {
  const [address] = addresses(tcp)
  await using one = new MemcacheClient({ servers: address as string, namespace: 'one:' })
  await using two = new MemcacheClient({ servers: address as string, namespace: 'two:' })
  await one.set('shared', 1)
  await two.set('shared', 2)
  expect(await one.get('shared')).toBe(1)
  expect(await two.get('shared')).toBe(2)
})

test('compare and swap', async () => {
  await using cache = new MemcacheClient(overTcp())
  await cache.set('cas', 1)
  const item = await cache.gets('cas')
  await cache.set('cas', 2)
  expect(await cache.cas('cas', 3, item?.cas ?? '')).toBe('exists')
  expect(await cache.cas('cas-missing', 3, '1')).toBe('missing')
})

test('get and touch', async () => {
  await using cache = new MemcacheClient(overTcp())
  await cache.set('touched', 'value', 5)
  expect(await cache.getAndTouch('touched', 1_000)).toBe('value')
  expect((await cache.inspect('touched'))?.ttl).toBeGreaterThan(900)
})
