import { MemcacheClient } from '@glammp/memcache'
import type { CacheSubject } from '../subject.js'

export async function open(servers: readonly string[]): Promise<CacheSubject> {
  const client = new MemcacheClient({ servers, timeout: 5_000 })
  return {
    get: (key) => client.get(key),
    set: (key, value) => client.set(key, value),
    getMany: (keys) => client.getMany(keys),
    close: () => client.close(),
  }
}
