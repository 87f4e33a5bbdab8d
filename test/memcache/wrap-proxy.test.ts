import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MemcacheClient } from '@glammp/memcache'
import { afterAll, describe, expect } from 'vitest'
import { findProgram } from '../../scripts/programs.mjs'
import { held } from '../support/held.js'
import { test } from '../support/memcache.js'
import { reservePort } from '../support/ports.js'
import { startProcess } from '../support/process.js'
import { temporaryDirectory } from '../support/temporary-directory.js'
import { waitFor } from '../support/wait.js'

const nutcracker = findProgram('nutcracker')

// Behind a proxy the lock of a key may live on another server than the key.
describe.skipIf(nutcracker === undefined)('cache-aside through twemproxy', () => {
  const undo: (() => unknown)[] = []
  let cache: MemcacheClient
  let other: MemcacheClient
  test.beforeAll(async ({ addresses }) => {
    const ports = await Promise.all([reservePort(), reservePort()])
    undo.push(...ports.map(({ release }) => release))
    const [port, statsPort] = ports.map((reservation) => String(reservation.port))
    const directory = await temporaryDirectory()
    undo.push(directory.remove)
    const file = join(directory.path, 'nutcracker.yml')
    const lines = addresses.map((address) => `   - ${address}:1\n`)
    await writeFile(file, `pool:\n  listen: 127.0.0.1:${port}\n  servers:\n${lines.join('')}`)
    // Its usual place for a log is root's.
    const log = join(directory.path, 'log')
    const args = ['-c', file, '-s', String(statsPort), '-o', log]
    const proxy = startProcess(nutcracker as string, args)
    undo.push(() => proxy.kill('SIGKILL'))
    cache = new MemcacheClient(`127.0.0.1:${port}`)
    other = new MemcacheClient(`127.0.0.1:${port}`)
    await waitFor(() => cache.set('ready', 1))
  })
  afterAll(async () => {
    await Promise.all([cache.close(), other.close()])
    for (const step of undo.reverse()) await step()
  })

  test('one process loads a key, many keys, and keys with tags', async () => {
    const keys = Array.from({ length: 100 }, (_, index) => `key:${index}`)
    for (const tags of [[], ['a', 'b']]) {
      const loaded: string[] = []
      const load = async (missing: string[]): Promise<string[]> => {
        loaded.push(...missing)
        await sleep(200)
        return missing.map(() => 'value')
      }
      const options = { ttl: 60, stale: 60, tags }
      const clients = [cache, other]
      const found = await Promise.all(clients.map((each) => each.wrapMany(keys, load, options)))
      expect(found.map((values) => values.size)).toEqual([100, 100])
      expect(loaded.sort()).toEqual([...keys].sort())
      await Promise.all(keys.map((key) => cache.invalidate(key)))
      expect(await other.getMany(keys)).toEqual(new Map())
    }
  })

  test('a value that was invalidated while it was loaded is not stored', async () => {
    const loading = held()
    const asked = cache.wrap('overtaken', loading.load)
    await loading.begun
    await other.invalidate('overtaken')
    loading.end('old')
    expect(await asked).toBe('old')
    expect(await other.get('overtaken')).toBeUndefined()
  })

  test('a tag invalidates', async () => {
    await cache.wrap('tagged', () => 'old', { tags: ['t'] })
    await other.tag('t').invalidate()
    expect(await cache.wrap('tagged', () => 'new', { tags: ['t'] })).toBe('new')
  })
})
