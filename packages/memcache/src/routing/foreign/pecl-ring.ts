import type { ServerAddress } from '@glammp/wire'
import { checksum } from '@glammp/wire'
import { Continuum } from '../continuum.js'
import type { Distribution } from '../distribution.js'

const POINTS = 160
const BUCKETS = 1_024
const STEP = Math.floor(0xffffffff / BUCKETS)

/**
 * The consistent hashing of PHP's Memcache (`memcache.hash_strategy=consistent`, its default): a
 * ring of CRC-32 points, in which it looks up 1,024 places in advance.
 */
export function peclRing(servers: readonly ServerAddress[]): Distribution {
  const points = servers.flatMap((server, index) =>
    Array.from({ length: server.weight * POINTS }, (_, point) => ({
      value: crc32(`${peclName(server)}-${point}`),
      server: index,
    })),
  )
  const ring = new Continuum(points)
  const buckets = Array.from({ length: BUCKETS }, (_, bucket) => ring.from(bucket * STEP))
  return {
    pick: (key) => (servers.length < 2 ? 0 : (buckets[crc32(key) % BUCKETS] as number)),
  }
}

/** Its `hash_strategy=standard`: as many places as the weight, by hash modulo. */
export function peclStandard(servers: readonly ServerAddress[]): Distribution {
  const buckets = servers.flatMap(({ weight }, index) => new Array<number>(weight).fill(index))
  return {
    pick(key) {
      if (servers.length < 2) return 0
      const hash = (crc32(key) >>> 16) & 0x7fff
      return buckets[(hash || 1) % buckets.length] as number
    },
  }
}

function peclName({ path, host, port }: ServerAddress): string {
  return path === undefined ? `${host}:${port}` : `unix://${path}:0`
}

function crc32(text: string): number {
  return checksum(Buffer.from(text, 'latin1'))
}
