import { describe, expect, test } from 'vitest'
import { moduleContents } from './module-contents.js'

const one = (): number => 1
const two = (): number => 2

const read = (exports: object): object => {
  const { named, standard, options } = moduleContents({ ...exports })
  return { named: Object.fromEntries(named), standard, options }
}

describe('every kind of module', () => {
  test.each([
    ['named exports', { one, two }, { named: { one, two } }],
    ['a default one beside them', { one, default: two }, { named: { one }, standard: two }],
    ['a default object', { default: { one, two } }, { named: { one, two } }],
    ['module.exports is a function', { default: one, 'module.exports': one }, { standard: one }],
    [
      'module.exports is a function with others on it',
      { default: Object.assign(() => 3, { two, options: { timeout: 5 } }) },
      { named: { two }, standard: expect.any(Function), options: { timeout: 5 } },
    ],
    [
      'compiled from a default export',
      { __esModule: true, default: { __esModule: true, default: one, two }, two },
      { named: { two }, standard: one },
    ],
    [
      'compiled from a default object',
      { default: { __esModule: true, default: { one, options: { timeout: 5 } } } },
      { named: { one }, options: { timeout: 5 } },
    ],
    ['the outer of two', { one, default: { one: two } }, { named: { one } }],
    ['nothing of use', { default: null, one: 1, two: {} }, { named: {} }],
  ])('%s', (_, exports, expected) => {
    expect(read(exports)).toEqual({
      named: {},
      standard: undefined,
      options: undefined,
      ...expected,
    })
  })
})

test('classes are not handlers, compiled or not', () => {
  class Modern {}
  function Old(): void {}
  Old.prototype.method = () => {}
  function plain(): void {}
  const exports = { Modern, Old, plain, default: Modern }
  expect(read(exports)).toEqual({ named: { plain }, standard: undefined, options: undefined })
})

test('generators and async functions are handlers', () => {
  const exports = { async: async () => {}, *rows() {} }
  expect(read(exports)).toMatchObject({ named: exports })
})

test('what every object inherits is not an export', () => {
  const { named } = moduleContents({ default: {} })
  expect(named.get('toString')).toBeUndefined()
})
