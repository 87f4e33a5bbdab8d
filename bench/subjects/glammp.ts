import type * as Memcache from '@glammp/memcache'
import { type OpenCache, packageUrl } from '../subject.js'

export const open: OpenCache = async (servers, checkout) => {
  const url = packageUrl('memcache', checkout)
  const { MemcacheClient } = (await import(url)) as typeof Memcache
  const client = new MemcacheClient({ servers, timeout: 5_000 })
  return {
    get: (key) => client.get(key),
    set: (key, value) => client.set(key, value),
    wrap: (key, load, options) => client.wrap(key, load, options),
    getMany: (keys) => client.getMany(keys),
    close: () => client.close(),
  }
}
