import { createHash } from 'node:crypto'
import { latin1 } from '@glammp/wire'
import type { Key } from '../given-key.js'
import type { KeyRules } from '../key.js'
import { isText } from '../wire-key.js'

/** Longer names are hashed: with the longest namespace (125 bytes) the key still fits 250. */
const LONGEST_NAME = 100

/** Names that are keys as they are; others are hashed. */
const KEY_TEXT = /^[^\s\p{Cc}\p{Cs}]+$/u

/**
 * The key, as it travels, of something that belongs to a key or a tag: in the same namespace, so
 * that clients share it exactly when they share the items. Bytes that are no text are hashed, too:
 * every protocol carries it.
 */
export function derivedKey(rules: KeyRules, kind: 'lock' | 'tag', name: Key): string {
  const place = `glammp:${kind}:`
  const isString = typeof name === 'string'
  // UTF-8 would make one of two names with half a surrogate pair.
  const bytes =
    isString && !name.isWellFormed() ? Buffer.from(`\ud800${name}`, 'utf16le') : Buffer.from(name)
  if (bytes.length > LONGEST_NAME || !(isString ? KEY_TEXT.test(name) : isText(latin1(bytes)))) {
    const digest = createHash('sha256').update(bytes).digest('base64url')
    return rules.toWire(`${place}sha256-${digest}`, 'wrap')
  }
  const own = isString ? place + name : Buffer.concat([Buffer.from(place), bytes])
  return rules.toWire(own, 'wrap')
}
