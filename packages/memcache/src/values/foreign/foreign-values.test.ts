import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError } from '../../errors.js'
import type { ValueSerializer } from '../serializers.js'
import { dalliValues } from './dalli-values.js'
import { pythonValues } from './python-values.js'

const back = (values: ValueSerializer, value: unknown): unknown => {
  const { data, flags } = values.serialize(value)
  const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : Buffer.from(data)
  // Between bytes of others, as in what a socket received.
  const around = Buffer.concat([Buffer.from('7"'), bytes, Buffer.from('"7')])
  return values.deserialize(flags, around, 2, 2 + bytes.length)
}

const text = fc.string({ unit: 'grapheme' })
const integer = fc.oneof(
  fc.maxSafeInteger(),
  fc.bigInt().filter((value) => !Number.isSafeInteger(Number(value))),
)
const bytes = fc.uint8Array().map((array) => Buffer.from(array))
const flags = fc.oneof(fc.constantFrom(0, 1, 2, 4, 0x10), fc.nat())
// Of JSON's own: -0 is refused where JSON would make 0 of it.
const json = fc
  .jsonValue({ noUnicodeString: false })
  .map((value) => JSON.parse(JSON.stringify(value)))
  // Past the safe ones a whole number comes back as a bigint, since Ruby has written it as one.
  .filter((value) => !Number.isInteger(value) || Number.isSafeInteger(value))

describe.each([
  ['Python', pythonValues],
  ['Dalli', dalliValues],
] as const)('values of %s', (_name, values) => {
  test('text, bytes and integers of any size come back', () => {
    fc.assert(
      fc.property(fc.oneof(text, bytes, integer), (value) => {
        expect(back(values, value)).toEqual(value)
      }),
    )
  })

  test('any bytes with any flags are a value or a DecodeError', () => {
    fc.assert(
      fc.property(flags, bytes, (flag, data) => {
        try {
          expect(values.deserialize(flag, data, 0, data.length)).toBeDefined()
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
    )
  })
})

test('whatever JSON holds comes back from Dalli', () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(back(dalliValues, value)).toEqual(value)
    }),
  )
})
