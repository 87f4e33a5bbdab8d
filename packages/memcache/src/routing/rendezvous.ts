import type { ServerAddress } from '@glammp/wire'
import type { Distribution } from './distribution.js'

/**
 * Rendezvous hashing as in pymemcache's HashClient: the server with the highest score takes the
 * key.
 */
export function rendezvous(servers: readonly ServerAddress[]): Distribution {
  const names = servers.map(({ path, host, port }) => path ?? `${host}:${port}`)
  return {
    pick(key) {
      const text = Buffer.from(key, 'latin1').toString()
      let best = 0
      let highest = -1
      for (const [index, name] of names.entries()) {
        const score = murmur3(`${name}-${text}`)
        const wins = score > highest || (score === highest && name > (names[best] as string))
        if (!wins) continue
        best = index
        highest = score
      }
      return best
    },
  }
}

/** MurmurHash3 of 32 bits, seed 0, over the low bytes of code points, which is what Python takes. */
export function murmur3(text: string): number {
  const bytes = Uint8Array.from(text, (character) => character.codePointAt(0) as number)
  const mix = (block: number): number => {
    const product = Math.imul(block, 0xcc9e2d51)
    return Math.imul((product << 15) | (product >>> 17), 0x1b873593)
  }
  const whole = bytes.length & ~3
  let hash = 0
  for (let at = 0; at < whole; at += 4) {
    hash ^= mix(littleEndian(bytes.subarray(at, at + 4)))
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
  }
  if (whole < bytes.length) hash ^= mix(littleEndian(bytes.subarray(whole)))
  hash ^= bytes.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function littleEndian(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => (value << 8) | byte, 0)
}
