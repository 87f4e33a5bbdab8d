import { MemcacheClient } from '@glammp/memcache'
import { startMemcached } from '../../support/memcached.js'
import type { Random } from '../random.js'
import type { Subject } from '../subject.js'

interface Program {
  readonly keys: readonly string[]
}

export const memcache: Subject<Program> = {
  name: 'memcache',
  draw: (random: Random) => ({ keys: random.times(random.between(1, 4), (at) => `key:${at}`) }),
  run: async ({ keys }) => {
    const server = await startMemcached()
    const cache = new MemcacheClient(server.address)
    const violations: string[] = []
    for (const key of keys) {
      await cache.set(key, key)
      if ((await cache.get(key)) !== key) violations.push(`${key} is not what was set`)
    }
    await cache.close()
    await server.stop()
    return { violations, figures: { operations: 2 * keys.length } }
  },
  smaller: ({ keys }) => keys.map((key) => ({ keys: keys.filter((other) => other !== key) })),
  print: ({ keys }) => keys.join(' '),
}
