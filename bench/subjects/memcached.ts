import { promisify } from 'node:util'
import { loadPeer } from '../peers.js'
import type { CacheSubject } from '../subject.js'

interface MemcachedClient {
  get(key: string, done: (error: unknown, value: unknown) => void): void
  getMulti(keys: readonly string[], done: (error: unknown, values: unknown) => void): void
  set(key: string, value: unknown, ttl: number, done: (error: unknown, ok: unknown) => void): void
  end(): void
}

export async function open(servers: readonly string[]): Promise<CacheSubject> {
  const Memcached =
    loadPeer<new (servers: readonly string[], options: object) => MemcachedClient>('memcached')
  const client = new Memcached(servers, { timeout: 5_000, poolSize: 10 })
  const get = promisify(client.get.bind(client))
  const getMulti = promisify(client.getMulti.bind(client))
  const set = promisify(client.set.bind(client))
  return {
    get: (key) => get(key),
    set: (key, value) => set(key, value, 0),
    getMany: (keys) => getMulti(keys),
    close: () => client.end(),
  }
}
