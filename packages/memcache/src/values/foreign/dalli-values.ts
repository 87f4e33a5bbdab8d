import { isUint8Array } from 'node:util/types'
import { checkBigint, jsonText, kept, utf8 } from '@glammp/wire'
import { DecodeError } from '../../errors.js'
import { type Encoded, encodeText, toBigint } from '../serializer.js'
import type { ValueSerializer } from '../serializers.js'
import { encodeString } from './php-memcached-values.js'

/** Flags of Ruby's Dalli. */
const Flag = {
  /** Written by Dalli's serializer, Marshal by default; the flags do not say which. */
  SERIALIZED: 0x1,
  /** With `string_fastpath`, and what `raw: true` wrote has none. */
  UTF8: 0x4,
} as const

export const DALLI_COMPRESSED = 0x2

/** Opens what Ruby's Marshal wrote, versions 4.x. */
const MARSHAL = 4

/**
 * Values as Dalli with `serializer: JSON` keeps them. Strings are those of `string_fastpath`; bytes
 * have no flags, nor have raw items.
 */
export const dalliValues: ValueSerializer = {
  serialize(value): Encoded {
    if (typeof value === 'string') return { data: encodeText(value), flags: Flag.UTF8 }
    if (isUint8Array(value)) return { data: encodeString(value), flags: 0 }
    // JSON of an integer is its decimal text, with which the server counts.
    if (typeof value === 'bigint') {
      checkBigint(value)
      return { data: String(value), flags: Flag.SERIALIZED }
    }
    return { data: encodeText(jsonText(value)), flags: Flag.SERIALIZED }
  },

  deserialize(flags, bytes, start, end) {
    if (flags === 0) return kept(bytes, start, end)
    if (flags === Flag.UTF8) return utf8(bytes, start, end)
    if (flags !== Flag.SERIALIZED) {
      throw new DecodeError(`a value with flags ${flags}, which Dalli does not write`)
    }
    if (bytes[start] === MARSHAL) {
      throw new DecodeError("a value of Ruby's Marshal: give Dalli `serializer: JSON`")
    }
    const text = utf8(bytes, start, end)
    if (/^-?\d{16,} *$/.test(text)) return wholeNumber(text.trimEnd())
    try {
      return JSON.parse(text) as unknown
    } catch (cause) {
      throw new DecodeError('a value that is not JSON', { cause })
    }
  },
}

// JSON.parse would change the number.
function wholeNumber(text: string): number | bigint {
  return Number.isSafeInteger(Number(text)) ? Number(text) : toBigint(text)
}
