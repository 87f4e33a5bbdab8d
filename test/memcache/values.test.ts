import { expect } from 'vitest'
import { test } from '../support/memcache.js'

test('values of any type', async ({ cache }) => {
  for (const value of ['á', 1.5, true, null, 2n ** 70n, new Date(0), new Map([['a', [1]]])]) {
    await cache.set('value', value)
    expect(await cache.get('value')).toEqual(value)
  }
})
