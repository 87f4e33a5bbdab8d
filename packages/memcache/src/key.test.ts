import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keyId, keyText } from './key.js'

describe('the id of a key', () => {
  test('is the same for text and for its bytes', () => {
    expect(keyId('é')).toBe('é')
    expect(keyId(Buffer.from('é'))).toBe('é')
    expect(keyId(new Uint8Array(Buffer.from('é')))).toBe('é')
  })

  test('of bytes that are not text is not valid text either', () => {
    for (const bytes of [
      Buffer.from('a b'),
      Buffer.from([0xff]),
      Buffer.from([0xed, 0xa0, 0x80]),
    ]) {
      expect(keyId(bytes)).toContain(' ')
    }
  })

  test('differs where the bytes do', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(bytes, bytes, (one, other) => {
        expect(keyId(one) === keyId(other)).toBe(Buffer.compare(one, other) === 0)
      }),
    )
  })
})

test('a key in a message is one line, as memcached writes it', () => {
  expect(keyText('é')).toBe('é')
  expect(keyText(Buffer.from('a b\r\n%\xff', 'latin1'))).toBe('a%20b%0D%0A%25%FF')
  expect(keyText(undefined)).toBe('undefined')
})
