import { MemcacheClient } from '@glammp/memcache'
import { test as base, type TestAPI } from 'vitest'
import { type MemcachedServer, startMemcached } from './memcached.js'

/** What the tests of one file share. */
interface Shared {
  readonly server: MemcachedServer
  readonly cache: MemcacheClient
  /** As `cache`, in place of another process. */
  readonly other: MemcacheClient
  /** Three more, without `server`. */
  readonly servers: readonly MemcachedServer[]
  readonly addresses: readonly string[]
}

/**
 * `test` with memcached servers and what is connected to them. Each is started for the first test or hook
 * of a file that names it, and closed after the last test of the file, the servers at the end.
 */
export const test: TestAPI<Shared & { readonly $__file?: Shared }> = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names in the pattern
  .extend('server', { scope: 'file' }, async ({}, { onCleanup }) => {
    const server = await startMemcached()
    onCleanup(() => server.stop())
    return server
  })
  .extend('cache', { scope: 'file' }, ({ server }, { onCleanup }) => {
    const cache = new MemcacheClient(server.address)
    onCleanup(() => cache.close())
    return cache
  })
  .extend('other', { scope: 'file' }, ({ server }, { onCleanup }) => {
    const other = new MemcacheClient(server.address)
    onCleanup(() => other.close())
    return other
  })
  // biome-ignore lint/correctness/noEmptyPattern: as above
  .extend('servers', { scope: 'file' }, async ({}, { onCleanup }) => {
    const servers = await Promise.all([startMemcached(), startMemcached(), startMemcached()])
    onCleanup(async () => {
      await Promise.all(servers.map((server) => server.stop()))
    })
    return servers as readonly MemcachedServer[]
  })
  .extend(
    'addresses',
    { scope: 'file' },
    ({ servers }) => servers.map(({ address }) => address) as readonly string[],
  )
