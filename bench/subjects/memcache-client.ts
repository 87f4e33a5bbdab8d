import { loadPeer } from '../peers.js'
import type { CacheSubject } from '../subject.js'

interface Client {
  get(key: string | readonly string[]): Promise<unknown>
  set(key: string, value: unknown): Promise<unknown>
  shutdown(): void
}
interface ClientModule {
  MemcacheClient: new (options: {
    server: { servers: readonly { server: string; maxConnections: number }[] }
  }) => Client
}

export async function open(servers: readonly string[]): Promise<CacheSubject> {
  const { MemcacheClient } = loadPeer<ClientModule>('memcache-client')
  const list = servers.map((server) => ({ server, maxConnections: 4 }))
  const client = new MemcacheClient({ server: { servers: list } })
  return {
    get: (key) => client.get(key),
    set: (key, value) => client.set(key, value),
    getMany: (keys) => client.get(keys),
    close: () => client.shutdown(),
  }
}
