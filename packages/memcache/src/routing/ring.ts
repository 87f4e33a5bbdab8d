import * as crypto from 'node:crypto'
import { latin1, type ServerAddress } from '@glammp/wire'
import HashRing from 'hashring'
import { Continuum, type Point } from './continuum.js'
import type { Distribution } from './distribution.js'

const MEMCACHED_PORT = 11_211

/** Keys whose server is remembered; at most twice as many. */
const REMEMBERED = 8_192

/**
 * The weighted ketama ring of libmemcached (PHP's `OPT_LIBKETAMA_COMPATIBLE`, pylibmc's
 * `ketama_weighted`): every key goes to the server where those clients look for it.
 */
export function ketama(servers: readonly ServerAddress[]): Distribution {
  return servers.length < 2 ? ONE_SERVER : new Ring(ringPoints(servers))
}

/**
 * The same ring, but a server of weight 1 always has 160 points. libmemcached's share depends on
 * the number of servers: from 100 to 99 it goes from 156 to 160 points each, and one server less
 * moves 3.7 % of the keys. Here only the keys of the removed server move. Where libmemcached has
 * 160 points the two are equal; elsewhere other languages look on other servers.
 */
export function fixedKetama(servers: readonly ServerAddress[]): Distribution {
  return servers.length < 2 ? ONE_SERVER : new Ring(ringPoints(servers, fixedHashes))
}

const ONE_SERVER: Distribution = { pick: () => 0 }

class Ring implements Distribution {
  readonly #points: Continuum
  // Hot keys are few: two generations of a Map make a cheap cache of bounded size.
  #recent = new Map<string, number>()
  #older = new Map<string, number>()

  constructor(points: readonly Point[]) {
    this.#points = new Continuum(points)
  }

  pick(key: string): number {
    const known = this.#recent.get(key)
    if (known !== undefined) return known
    const server = this.#older.get(key) ?? this.#points.from(firstOf(md5(key)))
    if (this.#recent.size >= REMEMBERED) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(key, server)
    return server
  }
}

/** Every point of the ring, in any order; exported for the ring's own tests. @internal */
export function ringPoints(
  servers: readonly ServerAddress[],
  hashesOf: (servers: readonly ServerAddress[]) => number[] = hashesPerServer,
): Point[] {
  // hashring parses and normalises server names, so it gets labels instead, and the names that
  // libmemcached hashes replace them when it asks for a hash.
  const labels = new Map<string, { name: string; server: number }>()
  const shares: Record<string, { vnodes: number; weight: number }> = {}
  const hashes = hashesOf(servers)
  for (const [index, server] of servers.entries()) {
    const label = `server${index}:1`
    labels.set(label, { name: latin1(Buffer.from(ringName(server))), server: index })
    shares[label] = { vnodes: hashes[index] as number, weight: 1 }
  }
  // hashring reads the bytes at once: one array serves all.
  const bytes = Buffer.alloc(16)
  const digest = (text: string): Buffer => {
    const dash = text.lastIndexOf('-')
    const name = labels.get(text.slice(0, dash))?.name ?? ''
    bytes.write(md5(`${name}${text.slice(dash)}`), 'latin1')
    return bytes
  }
  // A count of -1 keeps hashring from computing a share by itself: it would do so in double
  // precision, and disagree with libmemcached for 7, 14, 25, 28, 47, ... equal servers.
  const ring = new HashRing(shares, digest, { 'vnode count': -1 })
  const points: Point[] = []
  // Its type declarations say one number, but it returns a list.
  const values = ring.points([...labels.keys()]) as unknown as Record<string, number[]>
  for (const [label, list] of Object.entries(values)) {
    const server = labels.get(label)?.server as number
    for (const value of list) points.push({ value, server })
  }
  return points
}

/** MD5 sums per server, four points each, in the single precision of libmemcached. */
function hashesPerServer(servers: readonly ServerAddress[]): number[] {
  const single = Math.fround
  const total = single(servers.reduce((sum, server) => sum + server.weight, 0))
  return servers.map((server) => {
    const share = single(single(server.weight) / total)
    const points = single(single(single(share * 160) / 4) * single(servers.length))
    return Math.floor(single(points + single(1e-10)))
  })
}

/** 40 MD5 sums for each unit of weight, whatever the other servers are. */
function fixedHashes(servers: readonly ServerAddress[]): number[] {
  return servers.map(({ weight }) => Math.max(1, Math.round(weight * 40)))
}

/** Host without the default port, or the socket's path with port 0: what libmemcached hashes. */
function ringName(server: ServerAddress): string {
  if (server.path !== undefined) return `${server.path}:0`
  return server.port === MEMCACHED_PORT ? server.host : `${server.host}:${server.port}`
}

/** The first four bytes of a digest, as a number. */
function firstOf(digest: string): number {
  const low = digest.charCodeAt(0) | (digest.charCodeAt(1) << 8) | (digest.charCodeAt(2) << 16)
  return (low | (digest.charCodeAt(3) << 24)) >>> 0
}

const WIDE = /[\x80-\xff]/

/** MD5 of text of one-byte characters, as such text: a Buffer for it would cost twice the hashing. */
function md5(text: string): string {
  const bytes = WIDE.test(text) ? Buffer.from(text, 'latin1') : text
  // Node has it from 20.12 on.
  return hasOneShot
    ? crypto.hash('md5', bytes, 'binary')
    : crypto.createHash('md5').update(bytes).digest('binary')
}
const hasOneShot = typeof crypto.hash === 'function'
