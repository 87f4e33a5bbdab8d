import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MemcacheClient } from '@glammp/memcache'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MemcachedServer, startMemcached } from '../support/memcached.js'
import { isUnpacked } from '../support/releases.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { testCommands } from './command-suite.js'
import { failsAlone } from './unknown-command.js'

const LACKS = ['flushAll', 'servers', 'stats', 'verbosity'] as const

const pool = (name: string, servers: readonly MemcachedServer[]): string => {
  const backends = servers.map(({ address }) => `"${address}"`).join(', ')
  return `  ${name} = { backends = { ${backends} } },`
}

/** Where memcached's own library of routes sends keys: those that begin with `second/` to another pool. */
const routes = (first: readonly MemcachedServer[], second: readonly MemcachedServer[]): string =>
  [
    'pools{',
    pool('first', first),
    second.length > 0 ? pool('second', second) : '',
    '}',
    'routes{',
    second.length > 0 ? '  map = { second = route_direct{ child = "second" } },' : '',
    '  default = route_direct{ child = "first" },',
    '}',
  ].join('\n')

describe.each(['trixie', 'sid'])('the proxy in memcached of Debian %s', (release) => {
  describe.skipIf(!isUnpacked(release)).each([1, 2])('with %i pools', (pools) => {
    const undo: (() => unknown)[] = []
    let address = ''
    let second: MemcachedServer | undefined

    beforeAll(async () => {
      const servers = await Promise.all(
        Array.from({ length: 3 }, () => startMemcached({ release })),
      )
      undo.push(() => Promise.all(servers.map((server) => server.stop())))
      second = servers[2] as MemcachedServer
      const directory = await temporaryDirectory()
      undo.push(directory.remove)
      const file = join(directory.path, 'routes.lua')
      const [first, others] = pools === 1 ? [servers, []] : [servers.slice(0, 2), [second]]
      await writeFile(file, routes(first, others))
      const proxy = await startMemcached({
        release,
        args: ['-o', `proxy_config=routelib,proxy_arg=${file}`],
      })
      undo.push(proxy.stop.bind(proxy))
      address = proxy.address
    })
    afterAll(async () => {
      for (const step of undo.reverse()) await step()
    })

    for (const protocol of ['auto', 'meta', 'classic'] as const) {
      const name = `${protocol} through the proxy of ${release} to ${pools}`
      testCommands(name, () => ({ servers: [address], protocol }), { lacks: LACKS })
      if (pools === 2) {
        const namespaced = () => ({ servers: [address], protocol, namespace: 'second/' })
        testCommands(`${name} by prefix`, namespaced, { lacks: LACKS })
      }

      test(`refuses what it does not know, which costs nobody else a call (${protocol})`, async () => {
        await using cache = new MemcacheClient({ servers: address, protocol })
        // 1.6.38 says that it does not know the command, 1.6.45 closes the connection.
        const refused =
          release === 'trixie'
            ? { code: 'ERR_MEMCACHE_CLIENT', message: expect.stringContaining('parsing request') }
            : { code: 'ERR_MEMCACHE_CONNECTION', message: expect.stringContaining('a proxy') }
        for (const unknown of [
          () => cache.flushAll(),
          () => cache.verbosity(1),
          () => cache.cacheMemoryLimit(64),
          () => cache.admin.lruMode('flat'),
        ]) {
          await failsAlone(cache, unknown, { [address]: refused })
        }
        const reading = cache.get('a')
        await expect(cache.keys().next()).rejects.toMatchObject({ code: refused.code })
        expect(await reading).toBe(2)
      })

      test(`tells of itself by version and stats (${protocol})`, async () => {
        await using cache = new MemcacheClient({ servers: address, protocol })
        expect(await cache.version()).toMatchObject({ [address]: expect.stringMatching(/^1\.6\./) })
        expect(await cache.stats()).toMatchObject({ [address]: { threads: expect.any(Number) } })
        expect(await cache.stats('settings')).toMatchObject({
          [address]: { proxy_enabled: expect.anything() },
        })
      })

      test(`lets one of many compute (${protocol})`, async () => {
        await using cache = new MemcacheClient({ servers: address, protocol })
        await using other = new MemcacheClient({ servers: address, protocol })
        const key = `wrap:${protocol}`
        let computed = 0
        const load = async (): Promise<number> => {
          computed += 1
          return computed
        }
        const clients = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? cache : other))
        const values = await Promise.all(clients.map((one) => one.wrap(key, load, { ttl: 60 })))
        expect(new Set(values)).toEqual(new Set([1]))
        expect(await cache.invalidate(key)).toBe(true)
        expect(await other.wrap(key, load, { ttl: 60 })).toBe(2)
        expect(await cache.delete(key)).toBe(true)
      })
    }

    test.skipIf(pools === 1)('sends keys by their prefix', async () => {
      await using cache = new MemcacheClient(address)
      await using direct = new MemcacheClient((second as MemcachedServer).address)
      await cache.set('second/key', 'there')
      await cache.set('first/key', 'elsewhere')
      expect(await direct.get('second/key')).toBe('there')
      expect(await direct.get('first/key')).toBeUndefined()
    })
  })
})
