import { createHash } from 'node:crypto'
import { bytesOf, isBinary } from '../key.js'
import { type KeyRules, LONGEST_KEY } from './key-rules.js'

/** Longer names are hashed: with the longest namespace (125 bytes) the key still fits 250. */
const LONGEST_NAME = 100

/** Names that are used unchanged; others are hashed. */
const KEY_TEXT = /^[^\s\p{Cc}\p{Cs}]+$/u

/**
 * The key of the version of a tag, as it is sent: in the namespace of the values that have the tag,
 * whatever the tag's text.
 */
export function tagKey(rules: KeyRules, name: string): string {
  // In UTF-8, two names with half a surrogate pair would become the same.
  const bytes = name.isWellFormed() ? Buffer.from(name) : Buffer.from(`\ud800${name}`, 'utf16le')
  if (bytes.length <= LONGEST_NAME && KEY_TEXT.test(name)) {
    return rules.toWire(`glammp:tag:${name}`, 'wrap')
  }
  return rules.toWire(`glammp:tag:sha256-${digestOf(bytes)}`, 'wrap')
}

/**
 * The key of the lock of an item, from the item's own as it is sent: one item has one lock, also
 * for clients that write the namespace as part of the key. Every protocol carries it.
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
