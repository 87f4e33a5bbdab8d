import { expect, test } from 'vitest'
import { OptionRules } from './option-rules.js'
import { shown } from './shown.js'

test('anything is shown, and nothing of it is called', () => {
  const { proxy, revoke } = Proxy.revocable([], {})
  revoke()
  const fails = (): never => {
    throw new Error('called')
  }
  const hostile = { toString: fails, valueOf: fails, [Symbol.toPrimitive]: fails, toJSON: fails }
  for (const value of [proxy, hostile, Object.create(null), new Proxy({}, { get: fails })]) {
    expect(shown(value)).toBe('an object')
  }
  expect([shown(Symbol('s')), shown(-0), shown(10n ** 99n)]).toEqual([
    'a symbol',
    '0',
    'a large bigint',
  ])
})

test('options that cannot be read are a TypeError that says whose, with the cause', () => {
  const cause = new Error('of the caller')
  const fails = (): never => {
    throw cause
  }
  const rules = new OptionRules<{ ttl?: number }>({ ttl: () => {} })
  const classed = new (class {
    get ttl(): never {
      return fails()
    }
  })()
  for (const options of [
    Object.defineProperty({}, 'ttl', { get: fails, enumerable: true }),
    classed,
  ]) {
    const check = (): void => rules.check('set', options)
    expect(check).toThrow(new TypeError('set: its options cannot be read'))
    expect(check).toThrow(expect.objectContaining({ cause }))
  }
})
