/**
 * Reads what stands in a command line as memcached does: with the rules of C for strings and numbers, which
 * take more than a careful client would send.
 */

/** A line is cut into so many words; what is behind them is read only by commands of many keys. */
const MOST_WORDS = 23

/** What ends a number, beside the end of the text: C's white space, and a NUL. */
const UNSIGNED = /^[\t-\r ]*([+-]?)(\d+)(?:[\t-\r \0]|$)/
const PLAIN = /^\d{1,9}$/

const TWO_32 = 1n << 32n
const TWO_63 = 1n << 63n
const TWO_64 = 1n << 64n

/** The words of a line: spaces divide them, and a NUL ends the line. */
export function wordsOf(line: string): string[] {
  const nul = line.indexOf('\0')
  const words = (nul < 0 ? line : line.slice(0, nul)).split(' ')
  return words.includes('') ? words.filter((word) => word !== '') : words
}

/** How many words a command sees of a line, as far as their number is checked. */
export function counted(words: readonly string[]): number {
  return Math.min(words.length, MOST_WORDS)
}

/** A whole number of 64 bits without a sign; `undefined` if it is none. */
export function unsigned64(text: string): bigint | undefined {
  const parts = UNSIGNED.exec(text)
  if (parts === null) return undefined
  const size = BigInt(parts[2] as string)
  if (size >= TWO_64) return undefined
  if (parts[1] !== '-' || size === 0n) return size
  // What is under zero wraps, and is refused only where it then looks negative.
  const wrapped = TWO_64 - size
  return wrapped >= TWO_63 ? undefined : wrapped
}

/** The lower 32 bits of such a number. */
export function unsigned32(text: string): number | undefined {
  if (PLAIN.test(text)) return Number(text)
  const value = unsigned64(text)
  return value === undefined ? undefined : Number(value % TWO_32)
}

/** A number with a sign: the lower 32 bits of what has to fit into 64. */
export function signed32(text: string): number | undefined {
  if (PLAIN.test(text)) return Number(text)
  const parts = UNSIGNED.exec(text)
  if (parts === null) return undefined
  const value = BigInt(`${parts[2]}`) * (parts[1] === '-' ? -1n : 1n)
  if (value >= TWO_63 || value < -TWO_63) return undefined
  return Number(BigInt.asIntN(32, value))
}

/** The answer to a line whose words are not what its command takes. */
export const BAD_LINE = 'CLIENT_ERROR bad command line format'

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/='

/**
 * The bytes of a key in base64, one character each; `''` if it is not valid: padding is required, and other
 * characters are passed over.
 */
export function decodeBase64(text: string): string {
  let digits = ''
  for (const character of text) if (BASE64.includes(character)) digits += character
  if (digits.length === 0 || digits.length % 4 !== 0) return ''
  const first = digits.indexOf('=')
  if (first < 0) return Buffer.from(digits, 'base64').toString('latin1')
  // The group of four in which padding begins is the last one that counts.
  const end = first - (first % 4) + 4
  const last = digits.slice(end - 4, end)
  const padding = last.split('=').length - 1
  if (padding > 2) return ''
  const bytes = Buffer.from(digits.slice(0, end).replaceAll('=', 'A'), 'base64')
  return bytes.subarray(0, bytes.length - padding).toString('latin1')
}

/** Such a key as it travels. */
export function encodeBase64(key: string): string {
  return Buffer.from(key, 'latin1').toString('base64')
}
