import { loadPeer } from '../peers.js'
import type { CacheSubject } from '../subject.js'

interface MemjsClient {
  get(key: string): Promise<{ value: Buffer | null }>
  set(key: string, value: string | Buffer, options: { expires: number }): Promise<boolean>
  close(): void
}
interface Memjs {
  Client: { create(servers: string, options: object): MemjsClient }
}

export async function open(servers: readonly string[]): Promise<CacheSubject> {
  const { Client } = loadPeer<Memjs>('memjs')
  const client = Client.create(servers.join(), { timeout: 5 })
  return {
    // Text in, text out, as the others have it; objects by JSON, which users write themselves.
    get: async (key) => {
      const { value } = await client.get(key)
      const text = value?.toString()
      return text?.startsWith('{') ? (JSON.parse(text) as unknown) : text
    },
    set: (key, value) =>
      client.set(
        key,
        typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value),
        { expires: 0 },
      ),
    close: () => client.close(),
  }
}
