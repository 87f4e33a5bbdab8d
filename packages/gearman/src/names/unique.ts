import { wrong } from '@glammp/wire'
import { InvalidArgumentError } from '../errors.js'
import { byteText } from '../protocol/packet.js'

/**
 * gearmand 1.1.20 refuses 65 bytes and silently cuts 64 to 63, after which two ids can be one.
 */
const MAX_UNIQUE = 63

/**
 * The id as the text of its bytes.
 *
 * @throws {@link InvalidArgumentError} if gearmand would refuse or cut it.
 */
export function encodeUnique(unique: string): string {
  if (typeof unique !== 'string')
    throw new InvalidArgumentError(wrong('unique', 'a string', unique))
  const text = byteText(unique)
  const isWhole = unique.isWellFormed()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (!isWhole || text === '' || text.length > MAX_UNIQUE || /[\u0000-\u001f\u007f]/.test(text)) {
    throw new InvalidArgumentError(
      `unique is not 1 to ${MAX_UNIQUE} bytes without control characters and half characters: ${JSON.stringify(unique)}; hash longer ids`,
    )
  }
  return text
}
