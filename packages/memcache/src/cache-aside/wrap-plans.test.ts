import { describe, expect, it } from 'vitest'
import type { WrapOptions } from './wrap-options.js'
import { WrapPlans } from './wrap-plans.js'

describe('the plans of calls with options of literals', () => {
  const plans = new WrapPlans([], false)

  it('are one for options that say the same', () => {
    const plan = plans.of('wrap', { ttl: 60, stale: 5, tags: ['a', 'b'] })
    expect(plans.of('wrap', { ttl: 60, stale: 5, tags: ['a', 'b'] })).toBe(plan)
    expect(plans.of('wrap', { ttl: 60, stale: 6, tags: ['a', 'b'] }).stale).toBe(6)
    expect(plans.of('wrap', { ttl: 60, stale: 5, tags: ['a'] }).tags).toEqual(['a'])
    expect(plans.of('wrap', { ttl: 60, stale: 5 }).tags).toEqual([])
    expect(plans.of('wrap', { ttl: 76, stale: 5 }).life(1).exptime).toBe(81)
  })

  it('follow an object that is changed between two calls', () => {
    const options = { ttl: 60, tags: ['a'] }
    plans.of('wrap', options)
    options.tags[0] = 'b'
    expect(plans.of('wrap', options).tags).toEqual(['b'])
    options.tags.push('c')
    expect(plans.of('wrap', options).tags).toEqual(['b', 'c'])
    options.ttl = 5
    expect(plans.of('wrap', options).life(1).exptime).toBe(5)
  })

  it('check what the ones before did not have', () => {
    plans.of('wrap', { ttl: 60 })
    const bad = (options: object): (() => unknown) => {
      return () => plans.of('wrap', options as WrapOptions)
    }
    expect(bad({ ttl: -1 })).toThrow(RangeError)
    expect(bad({ ttl: '60' })).toThrow(TypeError)
    expect(bad({ tll: 60 })).toThrow(TypeError)
    expect(bad({ ttl: 60, tags: [''] })).toThrow(TypeError)
    expect(bad([])).toThrow(TypeError)
    expect(bad(new Map())).toThrow(TypeError)
    expect(() => plans.of('wrap', null as unknown as WrapOptions)).toThrow(TypeError)
    expect(plans.of('wrap', { ttl: 60, stale: undefined }).stale).toBe(0)
  })

  it('are made anew where time or a signal is among them', () => {
    const end = new Date(Date.now() + 60_000)
    const plan = plans.of('wrap', { ttl: end })
    end.setTime(Date.now() + 10_000)
    expect(plans.of('wrap', { ttl: end })).not.toBe(plan)
    expect(plans.of('wrap', { ttl: end }).life(1).exptime).toBe(10)
    const { signal } = new AbortController()
    expect(plans.of('wrap', { signal })).not.toBe(plans.of('wrap', { signal }))
  })

  it('see what an instance inherits', () => {
    class Options {
      span = 60
      get ttl(): number {
        return this.span
      }
      stale: number | undefined = 0
    }
    const options = new Options()
    const bad = (): unknown => plans.of('wrap', options)
    expect(bad).toThrow('span')
    Object.defineProperty(options, 'span', { enumerable: false })
    expect(plans.of('wrap', options).life(1).exptime).toBe(60)
    options.span = 44
    expect(plans.of('wrap', options).life(1).exptime).toBe(44)
  })
})
