import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MemcacheClient, type MemcacheOptions } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Certificates, makeCertificates } from '../support/certificates.js'
import {
  type MemcachedOptions,
  type MemcachedServer,
  startMemcached,
} from '../support/memcached.js'
import { isUnpacked, RELEASES, releaseProgram } from '../support/releases.js'
import { saslOptions } from '../support/sasl.js'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.js'
import { type Feature, testCommands } from './command-suite.js'

type Protocol = 'auto' | 'meta' | 'classic' | 'binary'

/** A way to start memcached that changes what clients see. */
interface Mode {
  readonly flags: string
  readonly protocols: readonly Protocol[]
  readonly lacks?: readonly Feature[]
  /** The first release whose memcached has it; else all have. */
  readonly since?: 'bookworm'
  readonly start?: (place: Place) => Promise<MemcachedOptions>
  readonly options?: (place: Place) => Promise<MemcacheOptions>
}

interface Place {
  readonly release: string
  readonly directory: string
  readonly certificates: Certificates
}

const PASSWORD = 'pa:55wörd'
const ALL: readonly Protocol[] = ['auto', 'meta', 'classic', 'binary']
const TEXT: readonly Protocol[] = ['auto', 'meta', 'classic']

const withFlags = (...args: string[]) => ({ start: async () => ({ args }) })

/** The database is the business of the release's own SASL: each has another format. */
const saslFor = async ({ release, directory }: Place): Promise<MemcachedOptions> => {
  const own = join(directory, release)
  await mkdir(own, { recursive: true })
  return saslOptions(releaseProgram(release, 'saslpasswd2') as string, own, PASSWORD)
}

let files = 0

const MODES: readonly Mode[] = [
  { flags: 'no flags', protocols: ALL },
  {
    flags: '-Z (TLS)',
    protocols: ALL,
    // Debian built it without TLS before.
    since: 'bookworm',
    start: async ({ certificates: { server } }) => ({
      args: ['-Z', '-o', `ssl_chain_cert=${server.cert},ssl_key=${server.key}`],
    }),
    options: async ({ certificates }) => ({ tls: { ca: await readFile(certificates.ca) } }),
  },
  {
    flags: '-S (SASL)',
    protocols: ['auto', 'binary'],
    start: saslFor,
    options: async () => ({ auth: { username: 'user@realm', password: PASSWORD } }),
  },
  {
    flags: '-Y (password file)',
    protocols: TEXT,
    start: async ({ directory }) => {
      const file = join(directory, 'users')
      await writeFile(file, `user:${PASSWORD}\n`)
      return { args: ['-Y', file] }
    },
    options: async () => ({ auth: { username: 'user', password: PASSWORD } }),
  },
  {
    flags: '-o ext_path (values on disk)',
    protocols: ALL,
    start: async ({ directory }) => {
      files += 1
      return { args: ['-o', `ext_path=${join(directory, `values-${files}`)}:64m,ext_item_age=0`] }
    },
  },
  // What is stored within a second after flush_all goes with it.
  { flags: '-C (no CAS)', protocols: ALL, lacks: ['cas', 'flushAll'], ...withFlags('-C') },
  { flags: '-X (no lists of keys)', protocols: ALL, ...withFlags('-X') },
  { flags: '-F (no flush_all)', protocols: ALL, lacks: ['flushAll'], ...withFlags('-F') },
  { flags: '-o no_modern', protocols: ALL, ...withFlags('-o', 'no_modern') },
  { flags: '-M (no eviction)', protocols: ALL, ...withFlags('-M') },
]

let directory: TemporaryDirectory
let certificates: Certificates

beforeAll(async () => {
  directory = await temporaryDirectory()
  certificates = await makeCertificates()
})
afterAll(() => Promise.all([directory.remove(), certificates.remove()]))

describe.skipIf(!isUnpacked('trixie'))('memcached 1.6.38', () => {
  test('would end at a slab class of 64, which it does not get', async () => {
    await using server = await startMemcached({ release: 'trixie' })
    await using cache = new MemcacheClient(server.address)
    await expect(cache.admin.slabsReassign(-1, 64)).rejects.toBeInstanceOf(RangeError)
    await expect(cache.admin.slabsReassign(64, 1)).rejects.toBeInstanceOf(RangeError)
    expect(await cache.admin.slabsReassign(1, 63)).toMatchObject({
      [server.address]: { code: 'ERR_MEMCACHE_SERVER' },
    })
    expect(await cache.set('a', 1)).toBe(true)
  })
})

describe.each(RELEASES)('memcached of Debian %s', (release) => {
  describe.skipIf(!isUnpacked(release))('is served', () => {
    const place = (): Place => ({ release, directory: directory.path, certificates })
    const before = RELEASES.indexOf(release) === 0

    for (const { flags, protocols, lacks = [], since, start, options } of MODES) {
      if (before && since !== undefined) continue
      describe(flags, () => {
        const servers: MemcachedServer[] = []
        let client: MemcacheOptions = {}
        beforeAll(async () => {
          for (const _ of 'ab') {
            servers.push(await startMemcached({ ...(await start?.(place())), release }))
          }
          client = { servers: servers.map(({ address }) => address), ...(await options?.(place())) }
        })
        afterAll(() => Promise.all(servers.map((server) => server.stop())))

        for (const protocol of protocols) {
          if (before && protocol === 'meta') {
            test('is told that this memcached is too old for meta, from the first change on', async () => {
              await using cache = new MemcacheClient({ ...client, protocol })
              const refused = {
                code: 'ERR_MEMCACHE_PROTOCOL',
                message: expect.stringContaining('lacks the meta commands of memcached 1.6.10'),
              }
              await expect(cache.set('a', 1)).rejects.toMatchObject(refused)
              // The connection is closed: the next one asks for the version first.
              for (const call of [cache.set('a', 1), cache.get('a'), cache.touch('a', 60)]) {
                await expect(call).rejects.toMatchObject({
                  ...refused,
                  message: expect.stringContaining('version 1.6.9'),
                })
              }
            })
            continue
          }
          testCommands(`${release} ${flags} ${protocol}`, () => ({ ...client, protocol }), {
            protocol: flags.startsWith('-S') ? 'binary' : protocol,
            lacks,
          })
        }
      })
    }
  })
})
