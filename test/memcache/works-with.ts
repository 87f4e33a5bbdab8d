import { MemcacheClient, type MemcacheOptions } from '@glammp/memcache'
import { expect } from 'vitest'

/** What every way to reach a server, and to talk to it, has to carry. */
export async function worksWith(options: MemcacheOptions): Promise<void> {
  await using cache = new MemcacheClient(options)
  expect(await cache.set('é', { nome: 'Ivo' }, 60)).toBe(true)
  expect(await cache.get('é')).toEqual({ nome: 'Ivo' })
  expect(await cache.delete('é')).toBe(true)
}
