import type { ServerAddress } from '@glammp/wire'
import type { Distribution } from './distribution.js'

/**
 * Hash modulo number of servers, as libmemcached and PHP's memcached do by default: weights are
 * ignored, and nearly every key moves when the number of servers changes.
 */
export function modula(servers: readonly ServerAddress[]): Distribution {
  const count = servers.length
  return { pick: (key) => oneAtATime(key) % count }
}

/** Jenkins' one-at-a-time as in libmemcached: it adds bytes as C's signed `char`. */
export function oneAtATime(key: string): number {
  let hash = 0
  for (let at = 0; at < key.length; at += 1) {
    hash = (hash + ((key.charCodeAt(at) << 24) >> 24)) | 0
    hash = (hash + (hash << 10)) | 0
    hash ^= hash >>> 6
  }
  hash = (hash + (hash << 3)) | 0
  hash ^= hash >>> 11
  return (hash + (hash << 15)) >>> 0
}
