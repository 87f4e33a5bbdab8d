import { setTimeout as sleep } from 'node:timers/promises'
import { MemcacheClient } from '@glammp/memcache'
import { waitFor } from '../support/wait.js'

/**
 * Waits until the value that `wrap` has just stored is past its ttl, by the clock of this process and by that of the
 * server, which moves once a second, or later on a busy machine.
 */
export async function pastEnd(
  cache: MemcacheClient,
  key: string,
  { ttl, stale }: { readonly ttl: number; readonly stale: number },
  namespace = '',
): Promise<void> {
  await using meta = new MemcacheClient({ servers: cache.servers, protocol: 'meta', namespace })
  await sleep((ttl + 1) * 1_000)
  await waitFor(async () => ((await meta.inspect(key))?.ttl ?? 0) < stale, {
    what: `the end of the ttl of ${key}`,
  })
}
