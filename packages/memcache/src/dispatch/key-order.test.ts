import { expect, test } from 'vitest'
import { KeyOrder } from './key-order.js'

const later = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))

test('a key that nobody prepares anything for costs no wait', () => {
  const keyOrder = new KeyOrder()
  expect(keyOrder.of('a')).toBeUndefined()
  expect(keyOrder.enter(['a'])).toBeUndefined()
  expect(keyOrder.idle()).toBeUndefined()
})

test('commands of one key are sent in the order of the calls, those of others at once', async () => {
  const keyOrder = new KeyOrder()
  const sent: string[] = []
  const slow = (name: string, key: string, milliseconds: number): Promise<string> =>
    keyOrder.take(key, async () => {
      await later(milliseconds)
      return async () => {
        sent.push(name)
        return name
      }
    })
  const quick = async (name: string, key: string): Promise<void> => {
    const turn = keyOrder.of(key)
    if (turn === undefined) sent.push(name)
    else await turn.then(() => sent.push(name))
  }
  const many = async (name: string, keys: string[]): Promise<void> => {
    const turn = keyOrder.enter(keys)
    const leave = turn === undefined ? undefined : await turn
    sent.push(name)
    leave?.()
  }
  const all = [
    slow('a1', 'a', 30),
    quick('a2', 'a'),
    slow('a3', 'a', 1),
    slow('b1', 'b', 10),
    many('ab4', ['a', 'b', 'c']),
    quick('a5', 'a'),
    quick('b5', 'b'),
    quick('c1', 'c'),
    slow('a6', 'a', 1),
  ]
  expect(await Promise.all(all)).toContain('a6')
  expect(sent).toEqual(['b1', 'a1', 'a2', 'a3', 'ab4', 'a5', 'b5', 'c1', 'a6'])
  await later(0)
  expect(keyOrder.of('a')).toBeUndefined()
  expect(keyOrder.idle()).toBeUndefined()
})

test('one that cannot be prepared rejects and gives way', async () => {
  const keyOrder = new KeyOrder()
  const failing = keyOrder.take('a', () => Promise.reject(new RangeError('too large')))
  const next = keyOrder.take('a', async () => async () => 'sent')
  await expect(failing).rejects.toThrow('too large')
  expect(await next).toBe('sent')
})
