/** Characters that control a terminal, change the direction of text, or end a line. */
const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

/** Characters of a text that a line of the log shows. */
const LONGEST = 8_192

/**
 * Text as one line that is safe to show: line ends become spaces, and other control characters are
 * written as `\uXXXX`, which does not change the meaning of JSON.
 */
export function printable(text: string): string {
  return text
    .replaceAll(/\s+/g, (blanks) => (blanks.includes('\n') ? ' ' : blanks))
    .replaceAll(STEERING, (steer) => `\\u${steer.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The start of a text that is too long for a log, with a note on the rest. */
export function shortened(text: string): string {
  if (text.length <= LONGEST) return text
  const rest = text.length - LONGEST
  return `${text.slice(0, LONGEST).toWellFormed()}… (${rest} characters more)`
}
