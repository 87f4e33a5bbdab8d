/** Characters that steer a terminal, turn the direction of text, or end a line. */
const STEERING = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/**
 * Text as one line that does nothing to who looks at it: line ends become blanks, and other
 * characters that steer are written as `\uXXXX`, which leaves JSON what it is.
 */
export function printable(text: string): string {
  return text
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll(STEERING, (steer) => `\\u${steer.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
