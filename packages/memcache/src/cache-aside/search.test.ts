import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { InvalidKeyError, ServerError } from '../errors.js'
import { Flight } from './flight.js'
import { Loading } from './loading.js'
import { flightOf, held, SearchFixture, stored } from './search-fixture.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Asks for a key, and waits until nothing is left to do for it. */
async function asked({ search }: SearchFixture, looked = false): Promise<unknown> {
  const flight = flightOf('a')
  const answer = flight.own
  await search.run([flight], looked)
  return answer
}

describe('a value that is there', () => {
  test('is found, for a second less than the server says, and nothing is loaded', async () => {
    const fixture = new SearchFixture(() => ({ a: [stored('old')] }))
    const flight = flightOf('a')
    const answers = [flight.own, flight.join()]
    await fixture.search.run([flight], false)
    expect(await Promise.all(answers)).toEqual(['old', 'old'])
    expect(fixture.told).toEqual(['look a', 'found a old', 'ended a'])
    expect(fixture.fresh).toEqual([59])
  })

  test('past its time is served while somebody else computes it, and not kept', async () => {
    for (const state of ['stale', 'invalidated'] as const) {
      const fixture = new SearchFixture(() => ({ a: [stored('old', state)] }))
      expect(await asked(fixture, true)).toBe('old')
      expect(fixture.told).toEqual(['look a again', 'ended a'])
    }
  })
})

describe('a value that is missing', () => {
  test('is loaded once by the one who won the right, and stored before it is given away', async () => {
    const fixture = new SearchFixture(({ won }) => ({ a: [won('a')] }), undefined, { ttl: 60 })
    const flight = flightOf('a')
    const answers = [flight.own, flight.join()]
    await fixture.search.run([flight], false)
    expect(await Promise.all(answers)).toEqual(['new a', 'new a'])
    expect(fixture.told).toEqual([
      'look a',
      'load a',
      'fill a new a 60',
      'found a new a',
      'ended a',
    ])
  })

  test('is fresh for less, by what storing it took', async () => {
    const fixture = new SearchFixture(({ won }) => ({ a: [won('a')] }), undefined, { ttl: 60 })
    const running = fixture.search.run([flightOf('a')], false)
    vi.spyOn(performance, 'now').mockReturnValueOnce(1_000).mockReturnValueOnce(3_500)
    await running
    vi.restoreAllMocks()
    expect(fixture.fresh).toEqual([57.5])
  })

  test('is looked for by the key as it was, and loaded by the key as it is', async () => {
    const key = Buffer.from('a')
    const flight = new Flight(key, 'a', [], {})
    key.write('b')
    const keys: unknown[] = []
    const fixture = new SearchFixture(
      ({ won }) => ({ a: [won('a')] }),
      async (asked) => {
        keys.push(...asked)
        return ['new']
      },
    )
    await fixture.search.run([flight], false)
    expect(fixture.told[0]).toBe('look a')
    expect(keys[0]).toBe(key)
  })

  test('is not kept where the key was changed meanwhile, here or elsewhere', async () => {
    const here = new SearchFixture(({ won }) => ({ a: [won('a')] }))
    const flight = flightOf('a')
    const answer = flight.own
    flight.current = false
    await here.search.run([flight], false)
    expect(await answer).toBe('new a')
    expect(here.deeds).toEqual(['load a', 'release a', 'ended a'])
    const elsewhere = new SearchFixture(({ won }) => ({ a: [won('a')] }))
    elsewhere.overtaken = true
    await elsewhere.search.run([flightOf('a')], false)
    expect(elsewhere.deeds).toEqual(['load a', 'fill a new a 0', 'ended a'])
  })

  test('and does not exist is remembered only where the options say so', async () => {
    for (const nothing of [undefined, null]) {
      const load = async () => [nothing]
      const forgotten = new SearchFixture(({ won }) => ({ a: [won('a')] }), load, { ttl: 60 })
      expect(await asked(forgotten)).toBe(nothing)
      expect(forgotten.deeds).toEqual(['load a', 'discard a', 'ended a'])
      const options = { ttl: 60, negativeTtl: 5 }
      const kept = new SearchFixture(({ won }) => ({ a: [won('a')] }), load, options)
      await kept.search.run([flightOf('a')], false)
      expect(kept.deeds).toContain(`fill a ${nothing} 5`)
      expect(kept.deeds).toContain(`found a ${nothing}`)
    }
  })

  test('and cannot be loaded is a failure for all who wait, once the right was given back', async () => {
    const fixture = new SearchFixture(
      ({ won }) => ({ a: [won('a')], b: [won('b')] }),
      async () => {
        throw new Error('no database')
      },
    )
    const flights = [flightOf('a'), flightOf('b')]
    const answers = flights.flatMap((flight) => [flight.own, flight.join()])
    await fixture.search.run(flights, false)
    for (const answer of answers) await expect(answer).rejects.toThrow('no database')
    expect(fixture.deeds).toEqual(['load a b', 'release a', 'release b', 'ended a', 'ended b'])
  })

  test('and cannot be stored is given away all the same, or fails where the options say so', async () => {
    for (const onError of ['load', 'throw'] as const) {
      const fixture = new SearchFixture(({ won }) => ({ a: [won('a')] }), undefined, { onError })
      fixture.refusal = new ServerError('out of memory')
      const answer = asked(fixture)
      if (onError === 'load') expect(await answer).toBe('new a')
      else await expect(answer).rejects.toThrow('out of memory')
      const told = onError === 'load' ? ['storeFailed a out of memory'] : []
      expect(fixture.deeds).toEqual(['load a', 'release a', ...told, 'ended a'])
    }
  })
})

