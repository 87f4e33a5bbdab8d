import { setTimeout as sleep } from 'node:timers/promises'
import { MemcacheClient, type WrapOptions } from '@glammp/memcache'
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { test } from '../support/memcache.js'
import { spoken } from '../support/server-source.js'

/** What a run does, one after the other; loads go on meanwhile. */
type Step =
  | { readonly do: 'wrap'; readonly by: 0 | 1; readonly takes: number }
  | { readonly do: Write; readonly by: 0 | 1 }
  | { readonly do: 'pause'; readonly takes: number }

type Write =
  | 'set'
  | 'add'
  | 'replace'
  | 'append'
  | 'touch'
  | 'getAndTouch'
  | 'delete'
  | 'deleteMany'
  | 'invalidate'
  | 'tag'
  | 'flushAll'
const writes: readonly Write[] = [
  'set',
  'add',
  'replace',
  'append',
  'touch',
  'getAndTouch',
  'delete',
  'deleteMany',
  'invalidate',
  'tag',
  'flushAll',
]

const DECISIVE: ReadonlySet<Write> = new Set([
  'set',
  'delete',
  'deleteMany',
  'invalidate',
  'flushAll',
])

const by = fc.constantFrom<0 | 1>(0, 1)
const takes = fc.integer({ min: 0, max: 6 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('wrap' as const), by, takes }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom(...writes), by }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pause' as const), takes }) },
)

describe.each(spoken(['meta', 'classic', 'binary']))('whatever the order on %s', (protocol) => {
  test.for([{}, { refreshAhead: 599 }, { stale: 60 }, { tags: ['t'] }] as WrapOptions[])(
    'what is stored in the end is never older than a write that was acknowledged: %o',
    async (more, { server }) => {
      const options: WrapOptions = { ttl: 600, ...more }
      const settings = { servers: server.address, protocol, timeout: 20_000 } as const
      const open = (): MemcacheClient => new MemcacheClient(settings)
      await using reader = open()
      let runs = 0
      const run = async (steps: readonly Step[]): Promise<void> => {
        await using first = open()
        await using second = open()
        const clients = [first, second] as const
        runs += 1
        const key = `${protocol}:${JSON.stringify(more)}:${runs}`
        /** What the database says. */
        let row = 1
        const asked: Promise<unknown>[] = []
        for (const each of steps) {
          if (each.do === 'pause') {
            await sleep(each.takes)
          } else if (each.do === 'wrap') {
            const load = async (): Promise<string> => {
              const read = `row ${row}`
              await sleep(each.takes)
              return read
            }
            asked.push(clients[each.by].wrap(key, load, options))
          } else {
            row += 1
            await write(clients[each.by], each.do, key, `row ${row}`)
          }
        }
        await Promise.all(asked)
        // Loads in the background are over, and what one stored across a flush is removed.
        await Promise.all([first.close(), second.close()])
        const value = await reader.wrap(key, () => `row ${row}`, { ...options, refreshAhead: 0 })
        const stored = String(value).replace(/x+$/, '')
        const tagged = options.tags !== undefined
        expect(Number(stored.slice(4))).toBeGreaterThanOrEqual(lastOf(steps, tagged))
      }
      const lists = fc.array(step, { minLength: 4, maxLength: 24 })
      await fc.assert(fc.asyncProperty(lists, run), {
        numRuns: 40,
        endOnFailure: true,
        includeErrorInReport: true,
      })
    },
  )
})

/** The row of the last write after which no older one may be found: of `add` and `replace` that depends. */
function lastOf(steps: readonly Step[], tagged: boolean): number {
  let row = 1
  let last = 1
  // memcached forgets the mark of an item that something is appended to.
  let unmarked: number | undefined
  for (const { do: what } of steps) {
    if (what === 'wrap' || what === 'pause') continue
    row += 1
    if (what === 'append') last = unmarked ?? last
    if (!DECISIVE.has(what) && !(what === 'tag' && tagged)) continue
    unmarked = what === 'invalidate' ? (unmarked ?? last) : undefined
    last = row
  }
  return last
}

async function write(
  client: MemcacheClient,
  how: Write,
  key: string,
  value: string,
): Promise<unknown> {
  switch (how) {
    case 'set':
    case 'add':
    case 'replace':
      // Less than `refreshAhead` says: the next wrap computes it anew in the background.
      return client[how](key, value, 300)
    case 'append':
      return client.append(key, 'x')
    case 'touch':
    case 'getAndTouch':
      return client[how](key, 300)
    case 'tag':
      return client.tag('t').invalidate()
    case 'deleteMany':
      return client.deleteMany([key])
    case 'flushAll':
      return client.flushAll()
    default:
      return client[how](key)
  }
}
