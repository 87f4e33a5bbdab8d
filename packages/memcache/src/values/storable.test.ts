import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { deserialize, serialize } from './serializer.js'

function stored(value: unknown): unknown {
  const { data, flags } = serialize(value)
  const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : Buffer.from(data)
  return deserialize(flags, bytes, 0, bytes.length)
}

class Id {
  toJSON(): string {
    return 'abc'
  }
}

describe('values of every kind', () => {
  it('asks toJSON, as JSON does', () => {
    expect(stored({ id: new Id(), at: new URL('http://x/') })).toEqual({
      id: 'abc',
      at: 'http://x/',
    })
    expect(stored(new Id())).toBe('abc')
  })

  it('stores the own properties of an instance whose prototype has enumerable methods', () => {
    const money = Object.assign(Object.create({ add() {} }), { v: 3 })
    expect(stored(money)).toEqual({ v: 3 })
  })

  it('takes objects of another realm for what they are', () => {
    const far: unknown = runInNewContext(
      '({ map: new Map([[1, 2]]), set: new Set([1]), date: new Date(5), bytes: new Uint8Array([1, 2]) })',
    )
    expect(stored(far)).toEqual({
      map: new Map([[1, 2]]),
      set: new Set([1]),
      date: new Date(5),
      bytes: new Uint8Array([1, 2]),
    })
  })

  it('refuses what would be changed: promises, functions', () => {
    expect(() => serialize({ p: Promise.resolve() })).toThrow(TypeError)
    expect(() => serialize({ f() {} })).toThrow(TypeError)
  })

  it('neither writes nor reads a bigint of millions of digits', () => {
    const { flags } = serialize(1n)
    const bytes = Buffer.alloc(1_000_000, '9')
    expect(() => deserialize(flags, bytes, 0, bytes.length)).toThrow('20000 digits')
    expect(() => serialize(10n ** 20_000n)).toThrow('20000 digits')
    expect(stored(10n ** 19_999n)).toBe(10n ** 19_999n)
  })
})
