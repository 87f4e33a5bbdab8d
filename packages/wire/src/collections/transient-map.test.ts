import { describe, expect, it } from 'vitest'
import { TransientMap } from './transient-map.js'

describe('TransientMap', () => {
  it('holds what has come and not gone', () => {
    const map = new TransientMap<string, { n: number }>()
    const [one, other] = [{ n: 1 }, { n: 2 }]
    map.set('a', one)
    map.set('b', other)
    expect(map.get('a')).toBe(one)
    map.delete('a')
    expect(map.get('a')).toBeUndefined()
    expect(map.values()).toEqual([other])
    map.set('a', other)
    expect(map.get('a')).toBe(other)
  })

  it('keeps those that stay while thousands come and go', () => {
    const map = new TransientMap<string, { n: number }>()
    for (let n = 0; n < 2_000; n += 1) map.set(`stays ${n}`, { n })
    for (let n = 0; n < 20_000; n += 1) {
      map.set(`goes ${n}`, { n })
      map.delete(`goes ${n}`)
    }
    expect(map.values().map(({ n }) => n)).toEqual(Array.from({ length: 2_000 }, (_, n) => n))
    expect(map.get('goes 19999')).toBeUndefined()
    expect(map.get('stays 1999')).toEqual({ n: 1_999 })
  })
})
