import type { MemcacheClient } from '@glammp/memcache'
import { expect } from 'vitest'

/**
 * A command that a proxy does not know fails alone: neither calls beside it nor those of the same key
 * behind it are lost.
 */
export const failsAlone = async (
  cache: MemcacheClient,
  unknown: () => Promise<unknown>,
  failure: object,
): Promise<void> => {
  const [before, answer, read, counted] = await Promise.all([
    cache.set('a', 1),
    unknown(),
    cache.get('a'),
    cache.increment('a'),
  ])
  expect(answer).toMatchObject(failure)
  expect([before, read, counted]).toEqual([true, 1, 2])
}
