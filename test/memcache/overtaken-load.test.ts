import { MemcacheClient } from '@glammp/memcache'
import { afterAll, describe, expect } from 'vitest'
import { held } from '../support/held.js'
import { test } from '../support/memcache.js'
import { spoken } from '../support/server-source.js'
import { waitFor } from '../support/wait.js'
import { pastEnd } from './past-end.js'

type Act = (other: MemcacheClient, key: string) => Promise<unknown>

/** Each stores an item that has ended, or soon will. */
const short: readonly (readonly [string, Act])[] = [
  ['set for a second', (other, key) => other.set(key, 'new', 1)],
  ['set to end in the past', (other, key) => other.set(key, 'new', new Date(0))],
  ['add', (other, key) => other.add(key, 'new', { ttl: 1 })],
  ['setMany', (other, key) => other.setMany({ [key]: 'new' }, 1)],
  ['increment', (other, key) => other.increment(key, 1, { initial: 1, ttl: 1 })],
  [
    'cas',
    async (other, key) => {
      await other.set(key, 'first', 1)
      const { cas = '0' } = (await other.gets(key)) ?? {}
      await other.cas(key, 'new', cas, 1)
    },
  ],
  [
    'replace',
    async (other, key) => {
      await other.set(key, 'first', 600)
      await other.replace(key, 'new', 1)
    },
  ],
]

describe.each(spoken(['meta', 'classic', 'binary']))('a load on %s', (protocol) => {
  let cache: MemcacheClient
  let other: MemcacheClient
  test.beforeAll(({ server }) => {
    cache = new MemcacheClient({ servers: server.address, protocol })
    other = new MemcacheClient({ servers: server.address, protocol })
  })
  afterAll(() => Promise.all([cache.close(), other.close()]))

  test('is not stored over what was stored meanwhile, and has ended', async () => {
    const each = async ([name, act]: readonly [string, Act]): Promise<string> => {
      const key = `${protocol}:short:${name.replaceAll(' ', '-')}`
      const hold = held()
      const asked = cache.wrap(key, hold.load, { ttl: 60 })
      await hold.begun
      await act(other, key)
      await waitFor(async () => (await other.get(key)) === undefined)
      hold.end('old')
      expect(await asked).toBe('old')
      return `${name}: ${await other.get(key)}`
    }
    expect(await Promise.all(short.map(each))).toEqual(short.map(([name]) => `${name}: undefined`))
  })

  test('is let alone by what was not stored', async () => {
    const key = `${protocol}:not-stored`
    const hold = held()
    const asked = cache.wrap(key, hold.load, { ttl: 60 })
    await hold.begun
    expect(await other.replace(key, 'new', 1)).toBe(false)
    expect(await other.cas(key, 'new', '5', 1)).toBe('missing')
    hold.end('loaded')
    await asked
    expect(await other.get(key)).toBe('loaded')
  })

  test('hears of a client that writes the namespace as part of the key', async ({ server }) => {
    await using inside = new MemcacheClient({
      servers: server.address,
      protocol,
      namespace: 'app:',
    })
    for (const name of ['short', 'long'.repeat(40), 'ação', Buffer.from([0, 1, 2])]) {
      if (protocol === 'classic' && typeof name !== 'string') continue
      const hold = held()
      const asked = inside.wrap(name, hold.load, { ttl: 60 })
      await hold.begun
      const whole =
        typeof name === 'string' ? `app:${name}` : Buffer.concat([Buffer.from('app:'), name])
      expect(await other.delete(whole)).toBe(false)
      hold.end('old')
      await asked
      expect(await other.get(whole)).toBeUndefined()
    }
  })
})

describe('the meta commands', () => {
  let cache: MemcacheClient
  let other: MemcacheClient
  test.beforeAll(({ server }) => {
    cache = new MemcacheClient({ servers: server.address, protocol: 'meta' })
    other = new MemcacheClient({ servers: server.address, protocol: 'meta' })
  })
  afterAll(() => Promise.all([cache.close(), other.close()]))

  test.each(['', 'I T30'])(
    'that delete (%j) keep a load from being stored after them',
    async (flags) => {
      const key = `meta:delete:${flags.length}`
      const hold = held()
      const asked = cache.wrap(key, hold.load, { ttl: 60 })
      await hold.begun
      expect((await other.meta.delete(key, flags)).status).toBe('missing')
      hold.end('old')
      await asked
      expect(await other.get(key)).toBeUndefined()
    },
  )

  test('that touch do so as well, of an item that is there', async ({ server }) => {
    const loader = new MemcacheClient({ servers: server.address, protocol: 'meta' })
    const options = { ttl: 1, stale: 600 }
    await loader.wrap('meta:touch', () => 'old', options)
    await pastEnd(other, 'meta:touch', options)
    const hold = held()
    await loader.wrap('meta:touch', hold.load, options)
    await hold.begun
    expect((await other.meta.get('meta:touch', 'v T500')).status).toBe('found')
    hold.end('loaded')
    await loader.close()
    expect(await other.get('meta:touch')).toBe('old')
  })

  test('that found nothing, or only read, leave a load alone', async () => {
    const hold = held()
    const asked = cache.wrap('meta:alone', hold.load, { ttl: 60 })
    await hold.begun
    await other.meta.get('meta:alone', 'v t')
    await other.meta.get('meta:alone', 'v T500')
    await other.meta.delete('meta:alone', 'C5')
    hold.end('loaded')
    await asked
    expect(await other.get('meta:alone')).toBe('loaded')
  })
})
