import { createHash } from 'node:crypto'
import { bytesOf, isBinary } from '../key.js'
import { type KeyRules, LONGEST_KEY } from './key-rules.js'

/** Longer names are hashed: with the longest namespace (125 bytes) the key still fits 250. */
const LONGEST_NAME = 100

/** Names that are keys as they are; others are hashed. */
const KEY_TEXT = /^[^\s\p{Cc}\p{Cs}]+$/u

/**
 * The key of the version of a tag, as it travels: in the namespace of the values that have the tag,
 * of whatever text.
 */
export function tagKey(rules: KeyRules, name: string): string {
  // UTF-8 would make one of two names with half a surrogate pair.
  const bytes = name.isWellFormed() ? Buffer.from(name) : Buffer.from(`\ud800${name}`, 'utf16le')
  if (bytes.length <= LONGEST_NAME && KEY_TEXT.test(name)) {
    return rules.toWire(`glammp:tag:${name}`, 'wrap')
  }
  return rules.toWire(`glammp:tag:sha256-${digestOf(bytes)}`, 'wrap')
}

/**
 * The key of the lock of an item, from the item's own as it travels: one item has one lock, also
 * for who writes its namespace as part of the key. Every protocol carries it.
 */
export function lockKey(wireKey: string): string {
  const key = LOCK + wireKey
  if (key.length <= LONGEST_KEY && !isBinary(wireKey)) return key
  return `${LOCK}sha256-${digestOf(Buffer.from(bytesOf(wireKey), 'latin1'))}`
}

const LOCK = 'glammp:lock:'

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64url')
}
