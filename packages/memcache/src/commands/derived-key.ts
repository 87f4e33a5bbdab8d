import { createHash } from 'node:crypto'
import type { KeyRules } from '../key.js'

/** Longer names are hashed: with the longest namespace (125 bytes) the key still fits 250. */
const LONGEST_NAME = 100

/**
 * The key, as it travels, of something that belongs to a key or a tag: in the same namespace, so
 * that clients share it exactly when they share the items.
 */
export function derivedKey(rules: KeyRules, kind: 'lock' | 'tag', name: string): string {
  const short =
    Buffer.byteLength(name) <= LONGEST_NAME
      ? name
      : `sha256-${createHash('sha256').update(name).digest('base64url')}`
  return rules.toWire(`glammp:${kind}:${short}`, 'wrap')
}
