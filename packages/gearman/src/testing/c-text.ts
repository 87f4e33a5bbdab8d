// gearmand reads names and numbers with the string functions of C.

/** What a function of C takes for the text: it ends at a NUL. */
export function cString(text: string): string {
  const end = text.indexOf('\0')
  return end < 0 ? text : text.slice(0, end)
}

/** The text of bytes of which each is a character. */
export function utf8(bytes: string): string {
  return /[^\0-\x7f]/.test(bytes) ? Buffer.from(bytes, 'latin1').toString() : bytes
}

/** Text in which only the letters of ASCII are made small, as C compares it. */
export function asciiLower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

const LONGEST = 2n ** 63n

/** The number that a text begins with, 0 if there is none; `undefined` if it has over 64 bits. */
export function cLong(text: string): bigint | undefined {
  const [, digits = '0'] = /^[ \t\n\v\f\r]*([+-]?\d+)/.exec(text) ?? []
  const value = BigInt(digits.replace('+', ''))
  return value >= LONGEST || value < -LONGEST ? undefined : value
}

/** The same as a number of 32 bits that has no sign: -1 is the largest. */
export function cUnsigned(text: string): number {
  const value = cLong(text)
  if (value !== undefined) return Number(BigInt.asUintN(32, value))
  return /^\s*-/.test(text) ? 0 : 0xffff_ffff
}

/** The same with a sign. */
export function cInt(text: string): number {
  return cUnsigned(text) | 0
}

/** By which gearmand puts names into its tables, and so the order in which it lists them. */
export function cHash(text: string): number {
  let value = 0
  for (let index = 0; index < text.length; index += 1) {
    value = (value + ((text.charCodeAt(index) << 24) >> 24)) | 0
    value = (value + (value << 10)) | 0
    value ^= value >> 6
  }
  value = (value + (value << 3)) | 0
  value ^= value >> 11
  value = (value + (value << 15)) | 0
  return value === 0 ? 1 : value >>> 0
}

/** Lists in the order of a table of gearmand: by bucket, the newest of each first. */
export function inTableOrder<T>(items: Iterable<T>, hash: (item: T) => number): T[] {
  return [...items]
    .reverse()
    .map((item) => ({ item, bucket: hash(item) % 991 }))
    .sort((one, other) => one.bucket - other.bucket)
    .map(({ item }) => item)
}
