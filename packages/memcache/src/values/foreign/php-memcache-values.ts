import { isUint8Array } from 'node:util/types'
import { latin1 } from '@glammp/wire'
import { DecodeError } from '../../errors.js'
import { unserializePhp } from '../formats/php-reader.js'
import { phpString } from '../formats/php-value.js'
import { serializePhp } from '../formats/php-writer.js'
import type { Encoded } from '../serializer.js'
import type { ValueSerializer } from '../serializers.js'
import { encodeLatin1, encodeString, integer } from './php-memcached-values.js'

/** Flags of the older extension, Memcache 4 and later (pecl-memcache). */
const Flag = {
  SERIALIZED: 0x1,
  /** Bits of the type of a value that is not serialized. */
  TYPE: 0xf00,
  BOOLEAN: 0x100,
  INTEGER: 0x300,
  DOUBLE: 0x700,
} as const

/** Set together with the type in values that {@link phpMemcacheCompressed} marks. */
export const PHP_MEMCACHE_COMPRESSED = 0x2

/**
 * Values as PHP's Memcache keeps them. PHP has one type for bytes and text: they come back as text
 * if they are UTF-8.
 */
export const phpMemcacheValues: ValueSerializer = {
  serialize(value): Encoded {
    if (typeof value === 'string' || isUint8Array(value)) {
      return { data: encodeString(value), flags: 0 }
    }
    if (typeof value === 'boolean') return { data: value ? '1' : '0', flags: Flag.BOOLEAN }
    if (isInteger(value)) return { data: String(value), flags: Flag.INTEGER }
    if (typeof value === 'number') return { data: doubleText(value), flags: Flag.DOUBLE }
    if (value === undefined) throw new TypeError('undefined cannot be stored in memcached')
    return { data: encodeLatin1(serializePhp(value)), flags: Flag.SERIALIZED }
  },

  deserialize(flags, bytes, start, end) {
    const known = Flag.SERIALIZED | Flag.TYPE
    // Bits from 16 on are the users'.
    if ((flags & 0xffff & ~known) !== 0) throw unknown(flags)
    if ((flags & Flag.SERIALIZED) !== 0) return unserializePhp(bytes.subarray(start, end))
    const type = flags & Flag.TYPE
    if (type === 0) return phpString(bytes.subarray(start, end))
    const text = latin1(bytes, start, end)
    if (type === Flag.BOOLEAN) return text !== '0' && text !== ''
    if (type === Flag.INTEGER) return integer(text)
    if (type === Flag.DOUBLE) return double(text)
    throw unknown(flags)
  },
}

function isInteger(value: unknown): value is number | bigint {
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value
  return Number.isSafeInteger(value) && !Object.is(value, -0)
}

function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'NAN'
  if (!Number.isFinite(value)) return value > 0 ? 'INF' : '-INF'
  return Object.is(value, -0) ? '-0' : String(value)
}

function double(text: string): number {
  if (text === 'NAN') return Number.NaN
  if (text === 'INF' || text === '-INF') return text === 'INF' ? Infinity : -Infinity
  const number = Number(text)
  if (text.trim() === '' || Number.isNaN(number)) {
    throw new DecodeError(`'${text.slice(0, 30)}' is marked as a number`)
  }
  return number
}

function unknown(flags: number): DecodeError {
  return new DecodeError(`a value with flags ${flags}, which PHP's Memcache does not write`)
}
