import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { InvalidKeyError, ServerError } from '../errors.js'
import { flightOf, held, SearchFixture, stored } from './search-fixture.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('several keys', () => {
  test('are looked at and loaded together, and each has its own end', async () => {
    const fixture = new SearchFixture(({ won }) => ({
      hit: [stored('there')],
      miss: [won('miss')],
      old: [won('old', 'stale', 'old one')],
      other: [held(), won('other')],
      none: [won('none')],
      slow: [held(), stored('theirs')],
    }))
    const flights = ['hit', 'miss', 'old', 'other', 'none', 'slow'].map(flightOf)
    const answers = Promise.all(flights.map(({ own }) => own))
    const running = fixture.search.run(flights, false)
    await vi.advanceTimersByTimeAsync(400)
    await running
    expect(await answers).toEqual([
      'there',
      'new miss',
      'old one',
      'new other',
      'new none',
      'theirs',
    ])
    expect(fixture.told.filter((word) => /^(look|load)/.test(word))).toEqual([
      'look hit miss old other none slow patient',
      'load old',
      'load miss none',
      'look other slow again patient',
      'load other',
    ])
    expect(fixture.told.filter((word) => word.startsWith('ended'))).toHaveLength(6)
  })

  test('the last one that is waited for is not part of a list any more', async () => {
    const fixture = new SearchFixture(() => ({ a: [stored('x')], b: [held(), stored('y')] }))
    const running = fixture.search.run([flightOf('a'), flightOf('b')], false)
    await vi.advanceTimersByTimeAsync(400)
    await running
    expect(fixture.told).toContain('look b again')
  })

  test('those that the cache fails for are loaded, or fail, and nothing is stored', async () => {
    const fault = new ServerError('busy')
    const wrong = new InvalidKeyError('too long')
    const bug = new RangeError('no such server')
    for (const onError of ['load', 'throw'] as const) {
      const finds = { a: [stored('x')], b: [fault], c: [wrong], d: [bug] }
      const fixture = new SearchFixture(() => finds, undefined, { onError })
      const flights = ['a', 'b', 'c', 'd'].map(flightOf)
      const answers = Promise.allSettled(flights.map(({ own }) => own))
      await fixture.search.run(flights, false)
      const [a, b, c, d] = await answers
      expect(a).toMatchObject({ value: 'x' })
      expect(b).toMatchObject(onError === 'load' ? { value: 'new b' } : { reason: fault })
      // Mistakes of the caller are told in any case.
      expect(c).toMatchObject({ reason: wrong })
      expect(d).toMatchObject({ reason: bug })
      const loads = fixture.told.filter((word) => /^(load|fill|storeFailed)/.test(word))
      expect(loads).toEqual(onError === 'load' ? ['load b'] : [])
      expect(fixture.told.filter((word) => word.startsWith('ended'))).toHaveLength(4)
    }
  })

  test('all fail that have no value yet where looks fail altogether', async () => {
    const fixture = new SearchFixture(() => ({ a: [stored('x')], b: [held()] }))
    const flights = ['a', 'b'].map(flightOf)
    const answers = Promise.allSettled(flights.map(({ own }) => own))
    const running = fixture.search.run(flights, false)
    await vi.advanceTimersByTimeAsync(0)
    fixture.breakage = new Error('no looks')
    await vi.advanceTimersByTimeAsync(100)
    await running
    expect(await answers).toMatchObject([{ value: 'x' }, { reason: fixture.breakage }])
    expect(fixture.deeds).toEqual(['found a x', 'ended a', 'ended b'])
  })
})
