import type { MemcacheClient } from '@glammp/memcache'

/** A command of one key at least. */
export type Call = (cache: MemcacheClient) => Promise<unknown>
/** By their names: the commands about the key `bad` that are one line. */
export const WITHOUT_BLOCK: Readonly<Record<string, Call>> = {
  get: (cache) => cache.get('bad'),
  gets: (cache) => cache.gets('bad'),
  getMany: (cache) => cache.getMany(['fine', 'bad']),
  getsMany: (cache) => cache.getsMany(['fine', 'bad']),
  getAndTouch: (cache) => cache.getAndTouch('bad', 5),
  touch: (cache) => cache.touch('bad', 5),
  delete: (cache) => cache.delete('bad'),
  increment: (cache) => cache.increment('bad'),
}

/** The commands about the key `bad` of which a value follows the line. */
export const WITH_BLOCK: Readonly<Record<string, Call>> = {
  set: (cache) => cache.set('bad', 1),
  add: (cache) => cache.add('bad', 1),
  append: (cache) => cache.append('bad', '1'),
  cas: (cache) => cache.cas('bad', 1, '5'),
  setMany: (cache) => cache.setMany({ bad: 1 }),
}