describe('a value that another one computes', () => {
  test('is waited for until it arrives', async () => {
    const fixture = new SearchFixture(() => ({ a: [held(), held(), held(), stored('theirs')] }))
    const flight = flightOf('a')
    const answer = flight.own
    const running = fixture.search.run([flight], false)
    await vi.advanceTimersByTimeAsync(0)
    // Not without a rest.
    expect(fixture.told).toEqual(['look a'])
    await vi.advanceTimersByTimeAsync(400)
    await running
    expect(await answer).toBe('theirs')
    expect(fixture.looks).toBe(4)
    expect(fixture.told.slice(0, 2)).toEqual(['look a', 'look a again'])
    expect(fixture.deeds).toEqual(['found a theirs', 'ended a'])
  })

  test('is computed here once the other one has given the right back', async () => {
    const fixture = new SearchFixture(({ won }) => ({ a: [held(), won('a')] }))
    const running = fixture.search.run([flightOf('a')], false)
    await vi.advanceTimersByTimeAsync(400)
    await running
    expect(fixture.deeds).toEqual(['load a', 'fill a new a 0', 'found a new a', 'ended a'])
  })

  test('is computed without the right, and not stored, when two leases are over', async () => {
    const fixture = new SearchFixture(() => ({ a: [held()] }), undefined, { lease: 2 })
    const flight = flightOf('a')
    const answer = flight.own
    const running = fixture.search.run([flight], false)
    await vi.advanceTimersByTimeAsync(5_990)
    expect(fixture.deeds).toEqual([])
    await vi.advanceTimersByTimeAsync(200)
    await running
    expect(await answer).toBe('new a')
    expect(fixture.deeds).toEqual(['load a', 'ended a'])
  })

  test('is not waited for by the load that computes it', async () => {
    const flight = flightOf('a')
    const answer = flight.own
    await new Loading([flightOf('b')], ['own lease'], undefined).run(async () => {
      const fixture = new SearchFixture(() => ({ a: [held('own lease')] }))
      await fixture.search.run([flight], false)
      expect(fixture.told).toEqual(['look a', 'ended a'])
    })
    await expect(answer).rejects.toThrow('it would wait for itself')
  })

  test('nor by a load that this one calls', async () => {
    const inner = flightOf('c')
    const answer = inner.own
    let nested: SearchFixture | undefined
    const outer = new SearchFixture(
      ({ won }) => ({ a: [won('a')] }),
      async () => {
        nested = new SearchFixture(() => ({ c: [held('lease of a')] }))
        await nested.search.run([inner], false)
        return [await answer]
      },
    )
    const flight = flightOf('a')
    const own = flight.own
    await outer.search.run([flight], false)
    await expect(own).rejects.toThrow('wrap c: called by its own load')
    expect(nested?.looks).toBe(1)
  })
})

