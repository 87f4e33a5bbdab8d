import { pathToFileURL } from 'node:url'
import { resolvePeer } from '../peers.js'
import type { CacheSubject } from '../subject.js'

interface MemcacheClient {
  get(key: string): Promise<string | undefined>
  gets(keys: readonly string[]): Promise<Map<string, string>>
  set(key: string, value: string): Promise<boolean>
  disconnect(): Promise<void>
}
interface MemcacheModule {
  Memcache: new (options: { nodes: readonly string[]; timeout: number }) => MemcacheClient
}

export async function open(servers: readonly string[]): Promise<CacheSubject> {
  const path = resolvePeer('memcache')
  const { Memcache } = (await import(pathToFileURL(path).href)) as MemcacheModule
  // Its timeout is one of silence too: between turns the connection would go, and the next call hang.
  const client = new Memcache({ nodes: servers, timeout: 600_000 })
  return {
    get: async (key) => {
      const text = await client.get(key)
      return text?.startsWith('{') ? (JSON.parse(text) as unknown) : text
    },
    set: (key, value) => client.set(key, typeof value === 'string' ? value : JSON.stringify(value)),
    getMany: (keys) => client.gets(keys),
    close: () => client.disconnect(),
  }
}
