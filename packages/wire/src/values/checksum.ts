import zlib from 'node:zlib'

const POLYNOMIAL = 0xedb88320
const TABLE: readonly number[] = Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit += 1) {
    value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ POLYNOMIAL
  }
  return value >>> 0
})

/** CRC-32 as zlib computes it. */
export const checksum: (bytes: Uint8Array) => number =
  // Node has it from 20.15 on.
  (zlib as { crc32?: (bytes: Uint8Array) => number }).crc32 ?? tableChecksum

/** As {@link checksum}, by a table: 20 times slower. */
export function tableChecksum(bytes: Uint8Array): number {
  let value = 0xffffffff
  for (const byte of bytes) value = (value >>> 8) ^ (TABLE[(value ^ byte) & 0xff] as number)
  return (value ^ 0xffffffff) >>> 0
}
