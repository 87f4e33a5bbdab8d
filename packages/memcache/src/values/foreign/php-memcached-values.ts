import { isUtf8 } from 'node:buffer'
import { isUint8Array } from 'node:util/types'
import { latin1 } from '@glammp/wire'
import { DecodeError } from '../../errors.js'
import { serializeIgbinary } from '../formats/igbinary-writer.js'
import { phpInteger } from '../formats/php-value.js'
import { serializePhp } from '../formats/php-writer.js'
import {
  BIGINT,
  BUFFER,
  deserialize,
  type Encoded,
  encodeText,
  MARKED,
  serialize,
  serializePlainly,
  TYPE_MASK,
  Type,
} from '../serializer.js'
import { serializeJson, type ValueSerializer } from '../serializers.js'

/** Formats in which PHP writes arrays and objects; the flags say how a value is to be read. */
export type PhpSerializerName = 'php' | 'igbinary' | 'json' | 'msgpack'

const OBJECTS: Readonly<Record<PhpSerializerName, (value: object | null) => Encoded>> = {
  php: (value) => ({ data: encodeLatin1(serializePhp(value)), flags: Type.PHP }),
  igbinary: (value) => ({ data: serializeIgbinary(value), flags: Type.IGBINARY }),
  json: serializeJson,
  msgpack: serializePlainly,
}

/** Longer text costs less as bytes than appended to the request. */
const LONG_TEXT = 4_096

/**
 * Values as php-memcached stores them: this client's own format, except for the contents of arrays.
 */
export function phpMemcachedValues(name: PhpSerializerName): ValueSerializer {
  const objects = OBJECTS[name]
  return {
    serialize(value) {
      if (typeof value === 'bigint') return bigintItem(value)
      if (typeof value !== 'object' || isUint8Array(value)) return serialize(value)
      return objects(value)
    },
    deserialize(flags, bytes, start, end) {
      if ((flags & MARKED) === 0 && start < end) {
        // PHP's integers are of 64 bits, its strings bytes. Bits from 16 on are its users'.
        const type = flags & 0xffff
        if (type === Type.INTEGER) return integer(latin1(bytes, start, end))
        if (type === Type.STRING && !isUtf8(bytes.subarray(start, end))) {
          return deserialize(BUFFER, bytes, start, end)
        }
      }
      return deserialize(flags, bytes, start, end)
    },
  }
}

// PHP reads integers of over 64 bits as the largest that it has; as text they stay what they are.
function bigintItem(value: bigint): Encoded {
  const item = serialize(value)
  if (BigInt.asIntN(64, value) === value) return item
  return { data: item.data, flags: (item.flags & ~TYPE_MASK) | Type.STRING | BIGINT }
}

/** @throws DecodeError if it is not an integer. */
export function integer(text: string): number | bigint {
  // A decrement leaves spaces behind.
  if (!/^-?\d{1,20} *$/.test(text))
    throw new DecodeError(`'${text.slice(0, 30)}' is marked as an integer`)
  return phpInteger(BigInt(text.trimEnd()))
}

/** Text of one-byte characters as it is sent. */
export function encodeLatin1(text: string): string | Buffer {
  return text.length <= LONG_TEXT ? text : Buffer.from(text, 'latin1')
}

/** Text or bytes as they are. */
export function encodeString(value: string | Uint8Array): string | Uint8Array {
  return typeof value === 'string' ? encodeText(value) : new Uint8Array(value)
}