describe('an old value', () => {
  test('is served at once, and computed anew in the background', async () => {
    let loaded: (values: unknown[]) => void = () => {}
    const fixture = new SearchFixture(
      ({ won }) => ({ a: [won('a', 'stale', 'old')] }),
      () =>
        new Promise((resolve) => {
          loaded = resolve
        }),
      { ttl: 60 },
    )
    const flight = flightOf('a')
    const answer = flight.own
    let over = false
    const running = fixture.search.run([flight], false).then(() => {
      over = true
    })
    expect(await answer).toBe('old')
    await vi.advanceTimersByTimeAsync(500)
    expect(fixture.deeds).toEqual(['ended a', 'load a', 'refreshing a'])
    expect(over).toBe(false)
    loaded(['new'])
    await fixture.refreshes[0]
    expect(fixture.deeds.slice(3)).toEqual(['fill a new 60', 'found a new', 'refreshed a'])
    await running
  })

  test('stays where it cannot be computed or stored, and its callers do not notice', async () => {
    for (const fault of ['load', 'store']) {
      const fixture = new SearchFixture(
        ({ won }) => ({ a: [won('a', 'stale', 'old')] }),
        async () => {
          if (fault === 'load') throw new Error('no database')
          return ['new']
        },
        { onError: 'throw' },
      )
      if (fault === 'store') fixture.refusal = new Error('out of memory')
      expect(await asked(fixture)).toBe('old')
      await fixture.refreshes[0]
      // The next one may try once it is told.
      const reason = fault === 'load' ? 'no database' : 'out of memory'
      expect(fixture.deeds.slice(3)).toEqual(['release a', `refreshFailed a ${reason}`])
    }
  })

  test('that was invalidated goes to those who come later, not to the one who computes', async () => {
    const late: unknown[] = []
    const flight = flightOf('a')
    const fixture = new SearchFixture(
      ({ won }) => ({ a: [won('a', 'invalidated', 'old')] }),
      async () => {
        late.push(await flight.join())
        return ['new']
      },
    )
    const [own, joined] = [flight.own, flight.join()]
    await fixture.search.run([flight], false)
    expect(await own).toBe('new')
    expect(await joined).toBe('old')
    expect(late).toEqual(['old'])
    expect(fixture.deeds).toEqual(['load a', 'fill a new 0', 'found a new', 'ended a'])
  })
})

describe('a key that could not be looked at', () => {
  test('is loaded without a look, or fails', async () => {
    for (const onError of ['load', 'throw'] as const) {
      for (const fault of [new ServerError('busy'), new InvalidKeyError('too long')]) {
        const fixture = new SearchFixture(() => ({}), undefined, { onError })
        const flight = flightOf('a')
        const answer = flight.own
        await fixture.search.goOn(flight, fault)
        const loads = onError === 'load' && fault instanceof ServerError
        if (loads) expect(await answer).toBe('new a')
        else await expect(answer).rejects.toBe(fault)
        expect(fixture.told).toEqual(loads ? ['load a', 'ended a'] : ['ended a'])
      }
    }
  })

  test('and cannot be loaded either fails by the load', async () => {
    const load = async () => {
      throw new Error('no database')
    }
    const fixture = new SearchFixture(() => ({}), load)
    const flight = flightOf('a')
    const answer = flight.own
    await fixture.search.goOn(flight, new ServerError('busy'))
    await expect(answer).rejects.toThrow('no database')
  })
})
