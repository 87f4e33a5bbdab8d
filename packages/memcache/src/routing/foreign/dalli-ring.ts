import { createHash } from 'node:crypto'
import type { ServerAddress } from '@glammp/wire'
import { checksum } from '@glammp/wire'
import { Continuum } from '../continuum.js'
import type { Distribution } from '../distribution.js'

const POINTS = 160

/** The ring of Ruby's Dalli: SHA-1 points, CRC-32 keys, the point before. It hashes the namespace too. */
export function dalliRing(servers: readonly ServerAddress[]): Distribution {
  const total = servers.reduce((sum, { weight }) => sum + weight, 0)
  const points = servers.flatMap((server, index) => {
    const count = Math.floor((servers.length * POINTS * server.weight) / total)
    const name = server.path ?? `${server.host}:${server.port}`
    return Array.from({ length: count }, (_, point) => ({
      value: createHash('sha1').update(`${name}:${point}`).digest().readUInt32BE(),
      server: index,
    }))
  })
  const ring = new Continuum(points)
  return {
    pick: (key) => (servers.length < 2 ? 0 : ring.before(checksum(Buffer.from(key, 'latin1')))),
  }
}
