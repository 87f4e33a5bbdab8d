/** Bits of an instruction that are a literal run, or the high part of a distance. */
const LOW_BITS = 31
/** Of level 2: the largest distance in 13 bits, above which it is in 16 more bits. */
const FAR = 8_191
/** Length that means: more follows. */
const LONG_MATCH = 6
const SHORTEST_MATCH = 3
/** A match is told by bytes of up to 255 each. */
const MOST_A_BYTE = 256

/**
 * Expands a block of FastLZ, levels 1 (what php-memcached writes below 64 KiB) and 2 (above).
 *
 * @param length - bytes of the original; nothing is written past them.
 * @throws RangeError for an invalid block.
 */
export function expandFastlz(data: Uint8Array, length: number): Buffer {
  // No byte of a block stands for more: the length may be false.
  if (data.length === 0 || length > MOST_A_BYTE * data.length) throw broken()
  const level = ((data[0] as number) >> 5) + 1
  if (level > 2) throw new RangeError(`FastLZ of level ${level}`)
  const out = Buffer.allocUnsafe(length)
  let from = 1
  let to = 0
  let instruction = (data[0] as number) & LOW_BITS
  const next = (): number => {
    const byte = data[from]
    if (byte === undefined) throw broken()
    from += 1
    return byte
  }
  for (;;) {
    if (instruction <= LOW_BITS) {
      const end = from + instruction + 1
      if (end > data.length || to + instruction + 1 > length) throw broken()
      out.set(data.subarray(from, end), to)
      to += instruction + 1
      from = end
    } else {
      let size = (instruction >> 5) - 1
      if (size === LONG_MATCH) {
        let more = next()
        size += more
        while (level === 2 && more === 255) {
          more = next()
          size += more
        }
      }
      size += SHORTEST_MATCH
      const high = (instruction & LOW_BITS) << 8
      const low = next()
      const isFar = level === 2 && low === 255 && high === LOW_BITS << 8
      const distance = isFar ? FAR + ((next() << 8) | next()) : high + low
      let source = to - distance - 1
      if (source < 0 || to + size > length) throw broken()
      // Byte by byte: a match may reach into itself.
      for (const end = to + size; to < end; to += 1, source += 1) out[to] = out[source] as number
    }
    if (from >= data.length) break
    instruction = data[from] as number
    from += 1
  }
  if (to !== length) throw broken()
  return out
}

function broken(): RangeError {
  return new RangeError('not a FastLZ block')
}
