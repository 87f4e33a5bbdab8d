import { pathToFileURL } from 'node:url'
import { resolvePeer } from '../peers.js'
import type { CacheSubject } from '../subject.js'

interface Cacheable {
  get(key: string): Promise<unknown>
  set(key: string, value: unknown): Promise<unknown>
  getOrSet(key: string, load: () => unknown, options: { ttl: number }): Promise<unknown>
  disconnect(): Promise<void>
}
interface Modules {
  cacheable: { Cacheable: new (options: { primary: object }) => Cacheable }
  keyv: { Keyv: new (options: { store: object }) => object }
  '@keyv/memcache': { KeyvMemcache: new (server: string) => object }
}

async function load<Name extends keyof Modules>(name: Name): Promise<Modules[Name]> {
  return (await import(pathToFileURL(resolvePeer(name)).href)) as Modules[Name]
}

/** Without a store in the process: what many processes share, as ours. */
export async function open([server = '']: readonly string[]): Promise<CacheSubject> {
  const { Cacheable } = await load('cacheable')
  const { Keyv } = await load('keyv')
  const { KeyvMemcache } = await load('@keyv/memcache')
  const primary = new Keyv({ store: new KeyvMemcache(server) })
  const cache = new Cacheable({ primary })
  return {
    get: (key) => cache.get(key),
    set: (key, value) => cache.set(key, value),
    wrap: (key, compute, { ttl }) => cache.getOrSet(key, compute, { ttl: ttl * 1_000 }),
    close: () => cache.disconnect(),
  }
}
