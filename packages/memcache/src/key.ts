import { isUint8Array } from 'node:util/types'
import { latin1 } from '@glammp/wire'
import { binaryWireKey, isText } from './wire-key.js'

/**
 * What names an item: text, which travels as UTF-8, or bytes. Bytes that could be a text are the
 * key that the text is; the others go to servers that speak the meta or the binary protocol.
 */
export type Key = string | Uint8Array

/** The key as it is now, for what is sent later: the caller may go on using the bytes. */
export function keptKey(key: Key): Key {
  return typeof key !== 'string' && isUint8Array(key) ? Buffer.from(key) : key
}

/** The key in one line, for messages: bytes as memcached's own log writes them, URL-encoded. */
export function keyText(key: Key | undefined): string {
  if (!isUint8Array(key)) return String(key)
  return latin1(key).replace(/[^!-$&-~]/g, (byte) => {
    return `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
  })
}

/**
 * What stands for the key where this process remembers something of it: equal for keys of the same
 * item. Bytes that are the key of no text get a form that no valid text has.
 */
export function keyId(key: Key): string {
  if (typeof key === 'string' || !isUint8Array(key)) return key
  const bytes = latin1(key)
  return (isText(bytes) ? textOf(bytes) : undefined) ?? binaryWireKey(bytes)
}

/** The text of which these bytes, of one character each, are the UTF-8; `undefined`: of none. */
export function textOf(bytes: string): string | undefined {
  const text = Buffer.from(bytes, 'latin1').toString()
  return latin1(Buffer.from(text)) === bytes ? text : undefined
}
