import { isUint8Array } from 'node:util/types'
import { checkBigint, kept, latin1, utf8 } from '@glammp/wire'
import { DecodeError } from '../../errors.js'
import { type Encoded, toBigint } from '../serializer.js'
import type { ValueSerializer } from '../serializers.js'
import { encodeString } from './php-memcached-values.js'

/** Flags of pylibmc; pymemcache's pickle_serde and compressed_serde have the same. */
const Flag = {
  PICKLE: 0x1,
  /** pylibmc uses it also for a bool. */
  INTEGER: 0x2,
  LONG: 0x4,
  TEXT: 0x10,
} as const

export const PYTHON_COMPRESSED = 0x8

/**
 * Values as Python's clients store them: str, bytes and int. Everything else they pickle, and a
 * pickle is a program: it is neither read nor written.
 */
export const pythonValues: ValueSerializer = {
  serialize(value): Encoded {
    if (typeof value === 'string') return { data: encodeString(value), flags: Flag.TEXT }
    if (isUint8Array(value)) return { data: encodeString(value), flags: 0 }
    if (typeof value === 'bigint') checkBigint(value)
    if (typeof value === 'bigint' || (Number.isSafeInteger(value) && !Object.is(value, -0))) {
      return { data: String(value), flags: Flag.INTEGER }
    }
    throw new TypeError(
      "with compat for Python, strings, bytes and integers are stored: everything else would be a pickle. Give a `transcoder` that Python's side knows",
    )
  },

  deserialize(flags, bytes, start, end) {
    if ((flags & Flag.PICKLE) !== 0) {
      throw new DecodeError('a Python pickle: reading it would mean running it')
    }
    if (flags === Flag.TEXT) return utf8(bytes, start, end)
    if (flags === 0) return kept(bytes, start, end)
    if (flags !== Flag.INTEGER && flags !== Flag.LONG) {
      throw new DecodeError(`a value with flags ${flags}, which pylibmc does not write`)
    }
    const text = latin1(bytes, start, end).trimEnd()
    if (!/^-?\d+$/.test(text)) throw new DecodeError('text that is marked as an integer')
    const number = Number(text)
    return Number.isSafeInteger(number) ? number : toBigint(text)
  },
}
