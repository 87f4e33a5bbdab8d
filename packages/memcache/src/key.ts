import { isUint8Array } from 'node:util/types'
import { Fault, latin1 } from '@glammp/wire'

/**
 * The name of an item: text, which is sent as UTF-8, or bytes. Bytes that are also a valid text key
 * are the same key; the others go to servers that speak the meta or the binary protocol.
 */
export type Key = string | Uint8Array

/** A copy of the key, for what is sent later: the caller may go on using the bytes. */
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
 * Identifies the key where this process remembers something about it: equal for keys of the same
 * item. Bytes that are not text get a form that no valid text has.
 */
export function keyId(key: Key): string {
  if (typeof key === 'string' || !isUint8Array(key)) return key
  const bytes = latin1(key)
  return (isText(bytes) ? textOf(bytes) : undefined) ?? binaryWireKey(bytes)
}

/**
 * The text of which these bytes, one character each, are the UTF-8; `undefined` if there is none.
 */
export function textOf(bytes: string): string | undefined {
  const text = Buffer.from(bytes, 'latin1').toString()
  return latin1(Buffer.from(text)) === bytes ? text : undefined
}

/**
 * A key as requests carry it, with its namespace: its bytes, one character each. Bytes that no
 * line can hold are written as the meta commands take them, in base64 with the flag `b` behind a
 * space. So `mg`, `md` and `ma` send every wire key as it stands; what must know the bytes asks
 * here. No other wire key holds a space: the last character but one tells the two apart.
 */
const SPACE = 32

/** What ends or cuts a key in a line of text: white space, control characters. */
const CUTTING = /[\0-\x20\x7f]/

/** True if a line of text can hold these bytes, of one character each, as a key. */
export function isText(bytes: string): boolean {
  return !CUTTING.test(bytes)
}

/** The wire key of bytes that a line cannot hold. */
export function binaryWireKey(bytes: string): string {
  return `${Buffer.from(bytes, 'latin1').toString('base64')} b`
}

/** True if the wire key is written in base64. */
export function isBinary(wireKey: string): boolean {
  return wireKey.charCodeAt(wireKey.length - 2) === SPACE
}

/** The bytes of the key: what the binary protocol sends, and what servers are chosen by. */
export function bytesOf(wireKey: string): string {
  if (!isBinary(wireKey)) return wireKey
  return Buffer.from(wireKey.slice(0, -2), 'base64').toString('latin1')
}

/** The connection's protocol has no form for the key: nothing of the request was written. */
export class KeyFault extends Fault {
  constructor() {
    super('connect', NO_FORM)
  }
}

const NO_FORM =
  'a key with white space or control characters needs the meta or the binary protocol; this server is used over the classic protocol'

/**
 * The wire key, for a line of the classic protocol. @throws KeyFault for a key that a line cannot
 * carry.
 */
export function classicKey(wireKey: string): string {
  if (isBinary(wireKey)) throw new KeyFault()
  return wireKey
}
