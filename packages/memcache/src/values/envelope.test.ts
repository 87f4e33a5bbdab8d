import { describe, expect, test } from 'vitest'
import { Envelope, NO_TAGS } from './envelope.js'
import type { Encoded } from './serializer.js'
import { defaultTranscoder } from './transcoder.js'

const envelope = new Envelope(defaultTranscoder)
const plain = { expiry: 0, stale: 0, fingerprint: NO_TAGS }
const noted = { expiry: 1_800_000_000, stale: 4_000_000_000, fingerprint: '\x00\x01ÿabcdefghi' }

/** The item in the middle of a socket's chunk. */
const stored = ({ data, flags }: Encoded): [number, Buffer, number, number] => {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : Buffer.from(data)
  const chunk = Buffer.concat([Buffer.from('VA '), bytes, Buffer.from('\r\nEN\r\n')])
  return [flags, chunk, 3, 3 + bytes.length]
}

describe('values that wrap stores', () => {
  const values = ['text', 'olá', '', 42, false, true, null, undefined, { nome: 'Ivo' }, 2n ** 70n]

  test.each(values)('%o comes back with what was noted beside it', async (value) => {
    for (const notes of [plain, noted]) {
      const item = await envelope.unseal(...stored(await envelope.seal(value, notes)))
      expect(item).toEqual({ ...notes, readable: true, value })
    }
  })

  test.each(values)('%o is read by get, undefined as null', async (value) => {
    for (const notes of [plain, noted]) {
      const read = envelope.decode(...stored(await envelope.seal(value, notes)))
      expect(read).toEqual(value === undefined ? null : value)
    }
  })

  test('without notes other readers find the bytes as they always are', async () => {
    for (const value of values) {
      const sealed = await envelope.seal(value, plain)
      expect(sealed.data).toEqual(defaultTranscoder.encode(value ?? null).data)
      expect(defaultTranscoder.decode(...stored(sealed))).toEqual(value ?? null)
    }
  })

  test('no value looks like the stub of a key that is being loaded', async () => {
    for (const value of ['', false]) {
      expect((await envelope.seal(value, plain)).flags).not.toBe(0)
    }
  })
})

describe('items that others wrote', () => {
  test('have no notes', async () => {
    const item = await envelope.unseal(...stored(defaultTranscoder.encode('text')))
    expect(item).toEqual({ ...plain, readable: true, value: 'text' })
  })

  test('keep flags that happen to have the bits of our marks', async () => {
    const seen: number[] = []
    const foreign = new Envelope({
      ...defaultTranscoder,
      decode: (flags, bytes, start, end) => {
        seen.push(flags)
        return bytes.toString('latin1', start, end)
      },
    })
    for (const flags of [1 << 28, 1 << 29, 1 << 30, 0xffffffff]) {
      const [, ...bytes] = stored({ data: 'a value of somebody else', flags })
      expect((await foreign.unseal(flags, ...bytes)).value).toBe('a value of somebody else')
      expect(seen.pop()).toBe(flags)
    }
  })

  test('that cannot be decoded are not readable', async () => {
    const item = await envelope.unseal(...stored({ data: 'xx', flags: 4 }))
    expect(item).toEqual({ ...plain, readable: false, value: undefined })
  })
})
