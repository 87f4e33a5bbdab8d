import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MemcacheClient, MemcacheError } from '@glammp/memcache'
import { expect, test } from 'vitest'
import { startMemcached } from '../support/memcached.js'
import { serversAreControllable } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'

const CALLERS = 200

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes of heap in use, after a collection. */
function heap(): number {
  collect()
  return process.memoryUsage().heapUsed
}

test.skipIf(!serversAreControllable)(
  `${CALLERS} callers over three servers, while one is killed and restarted twice`,
  { timeout: 60_000 },
  async () => {
    const servers = await Promise.all([startMemcached(), startMemcached(), startMemcached()])
    const cache = new MemcacheClient(servers.map(({ address }) => address))
    const unhandled: unknown[] = []
    const record = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', record)
    const counts = { hits: 0, misses: 0, failed: 0, wrong: 0 }
    let over = false
    const callers = Array.from({ length: CALLERS }, async (_, caller) => {
      for (let turn = 0; !over; turn += 1) {
        const key = `key:${(caller * 7 + turn) % 1_000}`
        const value = { key, text: 'v'.repeat(turn % 500) }
        try {
          if (turn % 5 === 0) await cache.set(key, value)
          const found = await cache.get<typeof value>(key)
          if (found === undefined) counts.misses += 1
          else if (found.key === key && /^v*$/.test(found.text)) counts.hits += 1
          else counts.wrong += 1
        } catch (error) {
          if (!(error instanceof MemcacheError)) throw error
          counts.failed += 1
          await sleep(1)
        }
      }
    })
    const [victim] = servers
    await sleep(3_000)
    const warm = heap()
    for (let kill = 0; kill < 2; kill += 1) {
      await victim?.kill()
      const before = counts.failed
      await waitFor(() => counts.failed > before + 100)
      await sleep(2_000)
      await victim?.restart()
      // It is used again while the others are.
      await waitFor(async () => !((await cache.version())[victim?.address ?? ''] instanceof Error))
      await sleep(2_000)
    }
    await waitFor(() => counts.hits > 10_000)
    over = true
    await Promise.all(callers)
    const after = heap()
    expect(await cache.set('end', 1)).toBe(true)
    await cache.close()
    await Promise.all(servers.map((server) => server.stop()))
    process.off('unhandledRejection', record)
    expect(counts.wrong).toBe(0)
    expect(counts.hits).toBeGreaterThan(10_000)
    expect(counts.failed).toBeGreaterThan(200)
    expect(unhandled).toEqual([])
    expect(after - warm).toBeLessThan(8_000_000)
  },
)
